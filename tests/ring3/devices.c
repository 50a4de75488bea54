// SPDX-License-Identifier: MIT
//
// The devices in /dev, transfers in pieces (readv, writev, pwritev, sendfile), and directories.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include "tests/ring3/tap.h"

static char block[8192];

static void each_device(void)
{
	static const char *const names[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"};
	struct stat status;

	for (size_t i = 0; i < 4; i++) {
		int fd = open(names[i], O_RDWR);

		printf("# %s\n", names[i]);
		memset(block, 'x', sizeof(block));
		show("read", read(fd, block, sizeof(block)));
		show("first byte is zero or as it was",
		     i == 3 || block[0] == 0 || block[0] == 'x');
		show("write", write(fd, block, 100));
		show("read of nothing", read(fd, block, 0));
		show("write of nothing", write(fd, block, 0));
		show("read to nowhere", read(fd, (char *)8, 10));
		show("lseek", lseek(fd, 10, SEEK_SET));
		show("pread", pread(fd, block, 10, 5));
		fstat(fd, &status);
		show("type", status.st_mode & S_IFMT);
		show("major", (long)major(status.st_rdev));
		show("minor", (long)minor(status.st_rdev));
		show("fsync", fsync(fd));
		show("getdents64", syscall(SYS_getdents64, fd, block, 100));
		show("TIOCGWINSZ", ioctl(fd, TIOCGWINSZ, block));
		show("ftruncate", ftruncate(fd, 10));
		close(fd);
	}
}

static int read_for_long(void)
{
	static char target[1 << 20];
	static struct iovec pieces[1024];
	int fd = open("/dev/zero", O_RDONLY);

	for (int i = 0; i < 1024; i++)
		pieces[i] = (struct iovec){target, sizeof(target)};
	for (;;)
		if (readv(fd, pieces, 1024) < 0)
			return 1;
}

// A gigabyte in one call: others run meanwhile, and a signal that kills does not wait for its end.
static void interrupted(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(read_for_long());
	usleep(50000);
	show("kill", kill(child, SIGKILL));
	waitpid(child, &status, 0);
	show_status("a long read", status);
}

static void map_of_zero(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	check(map != MAP_FAILED && map[17] == 0, "a map of /dev/zero");
	if (map != MAP_FAILED)
		map[17] = 1;
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	show_pointer("a map of /dev/null", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
	close(fd);
}

// What a map shows behind a file's last byte.
static void end_of_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END), last = (size - 1) & -PAGE;
	char *map =
		mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long others = 0;

	// Memory that is likely to be used next is full of something.
	memset(map, 0xff, 64 * PAGE);
	munmap(map, 64 * PAGE);
	map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, last);
	for (off_t i = size - last; map != MAP_FAILED && i < PAGE; i++)
		others += map[i] != 0;
	check(map != MAP_FAILED && others == 0, "zeros behind the end of a file");
	close(fd);
}

static void in_pieces(void)
{
	struct iovec pieces[4] = {
		{block, 3},
		{block + 100, 0},
		{block + 200, 4},
		{(char *)8, 5},
	};
	int ends[2];

	memcpy(block, "abcxxx", 6);
	memcpy(block + 200, "defg", 4);
	check(pipe(ends) == 0, "a pipe");
	show("writev", writev(ends[1], pieces, 3));
	show("nothing of the kernel's", writev(ends[1], (struct iovec *)(1ul << 63), 0));
	show("writev that ends nowhere", writev(ends[1], pieces, 4));
	show("writev of nothing", writev(ends[1], pieces, 0));
	show("too many", writev(ends[1], pieces, 1025));
	show("fewer than none", writev(ends[1], pieces, -1));
	memset(block, 0, 300);
	pieces[0].iov_len = 5;
	show("readv", readv(ends[0], pieces, 3));
	check(memcmp(block, "abcde", 5) == 0 && memcmp(block + 200, "fg", 2) == 0, "in order");
	show("FIONREAD", ioctl(ends[0], FIONREAD, block) ? -1 : *(int *)block);
	show("preadv of a pipe", preadv(ends[0], pieces, 1, 0));
	show("pread of a pipe", pread(ends[0], block, 1, 0));
	close(ends[0]);
	close(ends[1]);
}

