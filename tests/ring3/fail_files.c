// SPDX-License-Identifier: MIT
//
// Every allocation of every system call on files fails once: the call says so or does without, and
// nothing is lost. /proc/self/fail-nth is this kernel's (Linux has it when built with fault
// injection), so:
// kernel only
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "tests/ring3/tap.h"

static int fail_nth;
static char block[4096];

// The next allocations: the Nth fails. The call between arm() and left() is the one meant.
static void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (write(fail_nth, text, (size_t)length) != length)
		exit(1);
}

static int left(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 1)
		exit(1);
	return atoi(text);
}

static long opening(void)
{
	long fd = open("/proc/self/root/dev/../proc/self/status", O_RDONLY);

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long reading(void)
{
	int fd = open("/proc/self/status", O_RDONLY);
	long result = fd < 0 ? fd : read(fd, block, sizeof(block));

	if (fd >= 0)
		close(fd);
	return result;
}

static long reading_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	long result = fd < 0 ? fd : read(fd, block, sizeof(block));

	if (fd >= 0)
		close(fd);
	return result;
}

static long piping(void)
{
	int ends[2];
	long result = pipe(ends);

	if (result < 0)
		return result;
	result = write(ends[1], block, sizeof(block));
	if (result > 0)
		result = read(ends[0], block, sizeof(block));
	close(ends[0]);
	close(ends[1]);
	return result;
}

static long many_descriptors(void)
{
	long result = dup2(0, 700);

	if (result >= 0)
		close(700);
	return result;
}

static long listing(void)
{
	int fd = open("/proc", O_RDONLY | O_DIRECTORY);
	long result = fd < 0 ? fd : syscall(SYS_getdents64, fd, block, sizeof(block));

	if (fd >= 0)
		close(fd);
	return result;
}

static long linking(void)
{
	return readlink("/proc/self/exe", block, sizeof(block));
}

static long working(void)
{
	return syscall(SYS_getcwd, block, sizeof(block));
}

static long status(void)
{
	struct stat status;

	return stat("/proc/self/cwd/dev/null", &status);
}

static long pieces(void)
{
	static struct iovec vector[100];

	for (int i = 0; i < 100; i++)
		vector[i] = (struct iovec){block + i, 1};
	return writev(fail_nth + 1, vector, 100);
}

static long sending(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	long result = fd < 0 ? fd : sendfile(fail_nth + 1, fd, NULL, 10000);

	if (fd >= 0)
		close(fd);
	return result;
}

static long polling(void)
{
	struct pollfd files[20];

	for (int i = 0; i < 20; i++)
		files[i] = (struct pollfd){.fd = i, .events = POLLIN};
	return poll(files, 20, 0);
}

static long selecting(void)
{
	fd_set set;

	FD_ZERO(&set);
	for (int i = 0; i < fail_nth; i++)
		FD_SET(i, &set);
	return select(20, &set, NULL, NULL, &(struct timeval){0, 0});
}

static void walk(const char *name, long (*call)(void))
{
	int nth, remaining = 0;

	for (nth = 1; nth < 500 && remaining == 0; nth++) {
		long result;
		int error;

		errno = 0;
		arm(nth);
		result = call();
		error = errno;
		remaining = left();
		arm(0);
		if (remaining == 0 && result < 0 && error != ENOMEM) {
			printf("# %d: %s\n", nth, strerror(error));
			check(false, name);
			return;
		}
		if (remaining != 0 && result < 0) {
			printf("# %d: nothing failed, and yet: %s\n", nth, strerror(error));
			check(false, name);
			return;
		}
	}
	check(nth > 2 && nth < 500, name); // each call allocates something
}

int main(void)
{
	char audit[200] = "";
	int fd;

	for (fd = 3; fd < 64; fd++)
		close(fd);
	fail_nth = open("/proc/self/fail-nth", O_RDWR);
	check(open("/dev/null", O_RDWR) == fail_nth + 1, "fail-nth and /dev/null are open");
	arm(3);
	show("three to go", left());
	arm(0);
	show("none", left());
	show("a negative one", write(fail_nth, "-1", 2));
	show("no number", write(fail_nth, "x", 1));
	walk("open", opening);
	walk("read of a pseudo file", reading);
	walk("read of maps", reading_maps);
	walk("pipe", piping);
	walk("dup2", many_descriptors);
	walk("getdents64", listing);
	walk("readlink", linking);
	walk("getcwd", working);
	walk("stat", status);
	walk("writev", pieces);
	walk("sendfile", sending);
	walk("poll", polling);
	walk("select", selecting);
	fd = open("/sys/kernel/debug/faultline/audit", O_RDONLY);
	check(read(fd, audit, sizeof(audit) - 1) > 0 && strstr(audit, " 0 wrong\n"), "audit");
	printf("# %s", strstr(audit, " 0 wrong") ? "" : audit);
	return tap_end();
}
