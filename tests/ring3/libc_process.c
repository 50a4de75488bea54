// SPDX-License-Identifier: MIT
//
// Processes, signals, pipes and memory through the C library's functions, as three C libraries
// have them.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void handler(int signal)
{
	caught = signal;
}

static int end_of(pid_t child)
{
	int status = 0;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void children(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(3);
	printf("%d\n", end_of(child));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		printf("the child's line\n");
		exit(4);
	}
	printf("%d\n", end_of(child));
	child = vfork();
	if (child == 0)
		_exit(5);
	printf("%d\n", end_of(child));
	fflush(stdout);
	child = fork();
	if (child == 0)
		abort();
	printf("%d\n", end_of(child));
	printf("%d %d\n", wait(NULL), errno == ECHILD);
}

static void signals(void)
{
	struct sigaction action = {.sa_handler = handler}, old;
	sigset_t set;

	sigemptyset(&action.sa_mask);
	sigaction(SIGUSR1, &action, &old);
	printf("%d\n", old.sa_handler == SIG_DFL);
	raise(SIGUSR1);
	printf("%d\n", caught == SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	caught = 0;
	kill(getpid(), SIGUSR1);
	printf("%d\n", (int)caught);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	printf("%d %d\n", caught == SIGUSR1, sigismember(&set, SIGUSR2));
	printf("%d\n", signal(SIGUSR1, SIG_IGN) == handler);
	printf("%d %d\n", kill(getpid(), 1000), errno == EINVAL);
}

static void files(void)
{
	char buffer[8] = "";
	struct stat status;
	int ends[2], fd;

	printf("%d\n", pipe(ends));
	printf("%zd\n", write(ends[1], "hello", 5));
	fd = dup(ends[0]);
	printf("%zd %s\n", read(fd, buffer, 7), buffer);
	printf("%d %d\n", close(fd), close(fd));
	printf("%d\n", fcntl(ends[0], F_GETFD));
	printf("%d\n", fcntl(ends[0], F_SETFD, FD_CLOEXEC));
	printf("%d\n", fcntl(ends[0], F_GETFD));
	printf("%d %d\n", open("/nothing-here", O_RDONLY), errno == ENOENT);
	fd = open("/proc/self/exe", O_RDONLY);
	printf("%d %d\n", fstat(fd, &status), S_ISREG(status.st_mode));
	printf("%ld %ld\n", (long)lseek(fd, 100, SEEK_SET), (long)lseek(fd, 0, SEEK_CUR));
	printf("%d %d\n", isatty(fd), access("/proc/self/exe", R_OK));
	close(fd);
}

static void memory(void)
{
	char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	area[5000] = 'm';
	printf("%c %d\n", area[5000], area[0]);
	printf("%d %d\n", mprotect(area, 4096, PROT_READ), munmap(area, 8192));
	printf("%d %d\n",
	       mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED,
	       errno == EINVAL);
}

static void system_and_time(void)
{
	struct timespec pause = {0, 1000000}, start, end;
	struct utsname name;

	printf("%d %s\n", uname(&name), name.machine);
	clock_gettime(CLOCK_MONOTONIC, &start);
	printf("%d\n", nanosleep(&pause, NULL));
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%d\n", end.tv_sec > start.tv_sec || end.tv_nsec > start.tv_nsec);
	printf("%ld\n", sysconf(_SC_PAGESIZE));
	printf("%d\n", time(NULL) > 1600000000);
}

static void executing(void)
{
	char *const arguments[] = {"libc_process", "again", NULL};
	char *const environment[] = {"MARK=found", NULL};
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		execve("/proc/self/exe", arguments, environment);
		_exit(99);
	}
	printf("%d\n", end_of(child));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		printf("%s %s\n", argv[1], getenv("MARK"));
		return 6;
	}
	children();
	signals();
	files();
	memory();
	system_and_time();
	executing();
	return 0;
}
