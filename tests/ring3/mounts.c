// SPDX-License-Identifier: MIT
//
// File systems in memory mounted on directories: names, limits, who keeps one from being
// unmounted, what is refused. On Linux it runs in a name space of its own, with a /tmp of its own.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include "tests/ring3/tap.h"

#define PLACE "/tmp/faultline-mounts"

static char block[64 * 1024];

static void show_kind(const char *path)
{
	struct statfs now;

	if (statfs(path, &now))
		show(path, -1);
	else
		printf("# %s: type %lx, %lu blocks\n", path, (long)now.f_type,
		       (unsigned long)now.f_blocks);
}

// The lines that are about the test's own directories.
static void show_mounts(void)
{
	char line[300];
	FILE *file = fopen("/proc/mounts", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, PLACE))
			printf("# %s", line);
	}
	if (file)
		fclose(file);
}

static int make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static void names(void)
{
	struct stat above, root;
	char here[200] = "";

	make("a/below");
	show("mount", mount("source", "a", "tmpfs", MS_NOSUID, "size=1m,mode=0750"));
	show_mounts();
	show("what was there", access("a/below", F_OK));
	stat(".", &above);
	stat("a", &root);
	printf("# mode %o, %ld links\n", (unsigned)root.st_mode, (long)root.st_nlink);
	check(above.st_dev != root.st_dev, "another device");
	show("a new file", make("a/new"));
	show("link out of it", link("a/new", "new"));
	show("rename out of it", rename("a/new", "new"));
	show("chdir", chdir("a"));
	show("its path", syscall(SYS_getcwd, here, sizeof(here)));
	check(!strcmp(here, PLACE "/a"), "getcwd");
	stat("..", &root);
	check(root.st_ino == above.st_ino && root.st_dev == above.st_dev, "and up again");
	show("busy: somebody works there", umount("."));
	show("chdir", chdir(".."));
	show("rmdir of it", rmdir("a"));
	show("rename of it", rename("a", "other"));
	show("umount", umount("a"));
	show("what was there", access("a/below", F_OK));
	show("what was in it", access("a/new", F_OK));
	show("umount of what is none", umount("a"));
	show_mounts();
}

static void limits(void)
{
	int fd;

	mount("small", "a", "tmpfs", 0, "size=100k,nr_inodes=4");
	show_kind("a");
	fd = open("a/file", O_RDWR | O_CREAT, 0600);
	show("write", write(fd, block, sizeof(block)));
	show("write of the rest", write(fd, block, sizeof(block)));
	show("no more", write(fd, block, sizeof(block)));
	close(fd);
	show("file 2", make("a/2"));
	show("file 3", make("a/3"));
	show("file 4", make("a/4"));
	unlink("a/2");
	show("in its place", make("a/4"));
	show("umount", umount("a"));
	show("ramfs", mount("ram", "a", "ramfs", 0, NULL));
	show_kind("a");
	show_mounts();
	show("umount", umount("a"));
}

static void busy(void)
{
	void *map;
	int fd;

	mount("busy", "a", "tmpfs", 0, NULL);
	mkdir("a/b", 0700);
	fd = open("a/b/file", O_RDWR | O_CREAT, 0600);
	write(fd, block, 4096);
	show("an open file", umount("a"));
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	show("a mapped one", umount("a"));
	munmap(map, 4096);
	fd = open("a/b/file", O_RDONLY);
	unlink("a/b/file");
	show("one without a name", umount("a"));
	close(fd);
	fd = open("a/b", O_RDONLY | O_DIRECTORY);
	show("a directory", umount("a"));
	close(fd);
	show("one in the other", mount("inner", "a/b", "tmpfs", 0, NULL));
	show_mounts();
	show("the outer", umount("a"));
	show("the inner", umount("a/b"));
	mkdir("a/b/c", 0700);
	make("a/b/c/d");
	link("a/b/c/d", "a/e");
	symlink("e", "a/f");
	show("the outer", umount("a"));
}

static void stacked(void)
{
	mount("lower", "a", "tmpfs", 0, NULL);
	make("a/lower");
	show("one on the other", mount("upper", "a", "tmpfs", 0, NULL));
	show("the lower one's", access("a/lower", F_OK));
	show_mounts();
	show("umount", umount("a"));
	show("the lower one's", access("a/lower", F_OK));
	show("umount", umount("a"));
	show("umount", umount("a"));
}

static void detached(void)
{
	char byte = 0;
	int fd;

	mount("detached", "a", "tmpfs", 0, NULL);
	fd = open("a/file", O_RDWR | O_CREAT, 0600);
	write(fd, "x", 1);
	show("detached while in use", umount2("a", MNT_DETACH));
	show("its name", access("a/file", F_OK));
	show("its byte", pread(fd, &byte, 1, 0));
	check(byte == 'x', "is there");
	close(fd);
	show("once more", umount2("a", MNT_DETACH));
}

static int as_nobody(void)
{
	if (setuid(65534))
		return 1;
	show("mount by nobody", mount("x", "a", "tmpfs", 0, NULL));
	show("nowhere", mount("x", "nowhere", "tmpfs", 0, NULL));
	show("umount by nobody", umount("a"));
	return 0;
}

static void refused(void)
{
	show("unknown type", mount("x", "a", "nosuchfs", 0, NULL));
	show("no type", mount("x", "a", NULL, 0, NULL));
	show("on a file", mount("x", "a/below", "tmpfs", 0, NULL));
	show("nowhere", mount("x", "nowhere", "tmpfs", 0, NULL));
	show("type nowhere", syscall(SYS_mount, "x", "a", 8, 0, NULL));
	show("an unknown option", mount("x", "a", "tmpfs", 0, "colour=blue"));
	show("a wrong size", mount("x", "a", "tmpfs", 0, "size=big"));
	show("a wrong mode", mount("x", "a", "tmpfs", 0, "mode=9"));
	show("unknown flags", umount2("a", 0x100));
	show("umount of nothing", umount("nowhere"));
	show_status("nobody", in_child(as_nobody));
}

int main(void)
{
	// Here there are no name spaces, and nobody else to be disturbed.
	if (unshare(CLONE_NEWNS) == 0) {
		mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
		mount("own", "/tmp", "tmpfs", 0, NULL);
	}
	mkdir(PLACE, 0755);
	if (chdir(PLACE) || mkdir("a", 0755))
		return 1;
	names();
	limits();
	busy();
	stacked();
	detached();
	refused();
	unlink("a/below");
	check(rmdir("a") == 0 && chdir("/") == 0 && rmdir(PLACE) == 0, "nothing is left");
	return tap_end();
}
