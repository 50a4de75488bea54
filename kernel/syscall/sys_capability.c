// SPDX-License-Identifier: MIT
//
// capget, capset and what prctl has to say of capabilities and other rights of a process.
#include "kernel/machine/irq.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

// How many words of 32 bits a version of the calls passes; 0: none that is known.
static unsigned version_words(uint32_t version)
{
	switch (version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return _LINUX_CAPABILITY_U32S_1;
	case _LINUX_CAPABILITY_VERSION_2:
		return _LINUX_CAPABILITY_U32S_2;
	case _LINUX_CAPABILITY_VERSION_3:
		return _LINUX_CAPABILITY_U32S_3;
	default:
		return 0;
	}
}

// Whoever asks with an unknown version is told the one to use. Words or -errno.
static int read_version(uintptr_t header)
{
	uint32_t version, known = _LINUX_CAPABILITY_VERSION_3;
	unsigned words;

	if (copy_from_user(&version, header, sizeof(version)))
		return -EFAULT;
	words = version_words(version);
	if (words)
		return (int)words;
	return copy_to_user(header, &known, sizeof(known)) ? -EFAULT : -EINVAL;
}

static int read_pid(uintptr_t header, int *pid)
{
	return copy_from_user(pid,
			      header + __builtin_offsetof(struct __user_cap_header_struct, pid),
			      sizeof(*pid));
}

static int capabilities_of(int pid, struct capabilities *capabilities)
{
	struct task *task = pid ? task_find(pid) : task_get(current_task());
	struct credentials *credentials;

	if (!task)
		return -ESRCH;
	credentials = credentials_of(task->process, task->tid);
	*capabilities = credentials->capabilities;
	credentials_put(credentials);
	task_put(task);
	return 0;
}

long sys_capget(uintptr_t header, uintptr_t data)
{
	struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
	struct capabilities now;
	int count = read_version(header), pid, error;

	// With a null pointer one asks for the version only.
	if (!data || count < 0)
		return !data && (count == -EINVAL || count > 0) ? 0 : count;
	if (read_pid(header, &pid))
		return -EFAULT;
	if (pid < 0)
		return -EINVAL;
	error = capabilities_of(pid, &now);
	if (error)
		return error;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		words[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(now.effective >> (32 * i)),
			.permitted = (uint32_t)(now.permitted >> (32 * i)),
			.inheritable = (uint32_t)(now.inheritable >> (32 * i)),
		};
	return copy_to_user(data, words, (size_t)count * sizeof(words[0]));
}

// What was asked for is put in force, unless it was refused.
static long finish(struct credentials *new, long result)
{
	if (result < 0)
		credentials_put(new);
	else
		credentials_change(new);
	return result;
}

static bool subset(uint64_t of, uint64_t set)
{
	return !(of & ~set);
}

// 0 or -EPERM.
static int set_capabilities(struct capabilities *now, const struct capabilities *wanted)
{
	bool free = now->effective & CAPABILITY(CAP_SETPCAP);

	if (!free && !subset(wanted->inheritable, now->inheritable | now->permitted))
		return -EPERM;
	if (!subset(wanted->inheritable, now->inheritable | now->bounding) ||
	    !subset(wanted->permitted, now->permitted) ||
	    !subset(wanted->effective, wanted->permitted))
		return -EPERM;
	now->effective = wanted->effective;
	now->permitted = wanted->permitted;
	now->inheritable = wanted->inheritable;
	now->ambient &= wanted->permitted & wanted->inheritable;
	return 0;
}

long sys_capset(uintptr_t header, uintptr_t data)
{
	struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3] = {{0}};
	struct capabilities wanted = {0};
	struct credentials *new;
	int count = read_version(header), pid, error;

	if (count < 0)
		return count;
	if (read_pid(header, &pid))
		return -EFAULT;
	if (pid && pid != current_task()->tid)
		return -EPERM;
	if (copy_from_user(words, data, (size_t)count * sizeof(words[0])))
		return -EFAULT;
	for (int i = 0; i < count; i++) {
		wanted.effective |= (uint64_t)words[i].effective << (32 * i);
		wanted.permitted |= (uint64_t)words[i].permitted << (32 * i);
		wanted.inheritable |= (uint64_t)words[i].inheritable << (32 * i);
	}
	wanted.effective &= CAPABILITIES_ALL;
	wanted.permitted &= CAPABILITIES_ALL;
	wanted.inheritable &= CAPABILITIES_ALL;
	new = credentials_copy();
	if (!new)
		return -ENOMEM;
	error = set_capabilities(&new->capabilities, &wanted);
	return finish(new, error);
}

