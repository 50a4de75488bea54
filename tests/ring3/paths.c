// SPDX-License-Identifier: MIT
//
// Path lookup: dots, slashes, links, directories as starting points, and what each error is. On
// names that are on every Linux: /dev, /proc, the test's own executable.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <linux/stat.h>
#include "tests/ring3/tap.h"

static void slashes(void)
{
	static const char *const names[] = {
		"/dev/null",
		"//dev///null",
		"/dev/./null",
		"/dev/../dev/null",
		"/../../dev/null",
		"/dev/null/",
		"/dev/null/.",
		"/dev/null/..",
		"/dev/",
		"/dev/.",
		"/dev/..",
		"/",
		"//",
		"/.",
		"/..",
		"/dev/nothing",
		"/dev/nothing/",
		"/dev/nothing/x",
		"/proc/self",
		"/proc/self/",
		"/proc/self/exe",
		"/proc/self/exe/",
		"/proc/self/exe/.",
		"/proc/self/../self/stat",
		"/proc/self/stat/",
		"/proc/self/nothing",
		"/proc/0",
		"/proc/1x",
		"/proc/99999999",
		"/proc/self/cwd/../dev/null",
		"/proc/self/root/dev/zero",
	};
	struct stat status;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		show(names[i], open(names[i], O_RDONLY) < 0 ? -1 : 0);
		show("  O_DIRECTORY", open(names[i], O_RDONLY | O_DIRECTORY) < 0 ? -1 : 0);
		show("  O_NOFOLLOW", open(names[i], O_RDONLY | O_NOFOLLOW) < 0 ? -1 : 0);
		// Not of names that could be made: the test leaves nothing behind on Linux.
		if (stat(names[i], &status) == 0 || errno == ENOTDIR)
			show("  O_CREAT | O_EXCL", open(names[i], O_CREAT | O_EXCL, 0600));
		show("  lstat", lstat(names[i], &status) ? -1 : (long)(status.st_mode & S_IFMT));
		show("  stat", stat(names[i], &status) ? -1 : (long)(status.st_mode & S_IFMT));
		show("  chdir", chdir(names[i]));
		show("  access", access(names[i], R_OK));
		check(chdir("/") == 0, "back");
		for (int fd = 3; fd < 16; fd++)
			close(fd);
	}
}

static void working_directory(void)
{
	char path[64], small[4];

	check(chdir("/dev") == 0 && getcwd(path, sizeof(path)) && strcmp(path, "/dev") == 0,
	      "/dev");
	show("relative", open("null", O_RDONLY));
	show("from a link", chdir("/proc/self"));
	check(chdir("..") == 0 && getcwd(path, sizeof(path)) && !strcmp(path, "/proc"),
	      "its parent");
	show("no room", syscall(SYS_getcwd, small, sizeof(small)));
	show("no room at all", syscall(SYS_getcwd, path, 0));
	show("nowhere", syscall(SYS_getcwd, 8, 100));
	show("length", syscall(SYS_getcwd, path, sizeof(path)));
	show("chdir to nothing", chdir(""));
	show("chdir nowhere", chdir((char *)8));
	show("fchdir to a file", fchdir(3));
	show("fchdir to nothing", fchdir(77));
	close(3);
	check(chdir("/") == 0, "back to the root");
}

static void starting_points(void)
{
	int dev = open("/dev", O_RDONLY | O_DIRECTORY), file = open("/dev/null", O_RDONLY);
	struct stat status;

	show("openat", openat(dev, "zero", O_RDONLY));
	show("openat of an absolute path", openat(-5, "/dev/zero", O_RDONLY));
	show("openat without a directory", openat(-5, "zero", O_RDONLY));
	show("openat from a file", openat(file, "zero", O_RDONLY));
	show("fstatat of nothing", fstatat(dev, "", &status, 0));
	show("with AT_EMPTY_PATH", fstatat(dev, "", &status, AT_EMPTY_PATH));
	show("from a file", fstatat(file, "", &status, AT_EMPTY_PATH));
	show("of the working directory", fstatat(AT_FDCWD, "", &status, AT_EMPTY_PATH));
	show("of no descriptor", fstatat(55, "", &status, AT_EMPTY_PATH));
	show("unknown flags", fstatat(dev, "zero", &status, 0x80000));
	show("faccessat", faccessat(dev, "null", R_OK, 0));
	show("faccessat of an unknown mode", syscall(SYS_faccessat, dev, "null", 8));
	show("fchdir", fchdir(dev));
	check(openat(AT_FDCWD, "null", O_RDONLY) > 0, "AT_FDCWD");
	check(chdir("/") == 0, "back");
	for (int fd = 3; fd < 16; fd++)
		close(fd);
}

