// SPDX-License-Identifier: MIT
//
// Names of files in memory: made, linked, moved, removed, and every way to be wrong about them.
#define _GNU_SOURCE // and _XOPEN_SOURCE with it
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tests/ring3/workplace.h"

static void make_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0666);

	if (fd < 0 || write(fd, name, strlen(name)) != (ssize_t)strlen(name) || close(fd))
		check(false, name);
}

static void show_file(const char *name)
{
	struct stat status;
	char line[300];

	if (lstat(name, &status)) {
		snprintf(line, sizeof(line), "%s", name);
		show(line, -1);
		return;
	}
	printf("# %s: mode %o, %ld names, %ld bytes, %ld blocks\n", name, status.st_mode,
	       (long)status.st_nlink, (long)status.st_size, (long)status.st_blocks);
}

static void list(const char *name)
{
	DIR *directory = opendir(name);
	struct dirent *entry;

	printf("# in %s:", name);
	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			printf(" %s(%d)", entry->d_name, entry->d_type);
	printf("\n");
	if (directory)
		closedir(directory);
}

static void opening(void)
{
	static const int flags[] = {
		O_RDONLY,
		O_RDONLY | O_CREAT,
		O_RDONLY | O_CREAT | O_EXCL,
		O_RDWR | O_TRUNC,
		O_RDONLY | O_DIRECTORY,
		O_RDONLY | O_DIRECTORY | O_CREAT,
		O_RDONLY | O_NOFOLLOW,
		O_RDONLY | O_NOFOLLOW | O_CREAT,
		O_PATH,
		O_PATH | O_CREAT | O_EXCL,
		O_PATH | O_NOFOLLOW,
		O_WRONLY | O_APPEND,
		O_RDWR | (O_TMPFILE & ~O_DIRECTORY),
		O_RDONLY | O_TMPFILE,
		O_RDWR | O_TMPFILE,
		O_RDWR | O_TMPFILE | O_CREAT,
		O_RDWR | O_TMPFILE | O_EXCL,
	};
	static const char *const names[] = {
		"file",         "directory",          "link",  "dangling", "missing",
		"missing/",     "missing/x",          "file/", "file/x",   "directory/",
		"link/",        "dangling/",          "loop",  "",         "directory/.",
		"directory/..", "directory/new/../x",
	};
	char line[100];

	make_file("file");
	show("mkdir", mkdir("directory", 0777));
	show("symlink", symlink("file", "link"));
	show("symlink", symlink("nowhere", "dangling"));
	show("symlink", symlink("loop", "loop"));
	for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
		for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++) {
			int fd = open(names[n], flags[f], 0640);

			snprintf(line, sizeof(line), "open %s with %#o", names[n], flags[f]);
			show(line, fd < 0 ? -1 : 0);
			if (fd >= 0)
				close(fd);
			unlink("missing");
			unlink("nowhere");
		}
	}
	show_file("file");
	empty_workplace();
}

static void making(void)
{
	static const char *const names[] = {
		"file",
		"file/",
		"file/x",
		"directory",
		"directory/",
		"new/",
		"new/x",
		"directory/.",
		"directory/..",
		"/",
		".",
		"..",
		"",
		"link",
		"dangling",
		"dangling/",
		"directory/new",
		"directory//newer",
	};
	char line[100];

	make_file("file");
	mkdir("directory", 0777);
	show("symlink", symlink("directory", "link"));
	show("symlink", symlink("nothing", "dangling"));
	for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
		snprintf(line, sizeof(line), "mkdir %s", names[n]);
		show(line, mkdir(names[n], 0750));
		if (strstr(names[n], "new"))
			rmdir(names[n]);
		snprintf(line, sizeof(line), "mknod %s", names[n]);
		show(line, mknod(names[n], S_IFREG | 0644, 0));
		if (strstr(names[n], "new"))
			unlink(names[n]);
		snprintf(line, sizeof(line), "symlink %s", names[n]);
		show(line, symlink("target", names[n]));
		if (strstr(names[n], "new"))
			unlink(names[n]);
		snprintf(line, sizeof(line), "link %s", names[n]);
		show(line, link("file", names[n]));
		if (strstr(names[n], "new"))
			unlink(names[n]);
	}
	empty_workplace();
}

static void making_others(void)
{
	char longest[300];

	make_file("file");
	mkdir("directory", 0777);
	show("symlink", symlink("nothing", "dangling"));
	show("symlink to nothing", symlink("", "empty"));
	show("mknod of a directory", mknod("x", S_IFDIR | 0755, 0));
	show("mknod of no type", mknod("x", 0170000, 0));
	show("mknod of type 0", mknod("x", 0644, 0));
	show_file("x");
	unlink("x");
	show("mkfifo", mkfifo("fifo", 0666));
	show_file("fifo");
	unlink("fifo");
	memset(longest, 'n', 256);
	longest[256] = 0;
	show("mkdir of 256 bytes", mkdir(longest, 0777));
	longest[255] = 0;
	show("mkdir of 255 bytes", mkdir(longest, 0777));
	show("rmdir of 255 bytes", rmdir(longest));
	show("link of a directory", link("directory", "second"));
	show("link of nothing", link("nothing", "second"));
	show("link of a link", link("dangling", "second"));
	show_file("second");
	show("followed", linkat(AT_FDCWD, "dangling", AT_FDCWD, "third", AT_SYMLINK_FOLLOW));
	show("unknown flags", linkat(AT_FDCWD, "file", AT_FDCWD, "third", 1));
	show("to another file system", link("/proc/self/stat", "third"));
	show("link", link("file", "third"));
	show_file("third");
	show("and from there", link("third", "fourth"));
	show_file("file");
	show_file(".");
	empty_workplace();
}

