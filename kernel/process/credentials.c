// SPDX-License-Identifier: MIT
//
// Users, groups and capabilities: see kernel/process/credentials.h, and capabilities(7) for the
// rules. Left out: capabilities of files.
#include "kernel/process/credentials.h"

#include "kernel/file/inode.h"
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "mm/slab.h"
#include <linux/securebits.h>

// What fsuid 0 alone gives.
#define FILE_CAPABILITIES                                                                    \
	(CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_DAC_OVERRIDE) |      \
	 CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_FSETID) | \
	 CAPABILITY(CAP_LINUX_IMMUTABLE) | CAPABILITY(CAP_MAC_OVERRIDE))

bool capable(int capability)
{
	const struct task *task = current_task();

	if (!task || !task->process)
		return true;
	return task->process->capabilities.effective >> capability & 1;
}

void credentials_init(struct process *process)
{
	process->capabilities = (struct capabilities){
		.permitted = CAPABILITIES_ALL,
		.effective = CAPABILITIES_ALL,
		.bounding = CAPABILITIES_ALL,
	};
}

// The child is not visible yet; the parent's other threads may be changing it.
void credentials_fork(struct process *child, const struct process *parent)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	child->uid = parent->uid;
	child->euid = parent->euid;
	child->suid = parent->suid;
	child->fsuid = parent->fsuid;
	child->gid = parent->gid;
	child->egid = parent->egid;
	child->sgid = parent->sgid;
	child->fsgid = parent->fsgid;
	child->capabilities = parent->capabilities;
	child->groups = parent->groups;
	if (child->groups)
		__atomic_add_fetch(&child->groups->references, 1, __ATOMIC_RELAXED);
	child->dumpable = parent->dumpable;
	spin_unlock_irqrestore(&process_lock, flags);
}

void credentials_release(struct process *process)
{
	group_list_put(process->groups);
}

// ---- users ----
static struct ids users_of(const struct process *process)
{
	return (struct ids){process->uid, process->euid, process->suid, process->fsuid};
}

struct ids credentials_users(void)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct ids users = users_of(current_process());

	spin_unlock_irqrestore(&process_lock, flags);
	return users;
}

struct ids credentials_groups(void)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	const struct process *process = current_process();
	struct ids groups = {process->gid, process->egid, process->sgid, process->fsgid};

	spin_unlock_irqrestore(&process_lock, flags);
	return groups;
}

static bool any_root(const struct ids *users)
{
	return !users->real || !users->effective || !users->saved;
}

// Capabilities after a change of users, as if root were a user with all of them and others had
// none.
static void follow_users(struct capabilities *capabilities, const struct ids *old,
			 const struct ids *new)
{
	if (capabilities->secure_bits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (any_root(old) && !any_root(new)) {
		if (!(capabilities->secure_bits & SECBIT_KEEP_CAPS)) {
			capabilities->permitted = 0;
			capabilities->effective = 0;
		}
		capabilities->ambient = 0;
	}
	if (!old->effective && new->effective)
		capabilities->effective = 0;
	if (old->effective && !new->effective)
		capabilities->effective = capabilities->permitted;
}

static uint32_t count_tasks(uint32_t user)
{
	struct process *process;
	uint32_t count = 0;

	list_for_each_entry (process, &all_processes, link) {
		if (process->uid == user)
			count += process->task_count;
	}
	return count;
}

bool credentials_too_many_tasks(int change)
{
	struct process *process = current_process();
	uint64_t limit = process_limit(process, RLIMIT_NPROC).rlim_cur;
	int64_t count;
	uint64_t flags;

	// There can not be more, and root is not counted.
	if (limit >= PROCESS_LIMIT || !process->uid)
		return false;
	flags = spin_lock_irqsave(&process_lock);
	count = count_tasks(process->uid);
	spin_unlock_irqrestore(&process_lock, flags);
	return count + change > (int64_t)limit;
}

void credentials_set_users(const struct ids *users)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct ids old = users_of(process);

	process->uid = users->real;
	process->euid = users->effective;
	process->suid = users->saved;
	process->fsuid = users->files;
	if (old.effective != users->effective || old.files != users->files)
		process->dumpable = false;
	follow_users(&process->capabilities, &old, users);
	spin_unlock_irqrestore(&process_lock, flags);
	// Not here but at the next exec it is refused: programs do not expect it of setuid.
	if (old.real != users->real)
		process->too_many_tasks = credentials_too_many_tasks(-(int)process->task_count);
}

