// SPDX-License-Identifier: MIT
//
// System calls of System V shared memory; what a segment is stands in kernel/file/shm.c.
#include "kernel/file/shm.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "mm/mm.h"
#include "mm/object.h"
#include "mm/shared.h"
#include <linux/errno.h>
#include <linux/mman.h>

long sys_shmget(int key, size_t size, int flags)
{
	return shm_find_or_create(key, size, (unsigned)flags);
}

// ---- shmat ----
struct attachment {
	uintptr_t address;
	int prot, flags;
	unsigned mask; // permissions needed
};

// 0 or -EINVAL.
static int read_flags(struct attachment *attachment, uintptr_t address, int flags)
{
	attachment->address = address;
	attachment->flags = MAP_SHARED;
	attachment->prot = flags & SHM_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	attachment->mask = flags & SHM_RDONLY ? 4 : 4 | 2;
	if (flags & SHM_EXEC) {
		attachment->prot |= PROT_EXEC;
		attachment->mask |= 1;
	}
	if (!address)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if ((address & ~PAGE_MASK) && !(flags & SHM_RND))
		return -EINVAL;
	attachment->address = PAGE_ALIGN_DOWN(address);
	if (!attachment->address && (flags & SHM_REMAP))
		return -EINVAL;
	attachment->flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	return 0;
}

long sys_shmat(int id, uintptr_t address, int flags)
{
	struct attachment attachment;
	struct object *object;
	uint64_t size;
	long result = id < 0 ? -EINVAL : read_flags(&attachment, address, flags);

	if (result == 0)
		result = shm_open(id, attachment.mask, &object, &size);
	if (result)
		return result;
	if (address && attachment.address + size < attachment.address)
		result = -EINVAL;
	else
		result = mm_mmap(current_task()->mm, attachment.address, size, attachment.prot,
				 attachment.flags, object, 0, !(flags & SHM_RDONLY));
	shm_close(object);
	return result == -EEXIST ? -EINVAL : result;
}

long sys_shmdt(uintptr_t address)
{
	return mm_detach(current_task()->mm, address, shm_is_segment);
}

// ---- shmctl ----
static long tell_limits(uintptr_t buffer)
{
	struct shminfo64 info = {
		.shmmax = shm_limits.max,
		.shmmin = 1,
		.shmmni = (unsigned long)shm_limits.count,
		.shmseg = (unsigned long)shm_limits.count,
		.shmall = shm_limits.all,
	};

	if (copy_to_user(buffer, &info, sizeof(info)))
		return -EFAULT;
	return shm_highest_place();
}

static long tell_use(uintptr_t buffer)
{
	struct shm_info info;

	shm_count(&info);
	if (copy_to_user(buffer, &info, sizeof(info)))
		return -EFAULT;
	return shm_highest_place();
}

static long tell_status(int id, int command, uintptr_t buffer)
{
	struct shmid64_ds status;
	long result = shm_status(id, command != IPC_STAT, command == SHM_STAT_ANY, &status);

	if (result >= 0 && copy_to_user(buffer, &status, sizeof(status)))
		return -EFAULT;
	return result;
}

static long set(int id, uintptr_t buffer)
{
	struct shmid64_ds wanted;

	if (copy_from_user(&wanted, buffer, sizeof(wanted)))
		return -EFAULT;
	return shm_set(id, &wanted.shm_perm);
}

long sys_shmctl(int id, int command, uintptr_t buffer)
{
	if (command < 0 || id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
		return tell_limits(buffer);
	case SHM_INFO:
		return tell_use(buffer);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return tell_status(id, command, buffer);
	case IPC_SET:
		return set(id, buffer);
	case IPC_RMID:
		return shm_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_lock_pages(id, command == SHM_LOCK);
	default:
		return -EINVAL;
	}
}
