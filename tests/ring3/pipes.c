// SPDX-License-Identifier: MIT
//
// Pipes: order, blocking, the end of the file, the broken pipe, and atomic small writes.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "tests/ring3/tap.h"

#define CAPACITY 65536

static void bytes(void)
{
	char buffer[16] = "";
	int ends[2];

	check(pipe(ends) == 0, "a pipe");
	check(write(ends[1], "hello", 5) == 5 && write(ends[1], "world", 5) == 5, "two writes");
	check(read(ends[0], buffer, 3) == 3 && memcmp(buffer, "hel", 3) == 0, "a short read");
	check(read(ends[0], buffer, 16) == 7 && memcmp(buffer, "loworld", 7) == 0, "the rest");
	show("write to the reading end", write(ends[0], "x", 1));
	show("read from the writing end", read(ends[1], buffer, 1));
	show("seek", lseek(ends[0], 0, SEEK_CUR));
	show("write of nothing", write(ends[1], "", 0));
	show("read from nowhere", write(ends[1], (char *)8, 4));
	close(ends[1]);
	check(read(ends[0], buffer, 16) == 0, "end of file when the last writer is gone");
	check(read(ends[0], buffer, 16) == 0, "and again");
	close(ends[0]);
}

static int broken(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return 1;
	close(ends[0]);
	return write(ends[1], "x", 1) == 1 ? 2 : 3;
}

static void no_reader(void)
{
	int ends[2];

	show_status("writing without a reader", in_child(broken));
	signal(SIGPIPE, SIG_IGN);
	if (pipe(ends) == 0)
		close(ends[0]);
	show("the same when SIGPIPE is ignored", write(ends[1], "x", 1));
	close(ends[1]);
	signal(SIGPIPE, SIG_DFL);
}

// More than fits, both sides slower in turn.
static void large(void)
{
	static unsigned char buffer[300000];
	unsigned long sum = 0, expected = 0;
	size_t total = 0;
	int ends[2], status;
	ssize_t length;
	pid_t child;

	for (size_t i = 0; i < sizeof(buffer); i++)
		expected += buffer[i] = (unsigned char)(i * 7 + i / 251);
	if (pipe(ends) < 0)
		return;
	child = fork();
	if (child == 0) {
		close(ends[0]);
		_exit(write(ends[1], buffer, sizeof(buffer)) != sizeof(buffer));
	}
	close(ends[1]);
	memset(buffer, 0, sizeof(buffer));
	while ((length = read(ends[0], buffer, total % 3 ? 1000 : 40000)) > 0) {
		for (ssize_t i = 0; i < length; i++)
			sum += buffer[i];
		total += (size_t)length;
	}
	waitpid(child, &status, 0);
	close(ends[0]);
	check(status == 0, "one write of more than fits");
	check(total == sizeof(buffer) && sum == expected, "arrives whole");
}

static void without_waiting(void)
{
	static char buffer[CAPACITY + 1];
	int ends[2];

	show("pipe2 with an unknown flag", pipe2(ends, 0x8));
	check(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "pipe2");
	show("flags", fcntl(ends[0], F_GETFL));
	show("close on exec", fcntl(ends[0], F_GETFD));
	show("empty", read(ends[0], buffer, 1));
	show("more than fits", write(ends[1], buffer, sizeof(buffer)));
	show("full", write(ends[1], buffer, 1));
	show("read all", read(ends[0], buffer, sizeof(buffer)));
	close(ends[0]);
	close(ends[1]);
	show("pipe to nowhere", syscall(SYS_pipe, 8));
}

static void vectors(void)
{
	char a[3], b[10] = "";
	struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdefg", 5}}, in[2] = {{a, 3}, {b, 10}};
	int ends[2];

	if (pipe(ends) < 0)
		return;
	show("writev", writev(ends[1], out, 3));
	show("readv", readv(ends[0], in, 2));
	check(memcmp(a, "abc", 3) == 0 && memcmp(b, "defg", 4) == 0, "spread over both");
	show("writev of nothing", writev(ends[1], out, 0));
	show("writev with a negative count", writev(ends[1], out, -1));
	show("writev with too many", writev(ends[1], out, 1025));
	show("writev from nowhere", writev(ends[1], (struct iovec *)8, 1));
	out[0].iov_len = (size_t)-1;
	show("writev with a length that wraps", writev(ends[1], out, 1));
	close(ends[0]);
	close(ends[1]);
}

