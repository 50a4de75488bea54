// SPDX-License-Identifier: MIT
//
// Open files: results and errors of open, read, lseek, fstat, dup and fcntl, on the test's own
// executable, which is a plain file on Linux and on the kernel alike.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static const char self[] = "/proc/self/exe";

static void opening(void)
{
	show("no such file", open("/no/such/file", O_RDONLY));
	show("no such file in a directory that is", open("/nothing-here", O_RDONLY));
	show("empty name", open("", O_RDONLY));
	show("name nowhere", open((char *)8, O_RDONLY));
	show("name in the kernel", open((char *)0xffffffff80000000, O_RDONLY));
	show("a directory for writing", open("/", O_WRONLY));
	show("through a file", open("/proc/self/exe/x", O_RDONLY));
	check(open(self, O_RDONLY) == 3, "the lowest free descriptor");
	check(open("/", O_RDONLY | O_DIRECTORY) == 4, "and the next");
	show("O_DIRECTORY on a file", open(self, O_RDONLY | O_DIRECTORY));
	check(close(3) == 0, "close");
	check(open(self, O_RDONLY) == 3, "the lowest free one again");
	show("reading a directory", read(4, (char[8]){0}, 8));
	close(4);
}

static void name_length(void)
{
	static char name[5000];

	memset(name, 'a', sizeof(name) - 1);
	show("a name that is too long", open(name, O_RDONLY));
	name[0] = '/';
	name[300] = '\0';
	show("a part that is too long", open(name, O_RDONLY));
}

static void reading(int fd)
{
	char head[64], again[64];

	show("read the start", read(fd, head, 16));
	check(memcmp(head, "\177ELF", 4) == 0, "it is an ELF file");
	show("where it is now", lseek(fd, 0, SEEK_CUR));
	show("back", lseek(fd, 4, SEEK_SET));
	check(read(fd, again, 12) == 12 && memcmp(again, head + 4, 12) == 0, "the same again");
	check(pread(fd, again, 16, 0) == 16 && memcmp(again, head, 16) == 0, "pread");
	show("which leaves the position", lseek(fd, 0, SEEK_CUR));
	show("before the start", lseek(fd, -1, SEEK_SET));
	show("bad whence", lseek(fd, 0, 9));
	check(lseek(fd, 1000000000, SEEK_SET) == 1000000000, "past the end is no error");
	show("read there", read(fd, head, 16));
	show("read of nothing", read(fd, head, 0));
	lseek(fd, 0, SEEK_SET);
	show("read to nowhere", read(fd, (char *)8, 16));
	show("read to the kernel", read(fd, (char *)0xffff888000000000, 16));
	show("read to read-only memory", read(fd, (char *)self, 4));
	show("write to a file opened for reading", write(fd, head, 1));
	show("pread at a negative offset", pread(fd, head, 1, -1));
}

// A buffer that ends half-way: what fits is read.
static void partly_mapped(int fd)
{
	static char area[2 * PAGE] __attribute__((aligned(PAGE)));
	long end = syscall(SYS_brk, 0), next = (end + 2 * PAGE) & -PAGE;

	(void)area;
	syscall(SYS_brk, next);
	lseek(fd, 0, SEEK_SET);
	show("read across the end of the heap", read(fd, (char *)next - 100, 200));
	show("read past it", read(fd, (char *)next, 100));
}

static void bad_descriptors(void)
{
	static const int bad[] = {-1, 99, 256, 1 << 20, 0x7fffffff};
	char byte;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		show("read", read(bad[i], &byte, 1));
		show("write", write(bad[i], &byte, 1));
		show("close", close(bad[i]));
		show("lseek", lseek(bad[i], 0, SEEK_CUR));
		show("dup", dup(bad[i]));
		show("dup2", dup2(0, bad[i]));
		show("fcntl", fcntl(bad[i], F_GETFD));
	}
}

