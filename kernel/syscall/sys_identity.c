// SPDX-License-Identifier: MIT
//
// Who a process is: numbers, groups, sessions, users. Users are numbers that a process may carry
// and change as Linux lets it; no permission depends on them.
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <linux/errno.h>

#define UNCHANGED UINT32_MAX

long sys_getpid(void)
{
	return current_process()->pid;
}

long sys_getppid(void)
{
	return process_parent_pid(current_process());
}

long sys_gettid(void)
{
	return current_task()->tid;
}

long sys_getpgrp(void)
{
	return current_process()->group;
}

long sys_getpgid(int pid)
{
	return process_group(pid);
}

long sys_setpgid(int pid, int group)
{
	return process_set_group(pid, group);
}

long sys_getsid(int pid)
{
	return process_session(pid);
}

long sys_setsid(void)
{
	return process_new_session();
}

long sys_getuid(void)
{
	return current_process()->uid;
}

long sys_geteuid(void)
{
	return current_process()->euid;
}

long sys_getgid(void)
{
	return current_process()->gid;
}

long sys_getegid(void)
{
	return current_process()->egid;
}

static long store_three(uintptr_t to[3], const uint32_t values[3])
{
	for (int i = 0; i < 3; i++) {
		if (copy_to_user(to[i], &values[i], sizeof(values[i])))
			return -EFAULT;
	}
	return 0;
}

long sys_getresuid(uintptr_t real, uintptr_t effective, uintptr_t saved)
{
	const struct process *process = current_process();

	return store_three((uintptr_t[]){real, effective, saved},
			   (uint32_t[]){process->uid, process->euid, process->suid});
}

long sys_getresgid(uintptr_t real, uintptr_t effective, uintptr_t saved)
{
	const struct process *process = current_process();

	return store_three((uintptr_t[]){real, effective, saved},
			   (uint32_t[]){process->gid, process->egid, process->sgid});
}

// Root may become anybody, others one of those they already are.
static bool may_become(uint32_t wanted, uint32_t real, uint32_t effective, uint32_t saved)
{
	return wanted == UNCHANGED || !current_process()->euid || wanted == real ||
	       wanted == effective || wanted == saved;
}

static void change(uint32_t *value, uint32_t wanted)
{
	if (wanted != UNCHANGED)
		*value = wanted;
}

long sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved)
{
	struct process *p = current_process();

	if (!may_become(real, p->uid, p->euid, p->suid) ||
	    !may_become(effective, p->uid, p->euid, p->suid) ||
	    !may_become(saved, p->uid, p->euid, p->suid))
		return -EPERM;
	change(&p->uid, real);
	change(&p->euid, effective);
	change(&p->suid, saved);
	return 0;
}

long sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved)
{
	struct process *p = current_process();

	if (!may_become(real, p->gid, p->egid, p->sgid) ||
	    !may_become(effective, p->gid, p->egid, p->sgid) ||
	    !may_become(saved, p->gid, p->egid, p->sgid))
		return -EPERM;
	change(&p->gid, real);
	change(&p->egid, effective);
	change(&p->sgid, saved);
	return 0;
}

// What the saved number becomes when real or effective are set: POSIX's rule for setre[ug]id.
static uint32_t new_saved(uint32_t old_real, uint32_t real, uint32_t old_effective,
			  uint32_t effective)
{
	if (real == UNCHANGED && (effective == UNCHANGED || effective == old_real))
		return UNCHANGED;
	return effective == UNCHANGED ? old_effective : effective;
}

long sys_setreuid(uint32_t real, uint32_t effective)
{
	const struct process *p = current_process();

	return sys_setresuid(real, effective, new_saved(p->uid, real, p->euid, effective));
}

long sys_setregid(uint32_t real, uint32_t effective)
{
	const struct process *p = current_process();

	return sys_setresgid(real, effective, new_saved(p->gid, real, p->egid, effective));
}

long sys_setuid(uint32_t uid)
{
	if (uid == UNCHANGED)
		return -EINVAL;
	if (!current_process()->euid)
		return sys_setresuid(uid, uid, uid);
	return sys_setresuid(UNCHANGED, uid, UNCHANGED);
}

long sys_setgid(uint32_t gid)
{
	if (gid == UNCHANGED)
		return -EINVAL;
	if (!current_process()->euid)
		return sys_setresgid(gid, gid, gid);
	return sys_setresgid(UNCHANGED, gid, UNCHANGED);
}

// Nobody has supplementary groups.
long sys_getgroups(int size, uintptr_t list)
{
	(void)list;
	return size < 0 ? -EINVAL : 0;
}

long sys_setgroups(int size, uintptr_t list)
{
	(void)list;
	if (current_process()->euid)
		return -EPERM;
	return size ? -EINVAL : 0;
}
