// SPDX-License-Identifier: MIT
//
// System calls on memory: arguments checked and descriptors resolved here, the rest is mm/'s.
#include "kernel/file/files.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "mm/mm.h"
#include "mm/object.h"
#include <linux/errno.h>
#include <linux/mman.h>

long sys_brk(uintptr_t address)
{
	return (long)mm_brk(current_task()->mm, address);
}

static long map_file(struct file *file, uintptr_t address, size_t length, int prot, int flags,
		     uint64_t offset)
{
	struct object *object;
	bool may_write;
	int error = file_mapping(file, prot, flags, &object, &may_write);

	if (error)
		return error;
	return mm_mmap(current_task()->mm, address, length, prot, flags, object,
		       object ? offset / PAGE_SIZE : 0, may_write);
}

long sys_mmap(uintptr_t address, size_t length, int prot, int flags, int descriptor,
	      uint64_t offset)
{
	struct file *file;
	long result;

	if (offset % PAGE_SIZE)
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return mm_mmap(current_task()->mm, address, length, prot, flags, NULL, 0, true);
	file = files_lookup(current_task()->files, descriptor);
	if (!file)
		return -EBADF;
	result = map_file(file, address, length, prot, flags, offset);
	file_put(file);
	return result;
}

long sys_munmap(uintptr_t address, size_t length)
{
	return mm_munmap(current_task()->mm, address, length);
}

long sys_mprotect(uintptr_t address, size_t length, int prot)
{
	return mm_mprotect(current_task()->mm, address, length, prot);
}
