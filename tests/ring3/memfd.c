// SPDX-License-Identifier: MIT
//
// memfd_create: files without a name, and seals: what each forbids to whom.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC        16u
#endif

#define RW (PROT_READ | PROT_WRITE)

static int create(const char *name, unsigned flags)
{
	return (int)syscall(SYS_memfd_create, name, flags);
}

static void names_and_flags(void)
{
	static const unsigned flags[] = {0, 1, 2, 3, 8, 10, 16, 24, 32, 0x80000000u, 7 << 26};
	char line[64], longest[300], path[64] = "";
	struct stat status;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		int fd = create("name", flags[i]);

		snprintf(line, sizeof(line), "flags %#x", flags[i]);
		show(line, fd < 0 ? -1 : 0);
		if (fd < 0)
			continue;
		fstat(fd, &status);
		printf("# mode %o, %ld names, seals %d, F_GETFD %d, F_GETFL %o\n", status.st_mode,
		       (long)status.st_nlink, fcntl(fd, F_GET_SEALS), fcntl(fd, F_GETFD),
		       fcntl(fd, F_GETFL));
		close(fd);
	}
	memset(longest, 'n', sizeof(longest));
	longest[250] = 0;
	show("250 bytes", create(longest, 0));
	longest[249] = 0;
	show("249 bytes", create(longest, 0));
	show("no bytes", create("", 0));
	show("no name", create((char *)8, 0));
	check(readlink("/proc/self/fd/4", path, sizeof(path)) > 0, "shown");
	printf("# %s\n", path);
	memset(path, 0, sizeof(path));
	close(3), close(4);
	create("the name", 0);
	check(readlink("/proc/self/fd/3", path, sizeof(path)) > 0, "shown");
	printf("# %s\n", path);
	show("chmod", fchmod(3, 0600));
	show("written", write(3, "abc", 3));
	show("opened again", open("/proc/self/fd/3", O_RDONLY));
	show("read", read(4, path, 10));
	close(3), close(4);
}

static void try_everything(unsigned seals)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	char bytes[8192] = "", *map;
	int fd = create("sealed", MFD_ALLOW_SEALING), again;

	printf("# ---- seals %#x\n", seals);
	show("written", write(fd, bytes, sizeof(bytes)));
	show("F_ADD_SEALS", fcntl(fd, F_ADD_SEALS, seals));
	show("F_GET_SEALS", fcntl(fd, F_GET_SEALS));
	show("write inside", pwrite(fd, "x", 1, 100));
	show("write over the end", pwrite(fd, bytes, 8192, 4096));
	show("append", pwrite(fd, "x", 1, 8192));
	show("shorter", ftruncate(fd, 4096));
	show("longer", ftruncate(fd, 100000));
	show("the same", ftruncate(fd, 8192));
	show("fallocate", fallocate(fd, 0, 0, 200000));
	show("beyond the end", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 300000));
	show("a hole", fallocate(fd, punch, 0, 4096));
	show_pointer("shared", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	show_pointer("shared, to read", map);
	if (map != MAP_FAILED) {
		show("mprotect", mprotect(map, PAGE, RW));
		show("MADV_REMOVE", madvise(map, PAGE, MADV_REMOVE));
		munmap(map, PAGE);
	}
	map = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	show_pointer("private", map);
	if (map != MAP_FAILED)
		map[0] = 1;
	show("executable", fchmod(fd, 0666));
	again = open("/proc/self/fd/3", O_RDWR | O_TRUNC);
	show("O_TRUNC", again < 0 ? -1 : 0);
	close(again);
	show("one more", fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	show("the last", fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	show("too late", fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	show("at last", fcntl(fd, F_GET_SEALS));
	close(fd);
}

static void against_mappings(void)
{
	int fd = create("mapped", MFD_ALLOW_SEALING), reader;
	char *map, *read_only;

	ftruncate(fd, PAGE);
	map = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	show("F_SEAL_WRITE while mapped", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	show("F_SEAL_FUTURE_WRITE", fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	map[0] = 'w';
	check(map[0] == 'w', "an old mapping can still be written");
	show("mprotect there", mprotect(map, PAGE, PROT_READ));
	show("and back", mprotect(map, PAGE, RW));
	mprotect(map, PAGE, PROT_READ);
	show("F_SEAL_WRITE while it could be", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(map, PAGE);
	reader = open("/proc/self/fd/3", O_RDONLY);
	read_only = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	show("seals of a reader", fcntl(reader, F_ADD_SEALS, F_SEAL_GROW));
	show("F_SEAL_WRITE", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	check(read_only[0] == 'w', "read");
	close(reader);
	close(fd);
	show("F_ADD_SEALS of a pipe", pipe(&(int[2]){0}[0]));
	show("", fcntl(3, F_ADD_SEALS, F_SEAL_WRITE));
	show("F_GET_SEALS", fcntl(3, F_GET_SEALS));
	close(3), close(4);
	fd = create("flags", MFD_ALLOW_SEALING);
	show("unknown seals", fcntl(fd, F_ADD_SEALS, 0x100));
	show("none", fcntl(fd, F_ADD_SEALS, 0));
	close(fd);
	fd = create("unsealable", 0);
	show("not to be sealed", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	close(fd);
	fd = create("no program", MFD_NOEXEC_SEAL);
	show("made executable", fchmod(fd, 0755));
	show("made unreadable", fchmod(fd, 0200));
	close(fd);
}

int main(void)
{
	static const unsigned seals[] = {
		0,
		F_SEAL_SHRINK,
		F_SEAL_GROW,
		F_SEAL_SHRINK | F_SEAL_GROW,
		F_SEAL_WRITE,
		F_SEAL_FUTURE_WRITE,
		F_SEAL_SEAL,
		F_SEAL_EXEC,
		F_SEAL_WRITE | F_SEAL_GROW,
	};

	names_and_flags();
	for (size_t i = 0; i < sizeof(seals) / sizeof(*seals); i++)
		try_everything(seals[i]);
	against_mappings();
	return tap_end();
}