void credentials_set_groups(const struct ids *groups)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (process->egid != groups->effective || process->fsgid != groups->files)
		process->dumpable = false;
	process->gid = groups->real;
	process->egid = groups->effective;
	process->sgid = groups->saved;
	process->fsgid = groups->files;
	spin_unlock_irqrestore(&process_lock, flags);
}

void credentials_set_files_user(uint32_t user)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct capabilities *capabilities = &process->capabilities;

	if (!(capabilities->secure_bits & SECBIT_NO_SETUID_FIXUP)) {
		if (!process->fsuid && user)
			capabilities->effective &= ~FILE_CAPABILITIES;
		if (process->fsuid && !user)
			capabilities->effective |= FILE_CAPABILITIES & capabilities->permitted;
	}
	if (process->fsuid != user)
		process->dumpable = false;
	process->fsuid = user;
	spin_unlock_irqrestore(&process_lock, flags);
}

void credentials_set_files_group(uint32_t group)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (process->fsgid != group)
		process->dumpable = false;
	process->fsgid = group;
	spin_unlock_irqrestore(&process_lock, flags);
}

// ---- supplementary groups ----
struct group_list *group_list_alloc(uint32_t count)
{
	struct group_list *list = kmalloc(sizeof(*list) + count * sizeof(list->group[0]));

	if (list) {
		list->references = 1;
		list->count = count;
	}
	return list;
}

void group_list_put(struct group_list *list)
{
	if (list && !__atomic_sub_fetch(&list->references, 1, __ATOMIC_ACQ_REL))
		kfree(list);
}

struct group_list *credentials_group_list(const struct process *process)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct group_list *list = process->groups;

	if (list)
		__atomic_add_fetch(&list->references, 1, __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&process_lock, flags);
	return list;
}

void credentials_set_group_list(struct group_list *list)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);
	struct group_list *old = process->groups;

	process->groups = list;
	spin_unlock_irqrestore(&process_lock, flags);
	group_list_put(old);
}

static bool list_has(const struct group_list *list, uint32_t group)
{
	uint32_t first = 0, end = list ? list->count : 0;

	while (first < end) {
		uint32_t middle = first + (end - first) / 2;

		if (list->group[middle] == group)
			return true;
		if (list->group[middle] < group)
			first = middle + 1;
		else
			end = middle;
	}
	return false;
}

bool credentials_in_group(uint32_t group)
{
	const struct process *process = current_process();
	bool found = process->fsgid == group;
	uint64_t flags;

	if (found || !process->groups)
		return found;
	flags = spin_lock_irqsave(&process_lock);
	found = list_has(process->groups, group);
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

// ---- exec ----
// The file's owner or group instead of the caller's, where its mode says so.
static void take_owner(struct new_credentials *new, const struct inode *inode)
{
	uint32_t mode = inode->mode;

	if (new->capabilities.no_new_privileges)
		return;
	if (mode & S_ISUID)
		new->euid = inode->uid;
	// Without the right to execute, the bit means something else (mandatory locking).
	if ((mode & S_ISGID) && (mode & S_IXGRP))
		new->egid = inode->gid;
}

// Root's programs have all that is not fenced off, others what is ambient.
static void take_capabilities(struct new_credentials *new, bool other_ids)
{
	struct capabilities *capabilities = &new->capabilities;
	bool root_rules = !(capabilities->secure_bits & SECBIT_NOROOT);

	if (other_ids)
		capabilities->ambient = 0;
	capabilities->permitted = capabilities->ambient;
	if (root_rules && (!new->uid || !new->euid))
		capabilities->permitted |= capabilities->bounding | capabilities->inheritable;
	capabilities->effective =
		root_rules && !new->euid ? capabilities->permitted : capabilities->ambient;
	capabilities->secure_bits &= ~SECBIT_KEEP_CAPS;
}

void credentials_for_exec(const struct inode *inode, struct new_credentials *new)
{
	const struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);

	*new = (struct new_credentials){
		.uid = process->uid,
		.euid = process->euid,
		.gid = process->gid,
		.egid = process->egid,
		.capabilities = process->capabilities,
	};
	spin_unlock_irqrestore(&process_lock, flags);
	take_owner(new, inode);
	new->secure = new->euid != new->uid || new->egid != new->gid;
	take_capabilities(new, new->secure);
}

void credentials_exec(const struct new_credentials *new)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&process_lock);
	bool more = new->capabilities.permitted & ~process->capabilities.permitted;

	process->dumpable = !more && new->euid == new->uid &&new->egid == new->gid;
	process->euid = process->suid = process->fsuid = new->euid;
	process->egid = process->sgid = process->fsgid = new->egid;
	process->capabilities = new->capabilities;
	spin_unlock_irqrestore(&process_lock, flags);
}
