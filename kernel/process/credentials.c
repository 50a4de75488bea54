// SPDX-License-Identifier: MIT
//
// Users, groups and capabilities: see kernel/process/credentials.h, and capabilities(7) for the
// rules. Left out: capabilities of files.
#include "kernel/process/credentials.h"

#include "kernel/file/inode.h"
#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/user.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/securebits.h>

// What fsuid 0 alone gives.
#define FILE_CAPABILITIES                                                                    \
	(CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_DAC_OVERRIDE) |      \
	 CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_FSETID) | \
	 CAPABILITY(CAP_LINUX_IMMUTABLE) | CAPABILITY(CAP_MAC_OVERRIDE))

bool capable(int capability)
{
	const struct task *task = current_task();

	if (!task || !task->credentials)
		return true;
	return task->credentials->capabilities.effective >> capability & 1;
}

// ---- whose they are ----
struct credentials *credentials_get(struct credentials *credentials)
{
	__atomic_add_fetch(&credentials->references, 1, __ATOMIC_RELAXED);
	return credentials;
}

void credentials_put(struct credentials *credentials)
{
	if (!credentials || __atomic_sub_fetch(&credentials->references, 1, __ATOMIC_ACQ_REL))
		return;
	group_list_put(credentials->group_list);
	user_put(credentials->user);
	kfree(credentials);
}

struct credentials *credentials_of(const struct process *process, int tid)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	const struct task *task = tid ? pid_task(tid) : NULL;
	struct credentials *credentials = credentials_get(
		task && task->process == process ? task->credentials : process->credentials);

	spin_unlock_irqrestore(&process_lock, flags);
	return credentials;
}

bool credentials_same_user(const struct credentials *credentials)
{
	const struct ids *users = &credentials->users, *groups = &credentials->groups;
	uint32_t user = current_credentials()->users.real;
	uint32_t group = current_credentials()->groups.real;

	return user == users->effective && user == users->saved && user == users->real &&
	       group == groups->effective && group == groups->saved && group == groups->real;
}

bool credentials_may_inspect(const struct process *process)
{
	struct credentials *other;
	bool open;

	if (process == current_process() || capable(CAP_SYS_PTRACE))
		return true;
	other = credentials_of(process, 0);
	open = process->dumpable && credentials_same_user(other) &&
	       !(other->capabilities.permitted & ~current_credentials()->capabilities.permitted);
	credentials_put(other);
	return open;
}

int credentials_init(struct task *task)
{
	struct credentials *first = kzalloc(sizeof(*first));

	if (first)
		first->user = user_find(0);
	if (!first || !first->user)
		return -ENOMEM; // and nothing goes on
	first->references = 2;
	first->capabilities = (struct capabilities){
		.permitted = CAPABILITIES_ALL,
		.effective = CAPABILITIES_ALL,
		.bounding = CAPABILITIES_ALL,
	};
	task->credentials = task->process->credentials = first;
	return 0;
}

void credentials_fork(struct task *child, const struct task *parent)
{
	child->credentials = credentials_get(parent->credentials);
	child->no_new_privileges = parent->no_new_privileges;
	if (child->process == parent->process)
		return;
	child->process->credentials = credentials_get(parent->credentials);
	child->process->dumpable = parent->process->dumpable;
}

struct credentials *credentials_copy(void)
{
	struct credentials *new = kmalloc(sizeof(*new));

	if (!new)
		return NULL;
	*new = *current_credentials();
	new->references = 1;
	user_get(new->user);
	if (new->group_list)
		__atomic_add_fetch(&new->group_list->references, 1, __ATOMIC_RELAXED);
	return new;
}

// Whether somebody else, or somebody with more rights, comes of it: what is in the process's
// memory may be a secret then.
static bool is_other(const struct credentials *old, const struct credentials *new)
{
	return old->users.effective != new->users.effective ||
	       old->users.files != new->users.files ||
	       old->groups.effective != new->groups.effective ||
	       old->groups.files != new->groups.files ||
	       (new->capabilities.permitted & ~old->capabilities.permitted);
}

