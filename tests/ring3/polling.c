// SPDX-License-Identifier: MIT
//
// poll, ppoll and select on pipes and devices: what is ready, what is not, and waiting for it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

static int ends[2];

static void show_poll(const char *name, struct pollfd *files, nfds_t count, int timeout)
{
	int result = poll(files, count, timeout);

	show(name, result);
	for (nfds_t i = 0; i < count; i++)
		printf("#   %zu: %#x\n", (size_t)i, (unsigned)files[i].revents);
}

static struct pollfd *both(short first, short second)
{
	static struct pollfd files[2];

	files[0] = (struct pollfd){.fd = ends[0], .events = first};
	files[1] = (struct pollfd){.fd = ends[1], .events = second};
	return files;
}

static void fill(int fd)
{
	static char block[4096];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, block, sizeof(block)) > 0)
		continue;
	show("a full pipe", -1);
	fcntl(fd, F_SETFL, 0);
}

static void pipes(void)
{
	char block[4096];

	check(pipe(ends) == 0, "a pipe");
	show_poll("empty", both(POLLIN, POLLOUT), 2, 0);
	show_poll("nothing asked", both(0, 0), 2, 0);
	check(write(ends[1], "x", 1) == 1, "a byte");
	show_poll("with a byte", both(POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM), 2, 0);
	check(read(ends[0], block, 1) == 1, "gone");
	fill(ends[1]);
	show_poll("full", both(POLLIN, POLLOUT), 2, 0);
	check(read(ends[0], block, 4096) == 4096, "a page read");
	show_poll("a page free", both(POLLIN, POLLOUT), 2, 0);
	close(ends[1]);
	show_poll("no writer, but bytes", both(POLLIN, 0), 1, 0);
	while (read(ends[0], block, sizeof(block)) > 0)
		continue;
	show_poll("no writer, no bytes", both(POLLIN, 0), 1, -1);
	close(ends[0]);
	check(pipe(ends) == 0, "another");
	close(ends[0]);
	struct pollfd writer = {.fd = ends[1], .events = POLLOUT};
	show_poll("no reader", &writer, 1, -1);
	close(ends[1]);
}

static void others(void)
{
	struct pollfd files[4] = {
		{.fd = open("/dev/null", O_RDWR), .events = POLLIN | POLLOUT | POLLPRI},
		{.fd = -1, .events = POLLIN, .revents = 1234},
		{.fd = 77, .events = POLLIN},
		{.fd = open("/proc/self/exe", O_RDONLY), .events = POLLIN | POLLOUT},
	};

	show_poll("others", files, 4, 1000);
	show_poll("only a negative one", files + 1, 1, 10);
	show_poll("none", files, 0, 10);
	show("too many", syscall(SYS_poll, files, 1u << 30, 0));
	show("nowhere", syscall(SYS_poll, 8, 1, 0));
	show("a bad time", syscall(SYS_ppoll, files, 1, &(struct timespec){0, 1000000000}, 0, 8));
	show("a bad mask", syscall(SYS_ppoll, files, 1, 0, files, 4));
	close(files[0].fd);
	close(files[3].fd);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void waiting(void)
{
	long before = milliseconds();
	char byte;
	int status;

	check(pipe(ends) == 0, "a pipe to wait for");
	show_poll("nobody writes", both(POLLIN, 0), 1, 60);
	check(milliseconds() - before >= 60, "that long");
	if (fork() == 0) {
		usleep(30000);
		_exit(write(ends[1], "y", 1) != 1);
	}
	show_poll("somebody does", both(POLLIN, 0), 1, -1);
	check(read(ends[0], &byte, 1) == 1 && byte == 'y', "the byte");
	wait(&status);
	if (fork() == 0) {
		close(ends[0]);
		usleep(30000);
		_exit(0);
	}
	close(ends[1]);
	struct pollfd reader = {.fd = ends[0], .events = POLLIN};
	show_poll("the last writer goes", &reader, 1, -1);
	wait(&status);
	close(ends[0]);
}

static void selecting(void)
{
	struct timeval soon = {0, 20000};
	fd_set reading, writing;

	check(pipe(ends) == 0, "a pipe to select");
	FD_ZERO(&reading);
	FD_ZERO(&writing);
	FD_SET(ends[0], &reading);
	show("nothing to read", select(ends[1] + 1, &reading, NULL, NULL, &soon));
	show("its bit", FD_ISSET(ends[0], &reading) != 0);
	FD_SET(ends[0], &reading);
	FD_SET(ends[1], &writing);
	show("room to write", select(ends[1] + 1, &reading, &writing, NULL, NULL));
	show("its bit", FD_ISSET(ends[1], &writing) != 0);
	show("the other's", FD_ISSET(ends[0], &reading) != 0);
	check(write(ends[1], "z", 1) == 1, "a byte");
	FD_SET(ends[0], &reading);
	FD_SET(ends[1], &writing);
	show("both", select(ends[1] + 1, &reading, &writing, NULL, NULL));
	FD_SET(55, &reading);
	show("a closed one", select(60, &reading, NULL, NULL, NULL));
	show("a negative count", select(-1, NULL, NULL, NULL, NULL));
	show("a bad time", select(0, NULL, NULL, NULL, &(struct timeval){-1, 0}));
	show("only time", select(0, NULL, NULL, NULL, &(struct timeval){0, 1000}));
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	pipes();
	others();
	waiting();
	selecting();
	return tap_end();
}
