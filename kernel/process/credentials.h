// SPDX-License-Identifier: MIT
//
// What a thread may do: users, groups and capabilities, with Linux's rules for how the ones follow
// from the others when users change and when a program is run. They belong to the thread, as on
// Linux; that all threads of a process change together is the C library's doing. A new thread or
// process shares its maker's. What belongs to a process as a whole is its first thread's, also
// after that has ended: whom kill asks about, whose its directory in /proc is.
//
// Once others can see them they do not change: who changes makes new ones. So a thread reads its
// own without a lock; another thread's pointer is read under process_lock.
#pragma once

#include "kernel/process/task.h"
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

struct inode;
struct process;
struct user;

#define CAPABILITY(number) (1ul << (number))
#define CAPABILITIES_ALL   ((CAPABILITY(CAP_LAST_CAP) << 1) - 1)

// Sets: bit n for CAP_* n.
struct capabilities {
	uint64_t inheritable, permitted, effective, bounding, ambient;
	uint32_t secure_bits; // SECBIT_* of <linux/securebits.h>
};

// One kind of numbers, users or groups.
struct ids {
	uint32_t real, effective, saved, files;
};

// Supplementary groups, in ascending order. Not changed once made; counted.
struct group_list {
	uint32_t references; // atomic
	uint32_t count;
	uint32_t group[];
};

struct credentials {
	uint32_t references; // atomic
	struct ids users, groups;
	struct capabilities capabilities;
	struct group_list *group_list; // supplementary groups; NULL: there are none
	struct user *user;             // the real one; a reference
};

// The running task's. NULL: a task of the kernel's own.
static inline const struct credentials *current_credentials(void)
{
	return current_task()->credentials;
}

// Whether the running thread has the capability. True in the kernel itself.
bool capable(int capability);

struct credentials *credentials_get(struct credentials *credentials);
void credentials_put(struct credentials *credentials); // NULL is allowed
// With a reference: those of a process's thread `tid`; of its first, when that is 0 or is gone.
struct credentials *credentials_of(const struct process *process, int tid);
// Whether all of these are the running thread's real user and group.
bool credentials_same_user(const struct credentials *credentials);
// Whether the running thread may look into `process`, as a debugger could: it is its own, or that
// belongs to the same user with no capability that the running one lacks, and does not hide
// (PR_SET_DUMPABLE), or the running one has CAP_SYS_PTRACE.
bool credentials_may_inspect(const struct process *process);

// root, with all capabilities: what the first program has. -ENOMEM.
int credentials_init(struct task *task);
// A child that nobody sees yet has its maker's, and so has its process when that is new.
void credentials_fork(struct task *child, const struct task *parent);

// New ones, like the running thread's, to be changed and then made its own. NULL: no memory.
struct credentials *credentials_copy(void);
// Takes over the reference.
void credentials_change(struct credentials *new);

// Makes the running thread's users and groups these, which the caller has found allowed;
// capabilities follow. 0, -ENOMEM or -EAGAIN.
int credentials_set_users(const struct ids *users);
int credentials_set_groups(const struct ids *groups);
// fsuid and fsgid alone.
int credentials_set_files_user(uint32_t user);
int credentials_set_files_group(uint32_t group);

struct group_list *group_list_alloc(uint32_t count);     // NULL when out of memory
void group_list_put(struct group_list *list);            // NULL is allowed
int credentials_set_group_list(struct group_list *list); // takes over the reference, always
// Whether the running thread's files' group or one of the list is this one.
bool credentials_in_group(uint32_t group);

// What the running thread will have with a new program: set-user-ID bits of its file,
// capabilities. NULL: no memory. *secure: more rights than whoever runs it has (AT_SECURE).
struct credentials *credentials_for_exec(const struct inode *inode, bool *secure);
void credentials_exec(struct credentials *new); // takes over the reference

// Whether the running thread's user would have more tasks than RLIMIT_NPROC with that many more.
bool credentials_too_many_tasks(int change);
