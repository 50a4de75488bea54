// SPDX-License-Identifier: MIT
//
// How the debug allocator begins: with the first block that a program wants, or before main. The
// first may come before a C library has set up its environment, so that is read from /proc then.
#include "lib/libc/malloc_debug.h"
#include "lib/libc/system_call.h"
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

extern char **environ;

#define NAME "MALLOC_DEBUG="

static const char *find(const char *environment, size_t size)
{
	const char *end = environment + size;

	for (const char *at = environment; at < end; at += strnlen(at, (size_t)(end - at)) + 1)
		if ((size_t)(end - at) > strlen(NAME) && memcmp(at, NAME, strlen(NAME)) == 0)
			return at + strlen(NAME);
	return NULL;
}

// The first so many bytes have to do.
static const char *from_proc(void)
{
	static char environment[32768];
	long fd = system_call4(__NR_openat, AT_FDCWD, (long)"/proc/self/environ",
			       O_RDONLY | O_CLOEXEC, 0);
	size_t size = 0;
	long got = 1;

	if (fd < 0)
		return NULL;
	while (got > 0 && size < sizeof(environment) - 1) {
		got = system_call3(__NR_read, fd, (long)(environment + size),
				   (long)(sizeof(environment) - 1 - size));
		size += got > 0 ? (size_t)got : 0;
	}
	system_call1(__NR_close, fd);
	return find(environment, size);
}

void malloc_debug_start(void)
{
	static bool started; // under the lock
	const char *words;

	debug_lock();
	if (!started) {
		words = environ ? getenv("MALLOC_DEBUG") : from_proc();
		if (words && !getauxval(AT_SECURE))
			debug_read_options(words);
		if (debug_options.on)
			debug_watch_faults();
		started = true;
	}
	debug_unlock();
}
