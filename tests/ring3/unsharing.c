// SPDX-License-Identifier: MIT
//
// unshare: parting with what clone shared, and what can not be parted with. readahead's errors.
// Name spaces are left out, of which Linux may have some.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static char stack[65536] __attribute__((aligned(16)));

static int alone(int (*part)(void *), int flags)
{
	int status;
	pid_t child = clone(part, stack + sizeof(stack), flags | SIGCHLD, NULL);

	waitpid(child, &status, 0);
	return status;
}

static int other_files(void *unused)
{
	(void)unused;
	show("unshare descriptors", unshare(CLONE_FILES));
	show("close one", close(50));
	return 0;
}

static int other_place(void *unused)
{
	(void)unused;
	show("unshare the working directory", unshare(CLONE_FS | CLONE_SYSVSEM));
	chdir("/proc");
	umask(0777);
	return 0;
}

static int other_memory(void *unused)
{
	(void)unused;
	show("unshare memory", unshare(CLONE_VM));
	show("handlers", unshare(CLONE_SIGHAND));
	show("threads", unshare(CLONE_THREAD));
	return 0;
}

static void parting(void)
{
	char place[64];

	dup2(1, 50);
	alone(other_files, CLONE_FILES);
	show("it is open here", fcntl(50, F_GETFD));
	chdir("/dev");
	umask(022);
	alone(other_place, CLONE_FS);
	check(getcwd(place, sizeof(place)) && !strcmp(place, "/dev"), "still in /dev");
	show("the umask", umask(022));
	fflush(stdout);
	alone(other_memory, CLONE_VM | CLONE_VFORK);
}

static void whole(void)
{
	show("nothing", unshare(0));
	show("what is nobody else's", unshare(CLONE_FILES | CLONE_FS));
	show("a process of one thread", unshare(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
	show("unknown flags", unshare(CLONE_PARENT));
	show("more unknown flags", unshare(CLONE_SETTLS));
	show("setns to no descriptor", setns(-1, 0));
	show("setns to no name space", setns(0, 0));
}

static void reading_ahead(void)
{
	int file = open("/proc/self/exe", O_RDONLY), ends[2];

	show("readahead", readahead(file, 0, 4096));
	show("beyond the end", readahead(file, 1l << 40, 4096));
	show("of nothing", readahead(file, 0, 0));
	show("no descriptor", readahead(-1, 0, 4096));
	close(file);
	show("a directory", readahead(open("/", O_RDONLY), 0, 4096));
	if (pipe(ends))
		return;
	show("a pipe", readahead(ends[0], 0, 4096));
	show("written to only", readahead(ends[1], 0, 4096));
	show("its path only", readahead(open("/", O_PATH), 0, 4096));
}

int main(void)
{
	parting();
	whole();
	reading_ahead();
	return tap_end();
}
