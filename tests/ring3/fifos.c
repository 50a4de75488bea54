// SPDX-License-Identifier: MIT
//
// Pipes with a name: who waits for whom when they are opened, what O_NONBLOCK and O_RDWR change,
// what poll says before anybody came and after all have gone, and that nothing is kept between.
// run: --cpus 2
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include "tests/ring3/tap.h"
#include "tests/ring3/workplace.h"

static void nap(void)
{
	const struct timespec time = {.tv_nsec = 20000000};

	nanosleep(&time, NULL);
}

static unsigned events(int file)
{
	struct pollfd one = {.fd = file, .events = POLLIN | POLLOUT};

	return poll(&one, 1, 0) < 0 ? ~0u : (unsigned)one.revents;
}

static void made(void)
{
	struct stat status;

	show("mkfifo", mkfifo("pipe", 0640));
	show("once more", mkfifo("pipe", 0640));
	stat("pipe", &status);
	printf("# mode %o, size %ld\n", (unsigned)status.st_mode, (long)status.st_size);
}

static void without_waiting(void)
{
	int reader, writer, both;
	char bytes[8];

	show("writing, nobody reads", open("pipe", O_WRONLY | O_NONBLOCK));
	reader = open("pipe", O_RDONLY | O_NONBLOCK);
	check(reader >= 0, "reading, nobody writes");
	show("nothing is there", read(reader, bytes, 8));
	show("polled", events(reader));
	writer = open("pipe", O_WRONLY | O_NONBLOCK);
	check(writer >= 0, "writing, now that somebody reads");
	show("still nothing", read(reader, bytes, 8));
	show("written", write(writer, "12345", 5));
	show("polled", events(reader));
	show("the writer polled", events(writer));
	show("seek", lseek(reader, 0, SEEK_SET));
	close(writer);
	show("the writer has gone", events(reader));
	show("read", read(reader, bytes, 8));
	show("and read", read(reader, bytes, 8));
	show("polled", events(reader));
	both = open("pipe", O_RDWR);
	check(both >= 0, "one for both ends");
	show("polled", events(both));
	show("written", write(both, "12", 2));
	show("polled", events(both));
	show("F_GETPIPE_SZ", fcntl(both, F_GETPIPE_SZ));
	close(both);
	close(reader);
	reader = open("pipe", O_RDONLY | O_NONBLOCK);
	show("what was left has gone", read(reader, bytes, 8));
	close(reader);
}

static void child_opens(int flags, const char *name)
{
	pid_t child = fork();
	int status, file;
	char byte = 'x';

	if (child == 0) {
		nap();
		file = open("pipe", flags);
		if (flags == O_WRONLY)
			_exit(write(file, &byte, 1) != 1);
		_exit(read(file, &byte, 1) != 1);
	}
	file = open("pipe", flags == O_WRONLY ? O_RDONLY : O_WRONLY);
	if (flags == O_WRONLY)
		show(name, read(file, &byte, 1));
	else
		show(name, write(file, &byte, 1));
	waitpid(child, &status, 0);
	show_status("the other", status);
	close(file);
}

// The other one comes and goes at once: it is not missed.
static void comes_and_goes(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		int file = open("pipe", O_WRONLY);

		close(file);
		_exit(0);
	}
	int file = open("pipe", O_RDONLY);
	char byte;

	if (read(file, &byte, 1) || waitpid(child, &status, 0) != child || status)
		check(false, "the end after it has gone");
	close(file);
}

static void handler(int signal)
{
	(void)signal;
}

// 0, or why not.
static int error_of_opening(int flags)
{
	int file = open("pipe", flags);

	if (file < 0)
		return errno;
	close(file);
	return 0;
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = handler};
	struct itimerval often = {{.tv_usec = 20000}, {.tv_usec = 20000}}, never = {0};
	int reader, writer;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL); // the first may come too early
	reader = error_of_opening(O_RDONLY);
	writer = error_of_opening(O_WRONLY);
	setitimer(ITIMER_REAL, &never, NULL);
	check(reader == EINTR, "a signal while waiting for a writer");
	check(writer == EINTR, "a signal while waiting for a reader");
	show("and there is no reader", open("pipe", O_WRONLY | O_NONBLOCK));
}

static void no_reader(void)
{
	int reader = open("pipe", O_RDONLY | O_NONBLOCK), writer = open("pipe", O_WRONLY);

	signal(SIGPIPE, SIG_IGN);
	close(reader);
	show("polled without a reader", events(writer));
	show("written without a reader", write(writer, "x", 1));
	reader = open("pipe", O_RDONLY);
	show("written with a new one", write(writer, "x", 1));
	unlink("pipe");
	show("it works without its name", read(reader, (char[1]){0}, 1));
	close(reader);
	close(writer);
}

int main(void)
{
	enter_workplace();
	made();
	without_waiting();
	child_opens(O_WRONLY, "reading, when a writer has come");
	child_opens(O_RDONLY, "writing, when a reader has come");
	for (int i = 0; i < 200; i++)
		comes_and_goes();
	interrupted();
	no_reader();
	leave_workplace();
	return tap_end();
}
