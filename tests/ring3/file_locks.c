// SPDX-License-Identifier: MIT
//
// Locks on files: ranges that belong to a process or to an open file, and flock's; what meets
// what, how ranges join and divide, who waits, and what goes with a closed descriptor.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include "tests/ring3/workplace.h"

static int fd;

static long set(int file, int command, short type, long start, long length)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return fcntl(file, command, &lock);
}

static void show_first(const char *name, int command, short type, long start, long length)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	if (fcntl(fd, command, &lock)) {
		show(name, -1);
		return;
	}
	printf("# %s: type %d, from %ld, %ld bytes, %s\n", name, lock.l_type, (long)lock.l_start,
	       (long)lock.l_len,
	       lock.l_type == F_UNLCK    ? "nobody"
	       : lock.l_pid == getppid() ? "the parent"
	       : lock.l_pid == -1        ? "an open file"
					 : "somebody");
	fflush(stdout);
}

static int seen_by_child(void)
{
	show_first("all", F_GETLK, F_WRLCK, 0, 0);
	show_first("from 100", F_GETLK, F_WRLCK, 100, 0);
	show_first("10 to 19", F_GETLK, F_WRLCK, 10, 10);
	show_first("to read", F_GETLK, F_RDLCK, 0, 0);
	show("locked", set(fd, F_SETLK, F_WRLCK, 10, 1));
	show("locked to read", set(fd, F_SETLK, F_RDLCK, 10, 1));
	show("elsewhere", set(fd, F_SETLK, F_WRLCK, 5000, 1));
	return 0;
}

static void ranges(void)
{
	set(fd, F_SETLK, F_WRLCK, 0, 10);
	set(fd, F_SETLK, F_WRLCK, 10, 10);
	show_status("joined", in_child(seen_by_child));
	set(fd, F_SETLK, F_UNLCK, 5, 10);
	show_status("divided", in_child(seen_by_child));
	set(fd, F_SETLK, F_RDLCK, 0, 200);
	show_status("to read", in_child(seen_by_child));
	set(fd, F_SETLK, F_WRLCK, 50, 0);
	show_status("to the end", in_child(seen_by_child));
	set(fd, F_SETLK, F_UNLCK, 0, 0);
	show_status("nothing", in_child(seen_by_child));
	set(fd, F_SETLK, F_WRLCK, 20, -10);
	show_status("backwards", in_child(seen_by_child));
	close(dup(fd));
	show_status("a closed duplicate", in_child(seen_by_child));
}

static void mistakes(void)
{
	int reader = open("file", O_RDONLY), writer = open("file", O_WRONLY), ends[2];
	struct flock lock = {.l_type = F_RDLCK, .l_whence = 7};

	show("to write by a reader", set(reader, F_SETLK, F_WRLCK, 0, 1));
	show("to read by a writer", set(writer, F_SETLK, F_RDLCK, 0, 1));
	show("to write by a writer", set(writer, F_SETLK, F_WRLCK, 0, 1));
	show("no type", set(fd, F_SETLK, 7, 0, 1));
	show("asked for no lock", set(fd, F_GETLK, F_UNLCK, 0, 1));
	show("before the start", set(fd, F_SETLK, F_RDLCK, -1, 1));
	show("to before the start", set(fd, F_SETLK, F_RDLCK, 5, -6));
	show("from nowhere", fcntl(fd, F_SETLK, &lock));
	show("in no memory", fcntl(fd, F_SETLK, 8));
	lock = (struct flock){.l_type = F_RDLCK, .l_pid = 1};
	show("of an open file, with a pid", fcntl(fd, F_OFD_SETLK, &lock));
	show("of nothing", set(77, F_SETLK, F_RDLCK, 0, 1));
	show("flock of nothing", flock(77, LOCK_SH));
	show("flock of no kind", flock(fd, 0));
	show("flock of two kinds", flock(fd, LOCK_SH | LOCK_EX));
	if (pipe(ends) == 0)
		show("flock of a pipe", flock(ends[0], LOCK_EX));
	close(ends[0]), close(ends[1]);
	close(reader), close(writer);
}

