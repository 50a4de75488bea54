// SPDX-License-Identifier: MIT
//
// System calls on users and groups. What each may change, and into what, is Linux's rule; what
// follows for capabilities is in kernel/process/credentials.c.
#include "kernel/machine/user_copy.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <linux/errno.h>
#include <linux/limits.h>

#define UNCHANGED UINT32_MAX

long sys_getuid(void)
{
	return current_credentials()->users.real;
}

long sys_geteuid(void)
{
	return current_credentials()->users.effective;
}

long sys_getgid(void)
{
	return current_credentials()->groups.real;
}

long sys_getegid(void)
{
	return current_credentials()->groups.effective;
}

static long store_three(uintptr_t to[3], const struct ids *ids)
{
	const uint32_t values[3] = {ids->real, ids->effective, ids->saved};

	for (int i = 0; i < 3; i++) {
		if (copy_to_user(to[i], &values[i], sizeof(values[i])))
			return -EFAULT;
	}
	return 0;
}

long sys_getresuid(uintptr_t real, uintptr_t effective, uintptr_t saved)
{
	return store_three((uintptr_t[]){real, effective, saved}, &current_credentials()->users);
}

long sys_getresgid(uintptr_t real, uintptr_t effective, uintptr_t saved)
{
	return store_three((uintptr_t[]){real, effective, saved}, &current_credentials()->groups);
}

// ---- the rules, the same for users and groups: the new numbers or -EPERM ----
static bool is_one_of(uint32_t wanted, uint32_t real, uint32_t effective, uint32_t saved)
{
	return wanted == UNCHANGED || wanted == real || wanted == effective || wanted == saved;
}

static void change(uint32_t *value, uint32_t wanted)
{
	if (wanted != UNCHANGED)
		*value = wanted;
}

// setresuid: whoever is not free to choose takes one of the three it has.
static int set_three(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved, bool free)
{
	struct ids old = *ids;

	if (!free && (!is_one_of(real, old.real, old.effective, old.saved) ||
		      !is_one_of(effective, old.real, old.effective, old.saved) ||
		      !is_one_of(saved, old.real, old.effective, old.saved)))
		return -EPERM;
	change(&ids->real, real);
	change(&ids->effective, effective);
	change(&ids->saved, saved);
	ids->files = ids->effective;
	return 0;
}

// setreuid: the saved number follows when the call makes somebody else of the process.
static int set_two(struct ids *ids, uint32_t real, uint32_t effective, bool free)
{
	struct ids old = *ids;

	if (!free && (!is_one_of(real, old.real, old.effective, old.real) ||
		      !is_one_of(effective, old.real, old.effective, old.saved)))
		return -EPERM;
	change(&ids->real, real);
	change(&ids->effective, effective);
	if (real != UNCHANGED || (effective != UNCHANGED && effective != old.real))
		ids->saved = ids->effective;
	ids->files = ids->effective;
	return 0;
}

// setuid: all of them for whoever is free to choose, for others the effective one alone.
static int set_one(struct ids *ids, uint32_t wanted, bool free)
{
	if (wanted == UNCHANGED)
		return -EINVAL;
	if (free)
		ids->real = ids->saved = wanted;
	else if (wanted != ids->real && wanted != ids->saved)
		return -EPERM;
	ids->effective = wanted;
	ids->files = wanted;
	return 0;
}

// ---- users ----
static long finish_users(int error, const struct ids *users)
{
	return error ? error : credentials_set_users(users);
}

long sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved)
{
	struct ids users = current_credentials()->users;
	int error = set_three(&users, real, effective, saved, capable(CAP_SETUID));

	return finish_users(error, &users);
}

long sys_setreuid(uint32_t real, uint32_t effective)
{
	struct ids users = current_credentials()->users;
	int error = set_two(&users, real, effective, capable(CAP_SETUID));

	return finish_users(error, &users);
}

long sys_setuid(uint32_t user)
{
	struct ids users = current_credentials()->users;
	int error = set_one(&users, user, capable(CAP_SETUID));

	return finish_users(error, &users);
}

// The result is the old number whether or not it could be changed.
long sys_setfsuid(uint32_t user)
{
	struct ids users = current_credentials()->users;

	if (user != UNCHANGED && (is_one_of(user, users.real, users.effective, users.saved) ||
				  user == users.files || capable(CAP_SETUID)))
		(void)credentials_set_files_user(user);
	return users.files;
}

// ---- groups ----
static long finish_groups(int error, const struct ids *groups)
{
	return error ? error : credentials_set_groups(groups);
}

long sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved)
{
	struct ids groups = current_credentials()->groups;
	int error = set_three(&groups, real, effective, saved, capable(CAP_SETGID));

	return finish_groups(error, &groups);
}

long sys_setregid(uint32_t real, uint32_t effective)
{
	struct ids groups = current_credentials()->groups;
	int error = set_two(&groups, real, effective, capable(CAP_SETGID));

	return finish_groups(error, &groups);
}

long sys_setgid(uint32_t group)
{
	struct ids groups = current_credentials()->groups;
	int error = set_one(&groups, group, capable(CAP_SETGID));

	return finish_groups(error, &groups);
}

long sys_setfsgid(uint32_t group)
{
	struct ids groups = current_credentials()->groups;

	if (group != UNCHANGED && (is_one_of(group, groups.real, groups.effective, groups.saved) ||
				   group == groups.files || capable(CAP_SETGID)))
		(void)credentials_set_files_group(group);
	return groups.files;
}

long sys_getgroups(int size, uintptr_t to)
{
	const struct group_list *list = current_credentials()->group_list;
	long result;

	if (size < 0)
		return -EINVAL;
	result = list ? list->count : 0;
	if (size && result > size)
		result = -EINVAL;
	else if (size && result &&
		 copy_to_user(to, list->group, (size_t)result * sizeof(list->group[0])))
		result = -EFAULT;
	return result;
}

// Ascending, in place; many are rare.
static void sort(uint32_t *values, uint32_t count)
{
	for (uint32_t gap = count / 2; gap; gap /= 2) {
		for (uint32_t i = gap; i < count; i++) {
			uint32_t value = values[i], at = i;

			for (; at >= gap && values[at - gap] > value; at -= gap)
				values[at] = values[at - gap];
			values[at] = value;
		}
	}
}

long sys_setgroups(int size, uintptr_t from)
{
	struct group_list *list;
	uint32_t count = (uint32_t)size;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (count > NGROUPS_MAX)
		return -EINVAL;
	list = group_list_alloc(count);
	if (!list)
		return -ENOMEM;
	if (count && copy_from_user(list->group, from, count * sizeof(list->group[0]))) {
		group_list_put(list);
		return -EFAULT;
	}
	sort(list->group, count);
	return credentials_set_group_list(list);
}
