// SPDX-License-Identifier: MIT
//
// Every allocation of every system call that makes or changes files in memory fails once: the call
// says so or does without, and nothing is lost, nor half done. /proc/self/fail-nth is this
// kernel's (Linux has it when built with fault injection), so:
// kernel only
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/fail.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static char block[8 * 4096];
static int fd;

static long creating(void)
{
	long result = open("/tmp/new", O_RDWR | O_CREAT | O_EXCL, 0600);

	if (result >= 0)
		close((int)result);
	return result;
}

static long without_a_name(void)
{
	long result = open("/tmp", O_RDWR | O_TMPFILE, 0600);

	if (result >= 0)
		close((int)result);
	return result;
}

static long making(void)
{
	return mkdir("/tmp/new", 0700);
}

static long linking(void)
{
	return link("/tmp/file", "/tmp/new");
}

static long symbolic(void)
{
	return symlink("somewhere", "/tmp/new");
}

static long device(void)
{
	return mknod("/tmp/new", S_IFCHR | 0600, 0x103);
}

static long renaming(void)
{
	return rename("/tmp/file", "/tmp/new");
}

static long exchanging(void)
{
	return syscall(SYS_renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp", 2) == -1 &&
			       errno == EINVAL
		       ? 0
		       : -1;
}

static long removing(void)
{
	long result = unlink("/tmp/gone");

	if (result < 0 && errno == ENOENT) {
		errno = 0;
		result = 0;
	}
	return result;
}

static long writing(void)
{
	return pwrite(fd, block, sizeof(block), 1 << 20);
}

static long truncating(void)
{
	return truncate("/tmp/file", 100);
}

static long allocating(void)
{
	return fallocate(fd, 0, 0, sizeof(block));
}

static long mapping(void)
{
	void *map = mmap(NULL, sizeof(block), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -1;
	return munmap(map, sizeof(block));
}

static long populating(void)
{
	void *map;
	long result;
	int error;

	if (ftruncate(fd, sizeof(block)))
		exit(1);
	map = mmap(NULL, sizeof(block), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	result = map == MAP_FAILED ? -1 : madvise(map, sizeof(block), MADV_POPULATE_WRITE);
	error = errno;

	if (map != MAP_FAILED)
		munmap(map, sizeof(block));
	errno = error;
	return result;
}

static long changing(void)
{
	return chmod("/tmp/file", 0640) ? -1 : utimensat(AT_FDCWD, "/tmp/file", NULL, 0);
}

static long memory_file(void)
{
	long result = syscall(SYS_memfd_create, "m", 2);

	if (result >= 0)
		close((int)result);
	return result;
}

static long segment(void)
{
	int id = shmget(IPC_PRIVATE, 10000, 0600), error;
	void *at;

	if (id < 0)
		return -1;
	at = shmat(id, NULL, 0);
	error = errno;
	if (at != (void *)-1)
		shmdt(at);
	shmctl(id, IPC_RMID, NULL);
	errno = error;
	return at == (void *)-1 ? -1 : 0;
}

// What a try may have left.
static void clean(void)
{
	if (access("/tmp/file", F_OK))
		rename("/tmp/new", "/tmp/file");
	unlink("/tmp/new");
	rmdir("/tmp/new");
	if (ftruncate(fd, 0) || ftruncate(fd, 100))
		exit(1);
}

int main(void)
{
	open_fail_nth();
	fd = open("/tmp/file", O_RDWR | O_CREAT, 0600);
	clean();
	walk("open to create", creating, clean);
	walk("O_TMPFILE", without_a_name, clean);
	walk("mkdir", making, clean);
	walk("link", linking, clean);
	walk("symlink", symbolic, clean);
	walk("mknod", device, clean);
	walk("rename", renaming, clean);
	walk("rename to exchange", exchanging, clean);
	walk("unlink", removing, clean);
	walk("write", writing, clean);
	walk("truncate", truncating, clean);
	walk("fallocate", allocating, clean);
	walk("a mapping", mapping, clean);
	walk("its pages", populating, clean);
	walk("attributes", changing, clean);
	walk("memfd_create", memory_file, clean);
	walk("shared memory", segment, clean);
	check_audit();
	return tap_end();
}
