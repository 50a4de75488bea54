// SPDX-License-Identifier: MIT
//
// What files in memory hold: written, read, made longer and shorter, with holes, at the edges of
// pages and of what a file can be long.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "tests/ring3/workplace.h"

static char block[16 * 4096], back[16 * 4096];
static int fd;

static void fresh(void)
{
	if (fd > 0)
		close(fd);
	fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0666);
	check(fd >= 0, "a new file");
}

static void show_state(const char *what)
{
	struct stat status;

	fstat(fd, &status);
	printf("# %s: %ld bytes, %ld blocks, at %ld\n", what, (long)status.st_size,
	       (long)status.st_blocks, (long)lseek(fd, 0, SEEK_CUR));
}

// The bytes of the file in words: how many of what follow each other.
static void show_bytes(void)
{
	struct stat status;
	long run = 0;
	int last = -1, byte;

	fstat(fd, &status);
	printf("# bytes:");
	for (long at = 0; at < status.st_size; at += 4096) {
		ssize_t got = pread(fd, back, 4096, at);

		for (ssize_t i = 0; i < got; i++) {
			byte = (unsigned char)back[i];
			if (byte != last && run)
				printf(" %ldx%d", run, last);
			run = byte == last ? run + 1 : 1;
			last = byte;
		}
	}
	printf(" %ldx%d\n", run, last);
}

static void fill(int byte, size_t count, long offset)
{
	memset(block, byte, count);
	show("written", pwrite(fd, block, count, offset));
}

static void reading_and_writing(void)
{
	struct iovec pieces[3] = {{block, 10}, {NULL, 0}, {block + 100, 5000}};

	fresh();
	memset(block, 'a', sizeof(block));
	show("write", write(fd, block, 5000));
	show_state("written");
	show("read at the end", read(fd, back, 10));
	show("lseek", lseek(fd, 4000, SEEK_SET));
	show("read over the end", read(fd, back, 10000));
	show("writev", writev(fd, pieces, 3));
	show_state("writev");
	show("preadv", preadv(fd, pieces, 3, 1));
	show("pwritev", pwritev(fd, pieces, 3, 20000));
	show_state("pwritev");
	show_bytes();
	show("write of nothing", write(fd, block, 0));
	show("write of nothing beyond the end", pwrite(fd, block, 0, 1 << 20));
	show("write of no memory", write(fd, (char *)8, 10));
	show("write of half", pwrite(fd, (char *)((uintptr_t)block & ~4095ul) - 0, 10, 30000));
	show("read into no memory", pread(fd, (char *)8, 10, 0));
	show("pread before the start", pread(fd, back, 10, -1));
	show("pwrite before the start", pwrite(fd, back, 10, -1));
	show_state("after errors");
	show("FIONREAD", ioctl(fd, 0x541b, back));
	show("fsync", fsync(fd));
	close(fd);
	fd = open("file", O_WRONLY | O_APPEND);
	fill('b', 10, 3);
	show("append", write(fd, block, 5));
	show_state("appended");
	show("read what is only written", read(fd, back, 1));
	close(fd);
	fd = open("file", O_RDONLY);
	show("write what is only read", write(fd, back, 1));
	show("ftruncate what is only read", ftruncate(fd, 0));
	show("fallocate what is only read", fallocate(fd, 0, 0, 1));
	show_bytes();
}