static void of_open_files(void)
{
	int other = open("file", O_RDWR), copy = dup(fd);

	show("of one", set(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	show("of another", set(other, F_OFD_SETLK, F_WRLCK, 5, 10));
	show("of a duplicate", set(copy, F_OFD_SETLK, F_WRLCK, 5, 10));
	show("of the process", set(other, F_SETLK, F_WRLCK, 5, 10));
	show_status("seen", in_child(seen_by_child));
	close(copy);
	show("with a duplicate closed", set(other, F_OFD_SETLK, F_WRLCK, 5, 1));
	show("unlocked", set(fd, F_OFD_SETLK, F_UNLCK, 0, 0));
	show("of another", set(other, F_OFD_SETLK, F_WRLCK, 5, 10));
	close(other);
	show("that is closed", set(fd, F_OFD_SETLK, F_WRLCK, 5, 10));
	set(fd, F_OFD_SETLK, F_UNLCK, 0, 0);
}

static void whole_files(void)
{
	int other = open("file", O_RDWR), third = open("file", O_RDONLY);

	show("shared", flock(fd, LOCK_SH));
	show("shared by two", flock(other, LOCK_SH | LOCK_NB));
	show("alone", flock(third, LOCK_EX | LOCK_NB));
	show("one lets go", flock(other, LOCK_UN));
	show("made one's own", flock(fd, LOCK_EX | LOCK_NB));
	show("shared", flock(third, LOCK_SH | LOCK_NB));
	show("a range beside it", set(other, F_SETLK, F_WRLCK, 0, 0));
	show("shared again", flock(fd, LOCK_SH));
	show("shared by two", flock(third, LOCK_SH | LOCK_NB));
	show("not to be had alone", flock(fd, LOCK_EX | LOCK_NB));
	show("and lost by it", flock(third, LOCK_EX | LOCK_NB));
	close(third);
	show("when closed", flock(other, LOCK_EX | LOCK_NB));
	close(other);
	show("and free", flock(fd, LOCK_EX | LOCK_NB));
	flock(fd, LOCK_UN);
}

// A child has the lock until it is told to end; the parent waits for it.
static void waiting(void)
{
	int ready[2], status;
	char byte = 0;

	if (pipe(ready))
		check(false, "pipe");
	if (fork() == 0) {
		set(fd, F_SETLK, F_WRLCK, 0, 10);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		// The parent is waiting, or will be: both orders have to work.
		for (volatile int i = 0; i < 1000000; i++)
			;
		pwrite(fd, "c", 1, 0);
		_exit(0);
	}
	read(ready[0], &byte, 1);
	show("waited for", set(fd, F_SETLKW, F_RDLCK, 5, 1));
	check(pread(fd, &byte, 1, 0) == 1 && byte == 'c', "until it was let go");
	wait(&status);
	// Each has what the other wants.
	set(fd, F_SETLK, F_WRLCK, 0, 1);
	if (fork() == 0) {
		set(fd, F_SETLK, F_WRLCK, 1, 1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		_exit(set(fd, F_SETLKW, F_WRLCK, 0, 1) == 0 ? 0 : errno == EDEADLK ? 10 : 20);
	}
	read(ready[0], &byte, 1);
	if (set(fd, F_SETLKW, F_WRLCK, 1, 1) == 0)
		byte = 0;
	else
		byte = errno == EDEADLK ? 10 : 20;
	set(fd, F_SETLK, F_UNLCK, 0, 0);
	wait(&status);
	check(byte + WEXITSTATUS(status) == 10, "one of the two is told");
	close(ready[0]), close(ready[1]);
}

static void interrupt(int number)
{
	(void)number;
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = interrupt};
	int ready[2], status;
	pid_t child, parent = getpid();
	char byte;

	sigaction(SIGUSR1, &action, NULL);
	if (pipe(ready))
		check(false, "pipe");
	set(fd, F_SETLK, F_WRLCK, 0, 0);
	child = fork();
	if (child == 0) {
		action.sa_flags = 0;
		sigaction(SIGUSR1, &action, NULL);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		_exit(set(fd, F_SETLKW, F_RDLCK, 0, 1) < 0 && errno == EINTR ? 7 : 8);
	}
	read(ready[0], &byte, 1);
	while (waitpid(child, &status, WNOHANG) == 0)
		kill(child, SIGUSR1);
	show_status("interrupted", status);
	check(getpid() == parent, "the parent");
	close(ready[0]), close(ready[1]);
}

int main(void)
{
	enter_workplace();
	fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0600);
	ranges();
	mistakes();
	set(fd, F_SETLK, F_UNLCK, 0, 0);
	of_open_files();
	set(fd, F_SETLK, F_UNLCK, 0, 0);
	whole_files();
	set(fd, F_SETLK, F_UNLCK, 0, 0);
	waiting();
	interrupted();
	close(fd);
	leave_workplace();
	return tap_end();
}