// ---- prctl ----
static bool is_capability(uintptr_t number)
{
	return number <= CAP_LAST_CAP;
}

static long ambient(struct capabilities *now, uintptr_t what, uintptr_t number)
{
	if (what == PR_CAP_AMBIENT_CLEAR_ALL && number)
		return -EINVAL;
	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		now->ambient = 0;
		return 0;
	}
	if (!is_capability(number))
		return -EINVAL;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return now->ambient >> number & 1;
	case PR_CAP_AMBIENT_RAISE:
		if (!(now->permitted & now->inheritable & CAPABILITY(number)) ||
		    (now->secure_bits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		now->ambient |= CAPABILITY(number);
		return 0;
	case PR_CAP_AMBIENT_LOWER:
		now->ambient &= ~CAPABILITY(number);
		return 0;
	default:
		return -EINVAL;
	}
}

static long keep_capabilities(struct capabilities *now, uintptr_t keep)
{
	if (keep > 1)
		return -EINVAL;
	if (now->secure_bits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	now->secure_bits &= ~SECBIT_KEEP_CAPS;
	now->secure_bits |= keep ? SECBIT_KEEP_CAPS : 0;
	return 0;
}

// A lock stays, and keeps the bit below it as it is.
static long set_secure_bits(struct capabilities *now, uintptr_t bits)
{
	uint32_t locked = (now->secure_bits & SECURE_ALL_LOCKS) >> 1;

	if ((locked & (now->secure_bits ^ bits)) ||
	    (now->secure_bits & SECURE_ALL_LOCKS & ~bits) ||
	    (bits & ~(uintptr_t)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)) ||
	    !(now->effective & CAPABILITY(CAP_SETPCAP)))
		return -EPERM;
	now->secure_bits = (uint32_t)bits;
	return 0;
}

static long drop_bounding(struct capabilities *now, uintptr_t number)
{
	if (!(now->effective & CAPABILITY(CAP_SETPCAP)))
		return -EPERM;
	if (!is_capability(number))
		return -EINVAL;
	now->bounding &= ~CAPABILITY(number);
	return 0;
}

static long change(struct capabilities *now, int option, uintptr_t a, uintptr_t b)
{
	switch (option) {
	case PR_CAPBSET_DROP:
		return drop_bounding(now, a);
	case PR_CAP_AMBIENT:
		return ambient(now, a, b);
	case PR_SET_SECUREBITS:
		return set_secure_bits(now, a);
	default:
		return keep_capabilities(now, a);
	}
}

static long change_option(int option, uintptr_t a, uintptr_t b)
{
	struct credentials *new = credentials_copy();

	return new ? finish(new, change(&new->capabilities, option, a, b)) : -ENOMEM;
}

static long set_no_new_privileges(uintptr_t value, bool more)
{
	if (value != 1 || more)
		return -EINVAL;
	current_task()->no_new_privileges = true;
	return 0;
}

static long set_dumpable(uintptr_t value)
{
	uint64_t flags;

	if (value > 1)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	current_process()->dumpable = value;
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

long credentials_prctl(int option, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)
{
	const struct capabilities *now = &current_credentials()->capabilities;

	switch (option) {
	case PR_CAPBSET_READ:
		return is_capability(a) ? (long)(now->bounding >> a & 1) : -EINVAL;
	case PR_GET_SECUREBITS:
		return now->secure_bits;
	case PR_GET_KEEPCAPS:
		return !!(now->secure_bits & SECBIT_KEEP_CAPS);
	case PR_GET_NO_NEW_PRIVS:
		return a || b || c || d ? -EINVAL : current_task()->no_new_privileges;
	case PR_SET_NO_NEW_PRIVS:
		return set_no_new_privileges(a, b || c || d);
	case PR_GET_DUMPABLE:
		return current_process()->dumpable;
	case PR_SET_DUMPABLE:
		return set_dumpable(a);
	case PR_CAP_AMBIENT:
		return c || d ? -EINVAL : change_option(option, a, b);
	case PR_CAPBSET_DROP:
	case PR_SET_SECUREBITS:
	case PR_SET_KEEPCAPS:
		return change_option(option, a, b);
	default:
		return -EINVAL;
	}
}
