// SPDX-License-Identifier: MIT
//
// Every allocation of every system call on files fails once: the call says so or does without, and
// nothing is lost. /proc/self/fail-nth is this kernel's (Linux has it when built with fault
// injection), so:
// kernel only
#define _GNU_SOURCE
#include <poll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "tests/ring3/fail.h"

static char block[4096];

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

int main(void)
{
	open_fail_nth();
	check(open("/dev/null", O_RDWR) == fail_nth + 1, "fail-nth and /dev/null are open");
	arm(3);
	show("three to go", left());
	arm(0);
	show("none", left());
	show("a negative one", write(fail_nth, "-1", 2));
	show("no number", write(fail_nth, "x", 1));
	walk("open", opening, NULL);
	walk("read of a pseudo file", reading, NULL);
	walk("read of maps", reading_maps, NULL);
	walk("pipe", piping, NULL);
	walk("dup2", many_descriptors, NULL);
	walk("getdents64", listing, NULL);
	walk("readlink", linking, NULL);
	walk("getcwd", working, NULL);
	walk("stat", status, NULL);
	walk("writev", pieces, NULL);
	walk("sendfile", sending, NULL);
	walk("poll", polling, NULL);
	walk("select", selecting, NULL);
	check_audit();
	return tap_end();
}