// Four writers; a write of up to PIPE_BUF bytes is never torn.
static void atomic(void)
{
	char line[100];
	int ends[2], whole = 0, torn = 0, fill = 0;

	if (pipe(ends) < 0)
		return;
	for (int writer = 0; writer < 4; writer++) {
		if (fork() > 0)
			continue;
		memset(line, 'a' + writer, sizeof(line));
		for (int i = 0; i < 300; i++)
			if (write(ends[1], line, sizeof(line)) != sizeof(line))
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	for (ssize_t got; (got = read(ends[0], line + fill, sizeof(line) - (size_t)fill)) > 0;) {
		fill += (int)got;
		if (fill < (int)sizeof(line))
			continue;
		fill = 0;
		for (size_t i = 1; i < sizeof(line); i++)
			torn += line[i] != line[0];
		whole++;
	}
	while (wait(NULL) > 0)
		;
	close(ends[0]);
	check(whole == 1200 && torn == 0 && fill == 0, "lines of four writers, none torn");
}

// A transfer that reaches a hole in the memory leaves the pipe as if it had not been tried.
static void half_mapped(void)
{
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buffer[20] = "";
	int ends[2];

	munmap(page + PAGE, PAGE);
	check(pipe2(ends, O_NONBLOCK) == 0, "a pipe");
	show("write of what is there by half", write(ends[1], page + PAGE - 6, 10));
	show("nothing in the pipe", read(ends[0], buffer, 10));
	show("write of a page and a half", write(ends[1], page, PAGE + 6));
	show("a page came through", read(ends[0], page, PAGE));
	show("write", write(ends[1], "0123456789", 10));
	show("read to what is there by half", read(ends[0], page + PAGE - 6, 10));
	show("all is still there", read(ends[0], buffer, 10));
	check(memcmp(buffer, "0123456789", 10) == 0, "the same bytes");
	close(ends[0]);
	close(ends[1]);
	munmap(page, PAGE);
}

static size_t at_most(size_t most, size_t count)
{
	return count < most ? count : most;
}

// Fills a pipe behind 100 bytes of `in` that are not read yet, in pieces that both kernels take;
// Linux has no room for the last. How many bytes are in it then.
static int fill_behind(int end, const unsigned char *in)
{
	int count = 100;

	if (write(end, in + count, PAGE - 200) != PAGE - 200)
		return -1;
	for (count += PAGE - 200; write(end, in + count, PAGE) == PAGE; count += PAGE)
		continue;
	if (write(end, in + count, 100) == 100)
		count += 100;
	return count;
}

// A full pipe that does not begin at a page's start: here its last bytes share a page with its
// first.
static void full(void)
{
	static unsigned char in[2 * CAPACITY], out[2 * CAPACITY];
	int ends[2], good = 1;

	check(pipe2(ends, O_NONBLOCK) == 0, "a pipe to fill");
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7 + i / 251);
	for (int round = 0; round < 3; round++) {
		int count, got = 0;

		memset(out, 0, sizeof(out));
		good &= write(ends[1], out, 100) == 100 && write(ends[1], in, 100) == 100;
		good &= read(ends[0], out, 100) == 100;
		count = fill_behind(ends[1], in);
		while (got < count && read(ends[0], out + got, at_most(1000, count - got)) > 0)
			got += (int)at_most(1000, count - got);
		good &= count > CAPACITY - 200 && got == count && memcmp(in, out, count) == 0;
	}
	check(good, "what went in came out");
	show("empty again", read(ends[0], out, 1));
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	bytes();
	no_reader();
	large();
	without_waiting();
	vectors();
	atomic();
	full();
	half_mapped();
	return tap_end();
}
