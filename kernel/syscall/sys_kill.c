// SPDX-License-Identifier: MIT
//
// System calls that send signals.
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include <asm/siginfo.h>
#include <linux/errno.h>

struct signal_info signal_from_self(int signal, int code)
{
	return (struct signal_info){
		.signal = signal,
		.code = code,
		.pid = current_process()->pid,
		.uid = (int)current_credentials()->users.real,
	};
}

long sys_kill(int pid, int signal)
{
	struct signal_info info = signal_from_self(signal, SI_USER);

	return signal_kill(pid, &info);
}

long sys_tkill(int tid, int signal)
{
	struct signal_info info = signal_from_self(signal, SI_TKILL);

	return tid <= 0 ? -EINVAL : signal_kill_task(0, tid, &info);
}

long sys_tgkill(int pid, int tid, int signal)
{
	struct signal_info info = signal_from_self(signal, SI_TKILL);

	return tid <= 0 || pid <= 0 ? -EINVAL : signal_kill_task(pid, tid, &info);
}

// What Linux knows the layout of ends where struct signal_info does; of anything else there may be
// no more than that.
static int check_rest(uintptr_t from, int code)
{
	char rest[sizeof(siginfo_t) - sizeof(struct signal_info)];

	if (code == SI_ASYNCNL || (code >= SI_DETHREAD && code <= NSIGCHLD) || code == SI_KERNEL)
		return 0;
	if (copy_from_user(rest, from + sizeof(struct signal_info), sizeof(rest)))
		return -EFAULT;
	for (size_t i = 0; i < sizeof(rest); i++) {
		if (rest[i])
			return -E2BIG;
	}
	return 0;
}

int signal_info_from_user(struct signal_info *info, uintptr_t from)
{
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	return check_rest(from, info->code);
}

bool signal_pretends(const struct signal_info *info)
{
	return info->code >= 0 || info->code == SI_TKILL;
}

long sys_rt_sigqueueinfo(int pid, int signal, uintptr_t from)
{
	struct signal_info info;
	int error = signal_info_from_user(&info, from);

	if (error)
		return error;
	info.signal = signal;
	if (signal_pretends(&info) && pid != current_process()->pid)
		return -EPERM;
	return pid <= 0 ? -ESRCH : signal_kill(pid, &info);
}

long sys_rt_tgsigqueueinfo(int pid, int tid, int signal, uintptr_t from)
{
	struct signal_info info;
	int error = signal_info_from_user(&info, from);

	if (error)
		return error;
	info.signal = signal;
	if (tid <= 0 || pid <= 0)
		return -EINVAL;
	if (signal_pretends(&info) && tid != current_task()->tid)
		return -EPERM;
	return signal_kill_task(pid, tid, &info);
}
