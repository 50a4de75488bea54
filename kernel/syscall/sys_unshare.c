// SPDX-License-Identifier: MIT
//
// unshare and setns, as of a Linux that is built without name spaces: only what clone can share is
// there to be parted with.
#include "kernel/file/files.h"
#include "kernel/file/place.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "mm/mm.h"
#include <linux/errno.h>
#include <linux/sched.h>

#define NAME_SPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
	 CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME)
#define KNOWN                                                                               \
	(CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM | \
	 NAME_SPACES)

// Threads stay together, and so does who shares memory.
static bool can_part(unsigned long flags)
{
	const struct task *task = current_task();

	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER) &&
	    task->process->task_count > 1)
		return false;
	return !(flags & CLONE_VM) || __atomic_load_n(&task->mm->users, __ATOMIC_RELAXED) == 1;
}

long sys_unshare(unsigned long flags)
{
	if (flags & ~(unsigned long)KNOWN)
		return -EINVAL;
	if (!can_part(flags))
		return -EINVAL;
	if (flags & NAME_SPACES)
		return flags & CLONE_NEWUSER || capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	if (flags & CLONE_FS && place_unshare())
		return -ENOMEM;
	if (flags & CLONE_FILES && files_unshare())
		return -ENOMEM;
	return 0;
}

long sys_setns(int descriptor, int type)
{
	struct file *file = file_get_descriptor(descriptor);

	(void)type;
	if (!file)
		return -EBADF;
	file_put(file);
	return -EINVAL;
}
