// SPDX-License-Identifier: MIT
//
// System calls on memory: arguments checked and descriptors resolved here, the rest is mm/'s.
#include "kernel/file/files.h"
#include "kernel/machine/user_copy.h"
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
	struct mapped_file mapped = {.page_offset = offset / PAGE_SIZE};
	bool hold;
	long result;

	mapped.refusal = file_mapping(file, prot, flags, &mapped.object, &mapped.may_write);
	if (mapped.refusal == -EBADF)
		return -EBADF;
	// From here until it is there, nobody can say that there is no such mapping.
	hold = !mapped.refusal && mapped.object && mapped.may_write &&
	       (flags & MAP_TYPE) != MAP_PRIVATE;
	if (hold && object_hold_writable(mapped.object)) {
		mapped.refusal = -EPERM;
		hold = false;
	}
	result = mm_mmap_file(current_task()->mm, address, length, prot, flags, &mapped);
	if (hold)
		object_drop_writable(mapped.object);
	if (result > 0 && file->inode && file->inode->object)
		file_accessed(file);
	return result;
}

// What Linux says when none have been set aside: -ENOMEM, and -EINVAL for a size that there is
// not.
static long no_huge_pages(size_t length, int flags)
{
	unsigned order = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	return !length || (order && order != 21 && order != 30) ? -EINVAL : -ENOMEM;
}

long sys_mmap(uintptr_t address, size_t length, int prot, int flags, int descriptor,
	      uint64_t offset)
{
	struct file *file;
	long result;

	if (offset % PAGE_SIZE)
		return -EINVAL;
	if ((flags & (MAP_ANONYMOUS | MAP_HUGETLB)) == (MAP_ANONYMOUS | MAP_HUGETLB))
		return no_huge_pages(length, flags);
	if (flags & MAP_ANONYMOUS)
		return mm_mmap(current_task()->mm, address, length, prot, flags, NULL, 0, true);
	file = files_lookup(current_task()->files, descriptor);
	if (!file)
		return -EBADF;
	result = flags & MAP_HUGETLB ? -EINVAL
				     : map_file(file, address, length, prot, flags, offset);
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

// Without a key (-1) it is mprotect; there are none to be had.
long sys_pkey_mprotect(uintptr_t address, size_t length, int prot, int key)
{
	return key == -1 ? mm_mprotect(current_task()->mm, address, length, prot) : -EINVAL;
}

long sys_pkey_alloc(unsigned long flags, unsigned long rights)
{
	if (flags || (rights & ~(unsigned long)PKEY_ACCESS_MASK))
		return -EINVAL;
	return -ENOSPC;
}

long sys_pkey_free(int key)
{
	(void)key;
	return -EINVAL;
}

long sys_mremap(uintptr_t from, size_t old_size, size_t new_size, unsigned long flags,
		uintptr_t to)
{
	if (flags >> 32)
		return -EINVAL;
	return mm_mremap(current_task()->mm, from, old_size, new_size, flags, to);
}

long sys_remap_file_pages(uintptr_t start, size_t size, int prot, uint64_t page_offset, int flags)
{
	return mm_remap_file_pages(current_task()->mm, start, size, prot, page_offset, flags);
}

long sys_madvise(uintptr_t start, size_t size, int advice)
{
	return mm_madvise(current_task()->mm, start, size, advice);
}

#define MINCORE_PART 256 // pages at a time: their bytes are on the stack

long sys_mincore(uintptr_t start, size_t size, uintptr_t vector)
{
	unsigned char part[MINCORE_PART];
	size_t pages = size / PAGE_SIZE + (size % PAGE_SIZE != 0);

	if (start % PAGE_SIZE)
		return -EINVAL;
	if (start > USER_END || size > USER_END - start)
		return -ENOMEM;
	if (vector > USER_END || pages > USER_END - vector)
		return -EFAULT;
	for (size_t done = 0; done < pages; done += MINCORE_PART) {
		size_t count = pages - done < MINCORE_PART ? pages - done : MINCORE_PART;
		size_t mapped =
			mm_mincore(current_task()->mm, start + done * PAGE_SIZE, count, part);

		// What lies before a hole is told all the same.
		if (copy_to_user(vector + done, part, mapped))
			return -EFAULT;
		if (mapped < count)
			return -ENOMEM;
	}
	return 0;
}

long sys_msync(uintptr_t start, size_t size, int flags)
{
	return mm_msync(current_task()->mm, start, size, flags);
}

long sys_mlock(uintptr_t address, size_t size)
{
	return mm_mlock(current_task()->mm, address, size, false);
}

long sys_mlock2(uintptr_t address, size_t size, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return mm_mlock(current_task()->mm, address, size, flags & MLOCK_ONFAULT);
}

long sys_munlock(uintptr_t address, size_t size)
{
	return mm_munlock(current_task()->mm, address, size);
}

long sys_mlockall(int flags)
{
	return mm_mlockall(current_task()->mm, flags);
}

long sys_munlockall(void)
{
	mm_munlockall(current_task()->mm);
	return 0;
}