// A descriptor that only names something.
static void path_only(void)
{
	int fd = open("/dev/null", O_PATH);
	struct stat status;
	char byte;

	check(fd >= 0, "O_PATH");
	show("read", read(fd, &byte, 1));
	show("write", write(fd, &byte, 1));
	show("lseek", lseek(fd, 0, SEEK_SET));
	show("F_GETFL", fcntl(fd, F_GETFL));
	show("F_SETFL", fcntl(fd, F_SETFL, O_NONBLOCK));
	show("F_GETFD", fcntl(fd, F_GETFD));
	show("dup", dup(fd) > fd ? 0 : -1);
	show("fstat", fstat(fd, &status));
	show("the device", (long)minor(status.st_rdev));
	show("ioctl", syscall(SYS_ioctl, fd, 0x5401, &status));
	close(fd);
	fd = open("/proc/self", O_PATH | O_NOFOLLOW);
	check(fd >= 0 && fstat(fd, &status) == 0 && S_ISLNK(status.st_mode), "a link itself");
	check(readlinkat(fd, "", (char *)&status, 8) > 0, "and where it leads");
	close(fd);
	fd = open("/dev", O_PATH);
	check(openat(fd, "null", O_RDONLY) > 0 && fchdir(fd) == 0, "O_PATH of a directory");
	check(chdir("/") == 0, "back");
	for (fd = 3; fd < 16; fd++)
		close(fd);
}

static void more_than_stat(void)
{
	struct statx statx;
	struct statfs fs;
	struct stat status;

	show("statx", syscall(SYS_statx, AT_FDCWD, "/dev/full", 0, STATX_BASIC_STATS, &statx));
	show("its type", statx.stx_mode & S_IFMT);
	show("major", statx.stx_rdev_major);
	show("minor", statx.stx_rdev_minor);
	show("unknown flags", syscall(SYS_statx, AT_FDCWD, "/", 0x80000, 0, &statx));
	show("both kinds of sync", syscall(SYS_statx, AT_FDCWD, "/", 0x6000, 0, &statx));
	show("reserved bit", syscall(SYS_statx, AT_FDCWD, "/", 0, 0x80000000, &statx));
	show("nowhere", syscall(SYS_statx, AT_FDCWD, "/", 0, 0, 8));
	show("statfs", statfs("/proc", &fs));
	show("type", fs.f_type);
	show("longest name", fs.f_namelen);
	show("statfs of nothing", statfs("/nothing-here", &fs));
	show("fstatfs of nothing", fstatfs(77, &fs));
	show("stat", stat("/proc/self/maps", &status));
	show("size of a pseudo file", status.st_size);
	show("links of a pseudo file", (long)status.st_nlink);
}

static void links(void)
{
	char text[32];

	show("readlink of a file", readlink("/dev/null", text, sizeof(text)));
	show("of nothing", readlink("/nothing-here", text, sizeof(text)));
	show("with a negative size", syscall(SYS_readlink, "/proc/self", text, -1));
	show("to nowhere", syscall(SYS_readlink, "/proc/self", 8, 10));
	show("of the working directory", readlink("/proc/self/cwd", text, sizeof(text)));
	show("of the root", readlink("/proc/self/root", text, sizeof(text)));
	check(readlink("/proc/self", text, sizeof(text)) > 0, "/proc/self");
}

// What an existing name forbids, whether or not the file system could be written.
static void existing(void)
{
	show("mkdir", mkdir("/dev", 0700));
	show("mkdir below a file", mkdir("/dev/null/x", 0700));
	show("mkdir in nothing", mkdir("/nothing-here/x", 0700));
	show("mkdir of nothing", mkdir("", 0700));
	show("mkdir of the root", mkdir("/", 0700));
	show("symlink", symlink("x", "/dev/null"));
	show("link", link("/dev/null", "/dev/zero"));
	show("link of nothing", link("/nothing-here", "/nothing-there"));
	show("unlinkat with unknown flags", unlinkat(AT_FDCWD, "/x", 1));
	show("unlink of nothing", unlink(""));
	show("unlink below a file", unlink("/dev/null/x"));
	show("truncate to less than nothing", truncate("/dev/null", -1));
	show("truncate a directory", truncate("/dev", 0));
	show("truncate a device", truncate("/dev/null", 0));
	show("open a directory for writing", open("/dev", O_RDWR));
	show("open it with O_CREAT", open("/dev", O_CREAT, 0600));
}

int main(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	check(chdir("/") == 0, "start at the root");
	slashes();
	working_directory();
	starting_points();
	path_only();
	more_than_stat();
	links();
	existing();
	return tap_end();
}