static void removing(void)
{
	static const char *const names[] = {
		"file",         "directory", "link",  "missing", "file/", "directory/",
		"link/",        ".",         "..",    "/",       "",      "directory/.",
		"directory/..", "full",      "full/", "file/x",
	};
	char line[100];

	for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
		make_file("file");
		mkdir("directory", 0777);
		mkdir("full", 0777);
		mkdir("full/inside", 0777);
		if (symlink("directory", "link"))
			check(false, "symlink");
		snprintf(line, sizeof(line), "unlink %s", names[n]);
		show(line, unlink(names[n]));
		snprintf(line, sizeof(line), "rmdir %s", names[n]);
		show(line, rmdir(names[n]));
		empty_workplace();
	}
	show("unlinkat with unknown flags", unlinkat(AT_FDCWD, "x", 1));
	show("unlink in /proc", unlink("/proc/self/stat"));
	show("rmdir in /proc", rmdir("/proc/self"));
	show("unlink of nothing in /proc", unlink("/proc/nothing"));
	show("mkdir in /proc", mkdir("/proc/self/stat", 0777));
	show("rmdir of a file system", rmdir("/proc"));
}

static void try_rename(const char *from, const char *to, unsigned flags)
{
	char line[100];

	make_file("file");
	make_file("other");
	mkdir("directory", 0777);
	mkdir("empty", 0777);
	mkdir("directory/inside", 0777);
	if (symlink("file", "link") || link("file", "same"))
		check(false, "links");
	snprintf(line, sizeof(line), "rename %s to %s with %u", from, to, flags);
	show(line, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
	list(".");
	show_file("file");
	show_file("directory");
	show_file(".");
	empty_workplace();
}

static void renaming(void)
{
	static const char *const names[] = {
		"file", "other", "directory", "empty", "link", "same", "missing",
	};
	static const char *const more[][2] = {
		{"file", "new"},
		{"file", "new/"},
		{"directory", "new/"},
		{"directory", "new"},
		{"file/", "new"},
		{"directory/", "new"},
		{"directory", "directory/new"},
		{"directory", "directory/inside/x"},
		{"directory/inside", "directory"},
		{"directory/inside", "."},
		{".", "new"},
		{"..", "new"},
		{"directory/.", "new"},
		{"file", "."},

		{"file", "file/x"},
		{"file", "missing/x"},
		{"", "new"},
		{"file", ""},
		{"link", "new"},
		{"link/", "new"},
		{"file", "/proc/x"},
		{"/proc/self", "x"},
		{"directory", "empty/new"},
		{"empty", "directory/inside"},
	};
	static const unsigned flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};

	for (size_t f = 0; f < 3; f++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++)
				try_rename(names[i], names[j], flags[f]);
		for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
			try_rename(more[i][0], more[i][1], flags[f]);
	}
	try_rename("file", "other", RENAME_NOREPLACE | RENAME_EXCHANGE);
	try_rename("file", "other", 8);
}

// What is left of a directory that is still somebody's working directory.
static int in_removed_directory(void)
{
	char path[300];
	struct stat status;

	mkdir("gone", 0777);
	if (chdir("gone"))
		return 1;
	show("rmdir", rmdir("../gone"));
	show("getcwd", syscall(SYS_getcwd, path, sizeof(path)));
	show("open", open("x", O_RDWR | O_CREAT, 0666));
	show("mkdir", mkdir("x", 0777));
	show("stat .", stat(".", &status));
	printf("# %ld names\n", (long)status.st_nlink);
	show("open .", open(".", O_RDONLY) < 0 ? -1 : 0);
	show("stat ..", stat("..", &status));
	show("chdir ..", chdir(".."));
	show("getcwd", syscall(SYS_getcwd, path, sizeof(path)) > 0);
	return 0;
}

static void names_of_open_files(void)
{
	char path[300] = "", *name;
	int fd = open("before", O_RDWR | O_CREAT, 0666);
	struct stat status;

	check(readlink("/proc/self/fd/3", path, sizeof(path) - 1) > 0, "its name");
	name = strrchr(path, '/');
	printf("# %s\n", name ? name : "?");
	rename("before", "after");
	memset(path, 0, sizeof(path));
	check(readlink("/proc/self/fd/3", path, sizeof(path) - 1) > 0, "its new name");
	name = strrchr(path, '/');
	printf("# %s\n", name ? name : "?");
	unlink("after");
	memset(path, 0, sizeof(path));
	check(readlink("/proc/self/fd/3", path, sizeof(path) - 1) > 0, "its last name");
	name = strrchr(path, '/');
	printf("# %s\n", name ? name : "?");
	fstat(fd, &status);
	printf("# %ld names\n", (long)status.st_nlink);
	show("no new name",
	     linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "again", AT_SYMLINK_FOLLOW));
	show("opened again", open("/proc/self/fd/3", O_RDONLY));
	close(4);
	close(fd);
}