static void positions(void)
{
	static const struct {
		long offset;
		int whence;
	} seeks[] = {
		{0, SEEK_SET},
		{-1, SEEK_SET},
		{1l << 62, SEEK_SET},
		{INT64_MAX, SEEK_SET},
		{1, SEEK_CUR},
		{5, SEEK_SET},
		{-6, SEEK_CUR},
		{-5, SEEK_CUR},
		{0, SEEK_END},
		{-1, SEEK_END},
		{-100000, SEEK_END},
		{10, SEEK_END},
		{0, 5},
		{0, -1},
		{0, SEEK_DATA},
		{4095, SEEK_DATA},
		{4096, SEEK_DATA},
		{8191, SEEK_DATA},
		{8192, SEEK_DATA},
		{12287, SEEK_DATA},
		{12288, SEEK_DATA},
		{20000, SEEK_DATA},
		{32767, SEEK_DATA},
		{32768, SEEK_DATA},
		{-1, SEEK_DATA},
		{0, SEEK_HOLE},
		{100, SEEK_HOLE},
		{8192, SEEK_HOLE},
		{8200, SEEK_HOLE},
		{12288, SEEK_HOLE},
		{30000, SEEK_HOLE},
		{32768, SEEK_HOLE},
		{100000, SEEK_HOLE},
	};
	char line[64];

	fresh();
	fill('x', 1, 10);
	fill('y', 1, 8192);
	fill('z', 1, 25000);
	ftruncate(fd, 32768);
	for (size_t i = 0; i < sizeof(seeks) / sizeof(*seeks); i++) {
		snprintf(line, sizeof(line), "seek %ld by %d", seeks[i].offset, seeks[i].whence);
		show(line, lseek(fd, seeks[i].offset, seeks[i].whence));
	}
	show_state("a hole in it");
	lseek(fd, 100000, SEEK_SET);
	show("read far beyond", read(fd, back, 1));
	show("write far beyond", write(fd, block, 1));
	show_state("far beyond");
}

static void sizes(void)
{
	fresh();
	fill('a', 10000, 0);
	show("shorter", ftruncate(fd, 4100));
	show_state("shorter");
	show("longer", ftruncate(fd, 9000));
	show_bytes();
	show("nothing", ftruncate(fd, 0));
	show_state("nothing");
	show("longer", ftruncate(fd, 4096));
	show_bytes();
	show("negative", ftruncate(fd, -1));
	show("the longest", ftruncate(fd, INT64_MAX));
	show_state("the longest");
	show("SEEK_END", lseek(fd, 1, SEEK_END));
	show("a byte at its end", pwrite(fd, "x", 1, INT64_MAX - 1));
	show("a byte beyond it", pwrite(fd, "x", 1, INT64_MAX));
	show("two bytes at its end", pwrite(fd, "xy", 2, INT64_MAX - 1));
	show("read there", pread(fd, back, 10, INT64_MAX - 5));
	show("and beyond", pread(fd, back, 10, INT64_MAX));
	show("truncate", truncate("file", 5000));
	show_state("truncated");
	show("truncate of nothing", truncate("nothing", 5000));
	show("truncate of a directory", truncate(".", 5000));
	show("truncate below a file", truncate("file/x", 5000));
	show("truncate of a device", truncate("/dev/null", 5000));
	show("truncate of a negative size", truncate("file", -5));
	show("truncate in /proc", truncate("/proc/self/stat", 0));
	// Longer over the rest of a page that was written: zeros.
	fill('b', 5000, 0);
	ftruncate(fd, 100);
	fill('c', 1, 200);
	show_bytes();
	ftruncate(fd, 100);
	ftruncate(fd, 300);
	show_bytes();
}

static void size_limit(void)
{
	struct rlimit limit = {6000, RLIM_INFINITY};

	fresh();
	fill('a', 5000, 0);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	show("over the limit", pwrite(fd, block, 5000, 4000));
	show("at the limit", pwrite(fd, block, 1, 6000));
	show("below", pwrite(fd, block, 1, 5999));
	show("ftruncate beyond", ftruncate(fd, 6001));
	show("ftruncate to it", ftruncate(fd, 6000));
	show("fallocate beyond", fallocate(fd, 0, 0, 6001));
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	show_state("limited");
}

static int exceeds_limit(void)
{
	struct rlimit limit = {6000, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_DFL);
	setrlimit(RLIMIT_FSIZE, &limit);
	return pwrite(fd, block, 1, 6000) == 1;
}