static void duplicates(int fd)
{
	int copy = dup(fd), placed;

	check(copy > fd, "dup");
	lseek(fd, 100, SEEK_SET);
	show("both have one position", lseek(copy, 0, SEEK_CUR));
	placed = dup2(fd, 20);
	show("dup2", placed);
	show("dup2 onto itself", dup2(20, 20));
	show("dup2 of a closed one onto itself", dup2(21, 21));
	show("dup3 onto itself", syscall(SYS_dup3, 20, 20, 0));
	show("dup3 with close on exec", syscall(SYS_dup3, fd, 22, O_CLOEXEC));
	show("which it has", fcntl(22, F_GETFD));
	show("F_DUPFD", fcntl(fd, F_DUPFD, 30));
	show("F_DUPFD_CLOEXEC", fcntl(fd, F_DUPFD_CLOEXEC, 30));
	show("its flag", fcntl(31, F_GETFD));
	show("set", fcntl(30, F_SETFD, FD_CLOEXEC));
	show("got", fcntl(30, F_GETFD));
	show("an unknown command", fcntl(fd, 12345, 0));
	close(copy);
	check(read(fd, &copy, 1) == 1, "closing one leaves the other");
}

static void status_of(int fd)
{
	struct stat by_fd = {0}, by_name = {0};
	int ends[2];

	check(fstat(fd, &by_fd) == 0 && S_ISREG(by_fd.st_mode), "a regular file");
	check(by_fd.st_mode & 0100, "executable");
	check(by_fd.st_size > 1000 && lseek(fd, 0, SEEK_END) == by_fd.st_size, "its size");
	check(stat(self, &by_name) == 0 && by_name.st_ino == by_fd.st_ino, "the same by name");
	check(lstat(self, &by_name) == 0 && S_ISLNK(by_name.st_mode), "the name is a link");
	check(stat("/", &by_name) == 0 && S_ISDIR(by_name.st_mode), "a directory");
	check(pipe(ends) == 0 && fstat(ends[0], &by_name) == 0 && S_ISFIFO(by_name.st_mode),
	      "a pipe");
	show("stat of nothing", stat("/nothing-here", &by_name));
	show("fstat to nowhere", syscall(SYS_fstat, fd, 8));
	close(ends[0]);
	close(ends[1]);
}

static void a_link(void)
{
	char path[256], small[4];
	ssize_t length = readlink(self, path, sizeof(path));

	check(length > 0 && path[0] == '/', "readlink of /proc/self/exe");
	check(readlink(self, small, 4) == 4 && memcmp(small, path, 4) == 0, "cut to the buffer");
	show("readlink of a directory", readlink("/", path, sizeof(path)));
	show("readlink into no bytes", syscall(SYS_readlink, self, path, 0));
}

static void not_a_terminal(int fd)
{
	struct winsize size;
	char settings[64];

	show("TIOCGWINSZ on a file", ioctl(fd, TIOCGWINSZ, &size));
	show("TCGETS on a file", ioctl(fd, 0x5401, settings));
	show("isatty of a file", isatty(fd) ? 1 : -1);
}

static void running_out(void)
{
	struct rlimit limit;
	int opened = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 40;
	show("limit of 40", setrlimit(RLIMIT_NOFILE, &limit));
	while (open(self, O_RDONLY) >= 0)
		opened++;
	show("then", -1);
	check(opened > 20 && opened < 40, "as many as the limit lets");
	show("and a pipe", pipe((int[2]){0}));
	for (int fd = 3; fd < 40; fd++)
		close(fd);
}

int main(void)
{
	struct rlimit limit;
	int fd;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 256;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (fd = 3; fd < 64; fd++)
		close(fd);
	opening();
	name_length();
	fd = open(self, O_RDONLY);
	reading(fd);
	partly_mapped(fd);
	bad_descriptors();
	duplicates(fd);
	status_of(fd);
	a_link();
	not_a_terminal(fd);
	running_out();
	return tap_end();
}