static void without_a_name(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	struct stat status;

	check(fd >= 0 && write(fd, "nameless", 8) == 8, "O_TMPFILE");
	fstat(fd, &status);
	printf("# mode %o, %ld names\n", status.st_mode, (long)status.st_nlink);
	show("named", linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	show_file("named");
	show("named again", linkat(fd, "", AT_FDCWD, "second", AT_EMPTY_PATH));
	show_file("second");
	close(fd);
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	close(fd);
	empty_workplace();
}

// Entries come once each however the directory changes meanwhile; new ones last.
static void many_names(void)
{
	char name[16], bytes[512];
	int fd, count = 0;
	long got;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		make_file(name);
	}
	fd = open(".", O_RDONLY | O_DIRECTORY);
	while ((got = syscall(SYS_getdents64, fd, bytes, sizeof(bytes))) > 0) {
		for (long at = 0; at < got; at += *(unsigned short *)(bytes + at + 16)) {
			const char *entry = bytes + at + 19;

			if (entry[0] == 'n' && unlink(entry) == 0)
				count++;
		}
	}
	close(fd);
	show("removed while listing", count);
	list(".");
	show_file(".");
}

static void modes(void)
{
	umask(027);
	make_file("masked");
	mkdir("masked directory", 07777);
	show_file("masked");
	show_file("masked directory");
	umask(0);
	close(open("all", O_CREAT | O_RDWR, 07777));
	show_file("all");
	show("chmod", chmod("all", 04711));
	show_file("all");
	show("chmod", chmod("all", 0170000 | 0600));
	show_file("all");
	show("fchmodat of nothing", fchmodat(AT_FDCWD, "nothing", 0600, 0));
	show("chmod in /proc", chmod("/proc/self/stat", 0600));
	show("read-only, and made to be written", open("r", O_CREAT | O_RDWR, 0400) < 0 ? -1 : 0);
	show_file("r");
	umask(022);
	empty_workplace();
}

static void show_times(const char *name)
{
	struct stat status;

	if (stat(name, &status))
		show(name, -1);
	printf("# %s: accessed %ld.%09ld, modified %ld.%09ld\n", name, (long)status.st_atim.tv_sec,
	       status.st_atim.tv_nsec, (long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

static void times(void)
{
	struct timespec times[2] = {{1000, 5}, {2000, 999999999}};
	struct stat before, after;
	int fd;

	make_file("timed");
	show("utimensat", utimensat(AT_FDCWD, "timed", times, 0));
	show_times("timed");
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_sec = -1;
	show("one of them", utimensat(AT_FDCWD, "timed", times, 0));
	show_times("timed");
	times[1].tv_nsec = 1000000000;
	show("a whole second", utimensat(AT_FDCWD, "timed", times, 0));
	times[1].tv_nsec = UTIME_OMIT;
	show("neither", utimensat(AT_FDCWD, "nothing", times, 0));
	show("of nothing", utimensat(AT_FDCWD, "nothing", NULL, 0));
	show("of no path", utimensat(AT_FDCWD, NULL, NULL, 0));
	show("unknown flags", utimensat(AT_FDCWD, "timed", NULL, 1));
	stat("timed", &before);
	show("now", utimensat(AT_FDCWD, "timed", NULL, 0));
	stat("timed", &after);
	check(after.st_mtime > before.st_mtime + 1000, "now is later");
	fd = open("timed", O_RDWR);
	times[0] = (struct timespec){7, 8};
	times[1] = (struct timespec){9, 10};
	show("futimens", futimens(fd, times));
	show_times("timed");
	check(write(fd, "x", 1) == 1 && fstat(fd, &after) == 0 && after.st_mtime > 9,
	      "a write is a modification");
	futimens(fd, times);
	check(ftruncate(fd, 0) == 0 && fstat(fd, &after) == 0 && after.st_mtime > 9, "so is this");
	close(fd);
	utimensat(AT_FDCWD, ".", times, 0);
	make_file("another");
	check(stat(".", &after) == 0 && after.st_mtime > 9, "a name is one of the directory");
	utimensat(AT_FDCWD, ".", times, 0);
	unlink("another");
	check(stat(".", &after) == 0 && after.st_mtime > 9, "and when it goes");
	empty_workplace();
}

int main(void)
{
	enter_workplace();
	opening();
	making();
	making_others();
	removing();
	renaming();
	show_status("a removed directory", in_child(in_removed_directory));
	names_of_open_files();
	without_a_name();
	many_names();
	modes();
	times();
	leave_workplace();
	return tap_end();
}
