// SPDX-License-Identifier: MIT
//
// A process's beginning and end, and what it asks about itself: brk and sbrk, exit and its
// handlers, wait, the environment, the auxiliary vector.
#include "lib/libc/malloc_debug.h"
#include "lib/libc/system_call.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_FUNCTIONS_MAX 32

static void (*exit_functions[EXIT_FUNCTIONS_MAX])(void);
static int exit_function_count;

int atexit(void (*function)(void))
{
	if (exit_function_count == EXIT_FUNCTIONS_MAX)
		return -1;
	exit_functions[exit_function_count++] = function;
	return 0;
}

_Noreturn void _exit(int status)
{
	for (;;)
		system_call1(__NR_exit_group, status);
}

_Noreturn void _Exit(int status)
{
	_exit(status);
}

// In programs that never allocate there is no malloc.
#pragma weak malloc_debug_exit

_Noreturn void exit(int status)
{
	while (exit_function_count > 0)
		exit_functions[--exit_function_count]();
	libc_flush_all();
	if (malloc_debug_exit)
		status = malloc_debug_exit(status);
	_exit(status);
}

// SIGABRT may be ignored or caught; after the second one it is neither.
_Noreturn void abort(void)
{
	raise(SIGABRT);
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	_exit(127);
}

_Noreturn void assertion_failed(const char *condition, const char *file, int line)
{
	dprintf(STDERR_FILENO, "%s:%d: assertion failed: %s\n", file, line, condition);
	abort();
}

// The kernel answers every request with where the heap ends now, and a refused one with the old
// end.
int brk(void *end)
{
	void *now = (void *)system_call1(__NR_brk, end);

	if (now == end)
		return 0;
	errno = ENOMEM;
	return -1;
}

void *sbrk(intptr_t change)
{
	char *now = (char *)system_call1(__NR_brk, 0);

	return change == 0 || brk(now + change) == 0 ? now : (void *)-1;
}

pid_t wait(int *status)
{
	return wait4(-1, status, 0, NULL);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	return wait4(pid, status, options, NULL);
}

int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

char *getenv(const char *name)
{
	size_t length = strlen(name);

	for (char **at = environ; *at; at++)
		if (strncmp(*at, name, length) == 0 && (*at)[length] == '=')
			return *at + length + 1;
	return NULL;
}

unsigned long getauxval(unsigned long type)
{
	const unsigned long *at = libc_auxiliary_vector;

	for (; at[0] != AT_NULL; at += 2)
		if (at[0] == type)
			return at[1];
	errno = ENOENT;
	return 0;
}

int getpagesize(void)
{
	return (int)getauxval(AT_PAGESZ);
}

long sysconf(int name)
{
	if (name == _SC_PAGESIZE)
		return getpagesize();
	errno = EINVAL;
	return -1;
}

int usleep(useconds_t microseconds)
{
	struct timespec request = {microseconds / 1000000, microseconds % 1000000 * 1000};

	return nanosleep(&request, NULL);
}

unsigned int sleep(unsigned int seconds)
{
	struct timespec request = {seconds, 0}, left = {0, 0};

	return nanosleep(&request, &left) == 0 ? 0 : (unsigned int)left.tv_sec;
}

time_t time(time_t *now)
{
	struct timespec at = {0, 0};

	clock_gettime(CLOCK_REALTIME, &at);
	if (now)
		*now = at.tv_sec;
	return at.tv_sec;
}

clock_t clock(void)
{
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0)
		return -1;
	return used.tv_sec * CLOCKS_PER_SEC + used.tv_nsec / 1000;
}
