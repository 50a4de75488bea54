// SPDX-License-Identifier: MIT
//
// Random operations on files in memory, names and contents and mappings: each prints what it gave,
// so that one that differs from Linux's can be seen. The argument is the seed; another is
// `tools/run build/tests/ring3/tmpfs_random 77`, to be compared with the same on Linux.
// arguments: 4
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/workplace.h"

#define STEPS 3000
#define FILES 4 // open at a time
#define SPAN  (8 * PAGE)

static unsigned long state;
static int open_files[FILES];
static char *maps[FILES];
static sigjmp_buf come_back;
static char buffer[3 * 4096];

static unsigned below(unsigned limit)
{
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(state >> 33) % limit;
}

static const char *any_name(void)
{
	static const char *const names[] = {
		"a",   "b",     "c", "d",   "e/",  "d/a", "d/b",
		"d/e", "d/e/a", "e", "e/a", "e/d", "d/.", ".",
	};

	return names[below(sizeof(names) / sizeof(*names))];
}

// A place in a file, often at an edge.
static long any_offset(void)
{
	long offset = below(8) * PAGE;

	return below(2) ? offset : offset + (long)below(PAGE);
}

static unsigned long hash_bytes(const char *bytes, long count)
{
	unsigned long hash = 5381;

	for (long i = 0; i < count; i++)
		hash = hash * 33 + (unsigned char)bytes[i];
	return hash;
}

static void say(const char *what, long result)
{
	char line[40];

	snprintf(line, sizeof(line), "%s", what);
	show(line, result);
}

static void handler(int number)
{
	siglongjmp(come_back, number);
}

// ---- names ----
static void open_any(int slot)
{
	const char *name = any_name();
	static const int flags[] = {
		O_RDWR,
		O_RDWR | O_CREAT,
		O_RDWR | O_CREAT | O_EXCL,
		O_RDWR | O_TRUNC,
		O_RDWR | O_CREAT | O_APPEND,
		O_RDONLY,
		O_RDWR | O_TMPFILE,
		O_RDONLY | O_DIRECTORY,
	};

	if (maps[slot])
		munmap(maps[slot], SPAN);
	maps[slot] = NULL;
	if (open_files[slot] >= 0)
		close(open_files[slot]);
	open_files[slot] = open(name, flags[below(8)], 0644);
	printf("# of %d, %s:\n", slot, name);
	say("open", open_files[slot] < 0 ? -1 : 0);
}

static void change_names(void)
{
	const char *one = any_name(), *other = any_name();

	printf("# %s, %s:\n", one, other);
	switch (below(8)) {
	case 0:
		say("mkdir", mkdir(one, 0755));
		break;
	case 1:
		say("rmdir", rmdir(one));
		break;
	case 2:
		say("unlink", unlink(one));
		break;
	case 3:
		say("link", link(one, other));
		break;
	case 4:
		say("symlink", symlink(one, other));
		break;
	default:
		say("rename", syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, below(3)));
	}
}

static void look(void)
{
	const char *name = any_name();
	struct stat status;
	DIR *directory;
	struct dirent *entry;

	if (lstat(name, &status)) {
		say("lstat", -1);
		return;
	}
	printf("# lstat: %o %ld %ld %ld\n", status.st_mode, (long)status.st_nlink,
	       (long)status.st_size, (long)status.st_blocks);
	directory = opendir(name);
	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			printf("#   %s %d\n", entry->d_name, entry->d_type);
	if (directory)
		closedir(directory);
}

// ---- contents ----
static void change_contents(int slot)
{
	int fd = open_files[slot];
	long offset = any_offset(), count = below(2) ? below(sizeof(buffer)) : below(100);
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	printf("# of %d, %ld at %ld:\n", slot, count, offset);
	memset(buffer, (int)below(256), sizeof(buffer));
	switch (below(6)) {
	case 0:
		say("write", write(fd, buffer, (size_t)count));
		break;
	case 1:
		say("pwrite", pwrite(fd, buffer, (size_t)count, offset));
		break;
	case 2:
		say("ftruncate", ftruncate(fd, offset));
		break;
	case 3:
		say("fallocate", fallocate(fd, below(2) ? FALLOC_FL_KEEP_SIZE : 0, offset, count));
		break;
	case 4:
		say("punch", fallocate(fd, punch, offset, count));
		break;
	default:
		say("lseek", lseek(fd, offset, (int)below(5)));
	}
}

static void look_into(int slot)
{
	int fd = open_files[slot];
	struct stat status;
	long got;

	got = pread(fd, buffer, below(sizeof(buffer)), any_offset());
	printf("# of %d:\n", slot);
	say("pread", got);
	if (got > 0)
		printf("# %lx\n", hash_bytes(buffer, got));
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		printf("# fstat: %ld names, %ld bytes, %ld blocks\n", (long)status.st_nlink,
		       (long)status.st_size, (long)status.st_blocks);
}

// ---- mappings ----
static void map_any(int slot)
{
	void *map;

	if (maps[slot])
		munmap(maps[slot], SPAN);
	map = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, below(2) ? MAP_SHARED : MAP_PRIVATE,
		   open_files[slot], 0);
	maps[slot] = map == MAP_FAILED ? NULL : map;
	say("mmap", map == MAP_FAILED ? -1 : 0);
}

static void touch(int slot)
{
	static volatile char *at; // outlives the jump
	int number;

	if (!maps[slot])
		return;
	at = maps[slot] + any_offset();
	printf("# of %d, at %ld:\n", slot, (long)(at - maps[slot]));
	number = sigsetjmp(come_back, 1);
	if (number) {
		printf("# signal %d\n", number);
		return;
	}
	if (below(2))
		*at = (char)below(256);
	printf("# byte %d\n", *at);
}

static void step(void)
{
	int slot = (int)below(FILES);

	switch (below(12)) {
	case 0:
		open_any(slot);
		break;
	case 1:
	case 2:
	case 3:
		change_names();
		break;
	case 4:
		look();
		break;
	case 5:
	case 6:
	case 7:
		change_contents(slot);
		break;
	case 8:
		look_into(slot);
		break;
	case 9:
		map_any(slot);
		break;
	default:
		touch(slot);
	}
}

int main(int argc, char **argv)
{
	state = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	signal(SIGBUS, handler);
	enter_workplace();
	for (int i = 0; i < FILES; i++)
		open_files[i] = -1;
	for (int i = 0; i < STEPS; i++)
		step();
	for (int i = 0; i < FILES; i++)
		if (open_files[i] >= 0)
			close(open_files[i]);
	leave_workplace();
	return tap_end();
}
