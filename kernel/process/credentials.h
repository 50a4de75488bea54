// SPDX-License-Identifier: MIT
//
// What a process may do: users, groups and capabilities, with Linux's rules for how the ones
// follow from the others when users change and when a program is run. They belong to the process,
// not to its threads; C libraries on Linux work to that end.
//
// Changed by the process itself, under process_lock. Every field is a word of its own, so that a
// question about one of them needs no lock; the list of groups does.
#pragma once

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

struct inode;
struct process;

#define CAPABILITY(number) (1ul << (number))
#define CAPABILITIES_ALL   ((CAPABILITY(CAP_LAST_CAP) << 1) - 1)

// Sets: bit n for CAP_* n.
struct capabilities {
	uint64_t inheritable, permitted, effective, bounding, ambient;
	uint32_t secure_bits; // SECBIT_* of <linux/securebits.h>
	bool no_new_privileges;
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

// Whether the running process has the capability. True in the kernel itself.
bool capable(int capability);

// root, with all capabilities: what the first program has.
void credentials_init(struct process *process);
void credentials_fork(struct process *child, const struct process *parent);
void credentials_release(struct process *process);

// The running process's users and groups at one moment.
struct ids credentials_users(void);
struct ids credentials_groups(void);
// Makes them these, which the caller has found allowed. Capabilities follow.
void credentials_set_users(const struct ids *users);
void credentials_set_groups(const struct ids *groups);
// fsuid and fsgid alone.
void credentials_set_files_user(uint32_t user);
void credentials_set_files_group(uint32_t group);

// A process's list, with a reference; NULL: there are none.
struct group_list *credentials_group_list(const struct process *process);
struct group_list *group_list_alloc(uint32_t count);      // NULL when out of memory
void group_list_put(struct group_list *list);             // NULL is allowed
void credentials_set_group_list(struct group_list *list); // takes over the reference
// Whether the running process's files' group or one of the list is this one.
bool credentials_in_group(uint32_t group);

// What a process will be with a new program: set-user-ID bits of its file, capabilities.
struct new_credentials {
	uint32_t uid, euid, gid, egid;
	bool secure; // it has more rights than whoever runs it (AT_SECURE)
	struct capabilities capabilities;
};
void credentials_for_exec(const struct inode *inode, struct new_credentials *new);
void credentials_exec(const struct new_credentials *new);

// Whether the running process's user would have more tasks than RLIMIT_NPROC with that many more.
bool credentials_too_many_tasks(int change);