static void allocation(void)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	fresh();
	show("fallocate", fallocate(fd, 0, 100, 10000));
	show_state("allocated");
	show("data in it", lseek(fd, 0, SEEK_DATA));
	show("a hole in it", lseek(fd, 0, SEEK_HOLE));
	show_bytes();
	show("beyond the end", fallocate(fd, FALLOC_FL_KEEP_SIZE, 20000, 1));
	show_state("beyond the end");
	fill('d', 16384, 0);
	show("a hole of whole pages", fallocate(fd, punch, 4096, 4096));
	show_bytes();
	show_state("a hole");
	show("within a page", fallocate(fd, punch, 100, 50));
	show("over an edge", fallocate(fd, punch, 12000, 500));
	show("over several", fallocate(fd, punch, 4000, 5000));
	show_bytes();
	show_state("holes");
	show("beyond the end", fallocate(fd, punch, 100000, 5000));
	show("to the end and beyond", fallocate(fd, punch, 16000, 500000));
	show_bytes();
	show("a hole that changes the size", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	show("zeros", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
	show("collapse", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
	show("unknown", fallocate(fd, 0x100, 0, 4096));
	show("nothing", fallocate(fd, 0, 0, 0));
	show("negative", fallocate(fd, 0, -1, 10));
	show("negative length", fallocate(fd, 0, 1, -10));
	show("too far", fallocate(fd, 0, INT64_MAX, 10));
	show("too much", fallocate(fd, 0, 0, INT64_MAX));
	show("of nothing", fallocate(77, 0, 0, 10));
	show("of a directory", fallocate(open(".", O_RDONLY), 0, 0, 10));
	close(fd + 1);
	show("of a device", fallocate(open("/dev/null", O_RDWR), 0, 0, 10));
	close(fd + 1);
	show_state("at last");
}

static void copies(void)
{
	int to;

	fresh();
	for (int i = 0; i < 16; i++)
		memset(block + i * 4096, 'a' + i, 4096);
	show("written", pwrite(fd, block, sizeof(block), 1000));
	to = open("copy", O_RDWR | O_CREAT, 0666);
	lseek(fd, 500, SEEK_SET);
	show("sendfile", sendfile(to, fd, NULL, 1 << 20));
	show("its size", lseek(to, 0, SEEK_END));
	check(pread(to, back, sizeof(back), 500) == (long)sizeof(back) &&
		      !memcmp(block, back, sizeof(back)),
	      "the same bytes");
	close(to);
	unlink("copy");
}

static void shared_positions(void)
{
	int second, status;

	fresh();
	second = dup(fd);
	show("written", write(second, "0123456789", 10));
	if (fork() == 0)
		_exit(write(fd, "abc", 3) != 3);
	wait(&status);
	show("written after the child", write(fd, "d", 1));
	show_state("in turn");
	close(second);
}

static void file_systems(void)
{
	struct statfs before, after;

	fresh();
	show("fstatfs", fstatfs(fd, &before));
	printf("# type %lx, block %ld, names %ld\n", (long)before.f_type, (long)before.f_bsize,
	       (long)before.f_namelen);
	fill('x', sizeof(block), 0);
	fstatfs(fd, &after);
	check(before.f_bfree > after.f_bfree, "it takes room");
	ftruncate(fd, 0);
	fstatfs(fd, &after);
	check(after.f_bfree > 0 && after.f_bfree <= after.f_blocks && after.f_ffree > 0,
	      "there is room");
	show("statfs of nothing", statfs("nothing", &after));
}

int main(void)
{
	enter_workplace();
	reading_and_writing();
	positions();
	sizes();
	size_limit();
	show_status("SIGXFSZ", in_child(exceeds_limit));
	allocation();
	copies();
	shared_positions();
	file_systems();
	close(fd);
	leave_workplace();
	return tap_end();
}