void credentials_change(struct credentials *new)
{
	struct task *task = current_task();
	struct process *process = task->process;
	struct credentials *old = task->credentials, *old_first = NULL;
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (is_other(old, new)) {
		process->dumpable = false;
		process->parent_death_signal = 0;
	}
	task->credentials = new;
	if (task->tid == process->pid) {
		old_first = process->credentials;
		process->credentials = credentials_get(new);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	credentials_put(old);
	credentials_put(old_first);
}

// ---- users ----
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

// A first thread counts as long as its process can be waited for. process_lock held.
static uint32_t count_tasks(uint32_t user)
{
	const struct process *process;
	const struct task *task;
	uint32_t count = 0;

	list_for_each_entry (process, &all_processes, link) {
		count += process->credentials->users.real == user;
		list_for_each_entry (task, &process->tasks, thread_link)
			count +=
				task->tid != process->pid && task->credentials->users.real == user;
	}
	return count;
}

bool credentials_too_many_tasks(int change)
{
	uint64_t limit = process_limit(current_process(), RLIMIT_NPROC).rlim_cur;
	uint32_t user = current_credentials()->users.real;
	int64_t count;
	uint64_t flags;

	// There can not be more, and root is not counted.
	if (limit >= PROCESS_LIMIT || !user)
		return false;
	flags = spin_lock_irqsave(&process_lock);
	count = count_tasks(user);
	spin_unlock_irqrestore(&process_lock, flags);
	return count + change > (int64_t)limit;
}

static int take_user(struct credentials *new, uint32_t uid)
{
	struct user *user = user_find(uid);

	if (!user)
		return -EAGAIN;
	user_put(new->user);
	new->user = user;
	return 0;
}

int credentials_set_users(const struct ids *users)
{
	const struct ids old = current_credentials()->users;
	struct credentials *new = credentials_copy();

	if (!new)
		return -ENOMEM;
	if (old.real != users->real && take_user(new, users->real)) {
		credentials_put(new);
		return -EAGAIN;
	}
	new->users = *users;
	follow_users(&new->capabilities, &old, users);
	credentials_change(new);
	// Not here but at the next exec it is refused: programs do not expect it of setuid.
	if (old.real != users->real)
		current_task()->too_many_tasks = credentials_too_many_tasks(-1);
	return 0;
}

int credentials_set_groups(const struct ids *groups)
{
	struct credentials *new = credentials_copy();

	if (!new)
		return -ENOMEM;
	new->groups = *groups;
	credentials_change(new);
	return 0;
}

int credentials_set_files_user(uint32_t user)
{
	struct credentials *new = credentials_copy();
	struct capabilities *capabilities;

	if (!new)
		return -ENOMEM;
	capabilities = &new->capabilities;
	if (!(capabilities->secure_bits & SECBIT_NO_SETUID_FIXUP)) {
		if (!new->users.files && user)
			capabilities->effective &= ~FILE_CAPABILITIES;
		if (new->users.files && !user)
			capabilities->effective |= FILE_CAPABILITIES & capabilities->permitted;
	}
	new->users.files = user;
	credentials_change(new);
	return 0;
}

int credentials_set_files_group(uint32_t group)
{
	struct credentials *new = credentials_copy();

	if (!new)
		return -ENOMEM;
	new->groups.files = group;
	credentials_change(new);
	return 0;
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

int credentials_set_group_list(struct group_list *list)
{
	struct credentials *new = credentials_copy();

	if (!new) {
		group_list_put(list);
		return -ENOMEM;
	}
	group_list_put(new->group_list);
	new->group_list = list;
	credentials_change(new);
	return 0;
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
	const struct credentials *mine = current_credentials();

	return mine->groups.files == group || list_has(mine->group_list, group);
}

// ---- exec ----
// The file's owner or group instead of the caller's, where its mode says so.
static void take_owner(struct credentials *new, const struct inode *inode)
{
	uint32_t mode = inode->mode;

	if (!current_task()->no_new_privileges) {
		if (mode & S_ISUID)
			new->users.effective = inode->uid;
		// Without the right to execute, the bit means something else (mandatory locking).
		if ((mode & S_ISGID) && (mode & S_IXGRP))
			new->groups.effective = inode->gid;
	}
	new->users.saved = new->users.files = new->users.effective;
	new->groups.saved = new->groups.files = new->groups.effective;
}

// Root's programs have all that is not fenced off, others what is ambient.
static void take_capabilities(struct credentials *new, bool other_ids)
{
	struct capabilities *capabilities = &new->capabilities;
	bool root_rules = !(capabilities->secure_bits & SECBIT_NOROOT);

	if (other_ids)
		capabilities->ambient = 0;
	capabilities->permitted = capabilities->ambient;
	if (root_rules && (!new->users.real || !new->users.effective))
		capabilities->permitted |= capabilities->bounding | capabilities->inheritable;
	capabilities->effective = root_rules && !new->users.effective ? capabilities->permitted
								      : capabilities->ambient;
	capabilities->secure_bits &= ~SECBIT_KEEP_CAPS;
}

static bool is_own_user(const struct credentials *credentials)
{
	return credentials->users.effective == credentials->users.real &&
	       credentials->groups.effective == credentials->groups.real;
}

struct credentials *credentials_for_exec(const struct inode *inode, bool *secure)
{
	struct credentials *new = credentials_copy();

	if (!new)
		return NULL;
	take_owner(new, inode);
	*secure = !is_own_user(new);
	take_capabilities(new, *secure);
	return new;
}

void credentials_exec(struct credentials *new)
{
	current_process()->dumpable = is_own_user(new);
	credentials_change(new);
}
