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
	uint64_t flags;

	if (!task)
		return -ESRCH;
	flags = spin_lock_irqsave(&process_lock);
	*capabilities = task->process->capabilities;
	spin_unlock_irqrestore(&process_lock, flags);
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

static bool subset(uint64_t of, uint64_t set)
{
	return !(of & ~set);
}

// Under process_lock: 0 or -EPERM.
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
	int count = read_version(header), pid;
	uint64_t flags;

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
	flags = spin_lock_irqsave(&process_lock);
	count = set_capabilities(&current_process()->capabilities, &wanted);
	spin_unlock_irqrestore(&process_lock, flags);
	return count;
}

// ---- prctl ----
static bool is_capability(uintptr_t number)
{
	return number <= CAP_LAST_CAP;
}

// Under process_lock, as the others below.
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

static long with_lock(struct process *process, int option, uintptr_t a, uintptr_t b, bool more)
{
	struct capabilities *now = &process->capabilities;

	switch (option) {
	case PR_CAPBSET_READ:
		return is_capability(a) ? (long)(now->bounding >> a & 1) : -EINVAL;
	case PR_CAPBSET_DROP:
		return drop_bounding(now, a);
	case PR_CAP_AMBIENT:
		return more ? -EINVAL : ambient(now, a, b);
	case PR_GET_SECUREBITS:
		return now->secure_bits;
	case PR_SET_SECUREBITS:
		return set_secure_bits(now, a);
	case PR_GET_KEEPCAPS:
		return !!(now->secure_bits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return keep_capabilities(now, a);
	case PR_GET_NO_NEW_PRIVS:
		return a || b || more ? -EINVAL : now->no_new_privileges;
	case PR_SET_NO_NEW_PRIVS:
		if (a != 1 || b || more)
			return -EINVAL;
		now->no_new_privileges = true;
		return 0;
	case PR_GET_DUMPABLE:
		return process->dumpable;
	case PR_SET_DUMPABLE:
		if (a > 1)
			return -EINVAL;
		process->dumpable = a;
		return 0;
	default:
		return -EINVAL;
	}
}

long credentials_prctl(int option, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);
	long result = with_lock(current_process(), option, a, b, c || d);

	spin_unlock_irqrestore(&process_lock, flags);
	return result;
}