static void sending(void)
{
	int file = open("/proc/self/exe", O_RDONLY), null = open("/dev/null", O_WRONLY), ends[2];
	off_t offset = 4;
	char head[8];

	check(pipe(ends) == 0, "a pipe to send to");
	show("sendfile", sendfile(ends[1], file, NULL, 4));
	show("which moves the position", lseek(file, 0, SEEK_CUR));
	show("from an offset", sendfile(ends[1], file, &offset, 4));
	show("which it moves", (long)offset);
	show("and leaves the position", lseek(file, 0, SEEK_CUR));
	check(read(ends[0], head, 8) == 8 && memcmp(head, "\177ELF", 4) == 0, "what arrived");
	offset = 1 << 30;
	show("past the end", sendfile(null, file, &offset, 10));
	offset = -1;
	show("before the start", sendfile(null, file, &offset, 10));
	show("from a write-only file", sendfile(null, null, NULL, 10));
	show("to a read-only file", sendfile(file, file, NULL, 10));
	show("from a pipe", sendfile(null, ends[0], NULL, 10) < 0);
	show("from nothing", sendfile(null, 77, NULL, 10));
	show("nothing", sendfile(ends[1], file, NULL, 0));
	close(file);
	close(null);
	close(ends[0]);
	close(ends[1]);
}

// Every entry well formed; "." and ".." there; the same after a rewind.
static void directories(void)
{
	struct entry {
		unsigned long number, next;
		unsigned short size;
		unsigned char type;
		char name[];
	} * entry;
	int fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
	long used = syscall(SYS_getdents64, fd, block, sizeof(block)), seen = 0;
	bool good = used > 0;

	for (long at = 0; at < used; at += entry->size) {
		entry = (struct entry *)(block + at);
		good &= entry->size % 8 == 0 && entry->number && entry->type;
		seen += !strcmp(entry->name, ".") || !strcmp(entry->name, "..") ||
			!strcmp(entry->name, "maps") || !strcmp(entry->name, "exe");
	}
	check(good, "entries are well formed");
	show("of those wanted", seen);
	show("too small", syscall(SYS_getdents64, fd, block, 8));
	while (syscall(SYS_getdents64, fd, block, sizeof(block)) > 0)
		continue;
	show("at the end", syscall(SYS_getdents64, fd, block, sizeof(block)));
	show("rewind", lseek(fd, 0, SEEK_SET));
	check(syscall(SYS_getdents64, fd, block, 24) == 24, "the first again, alone");
	show("to nowhere", syscall(SYS_getdents64, fd, 8, 100));
	show("read", read(fd, block, 10));
	close(fd);
	show("of nothing", syscall(SYS_getdents64, 77, block, 100));
}

static void control(void)
{
	int fd = open("/dev/null", O_RDWR | O_APPEND);
	int ends[2];

	show("F_GETFL", fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	show("F_SETFL", fcntl(fd, F_SETFL, O_NONBLOCK | O_RDONLY | O_CREAT));
	show("F_GETFL", fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	show("FIONBIO", ioctl(fd, FIONBIO, &(int){0}));
	show("F_GETFL", fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	show("FIOCLEX", ioctl(fd, FIOCLEX));
	show("F_GETFD", fcntl(fd, F_GETFD));
	show("F_DUPFD past the limit", fcntl(fd, F_DUPFD, 1 << 24));
	show("F_DUPFD below nothing", fcntl(fd, F_DUPFD, -1));
	show("F_GETPIPE_SZ of no pipe", fcntl(fd, F_GETPIPE_SZ));
	check(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "pipe2");
	show("F_GETPIPE_SZ", fcntl(ends[0], F_GETPIPE_SZ));
	show("F_GETFL of a pipe", fcntl(ends[1], F_GETFL));
	show("F_GETFD of a pipe", fcntl(ends[1], F_GETFD));
	show("read without waiting", read(ends[0], block, 1));
	show("fsync of a pipe", fsync(ends[0]));
	show("close_range", syscall(SYS_close_range, ends[0], ends[1], 0));
	show("closed", close(ends[0]));
	show("close_range backwards", syscall(SYS_close_range, 5, 4, 0));
	show("close_range, unknown flags", syscall(SYS_close_range, 50, 60, 64));
	show("close on exec", syscall(SYS_close_range, fd, ~0u, 4));
	show("umask", umask(027));
	show("umask", umask(022));
	close(fd);
}

int main(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	umask(022);
	each_device();
	interrupted();
	map_of_zero();
	end_of_file();
	in_pieces();
	sending();
	directories();
	control();
	return tap_end();
}
