// SPDX-License-Identifier: MIT
//
// System calls about the whole machine.
#include "kernel/file/io.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/load.h"
#include "kernel/process/process.h"
#include "kernel/machine/random.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "kernel/syscall/user_time.h"
#include "kernel/system_name.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/object.h"
#include <linux/errno.h>
#include <linux/random.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

// Programs compare the release with what their C library needs: it names the Linux whose calls
// are meant.
static const struct new_utsname system_name = {
	.sysname = "Linux",
	.nodename = "faultline",
	.release = SYSTEM_RELEASE,
	.version = "#1 Faultline",
	.machine = "x86_64",
	.domainname = "(none)",
};

long sys_uname(uintptr_t name)
{
	return copy_to_user(name, &system_name, sizeof(system_name));
}

long sys_sysinfo(uintptr_t info)
{
	struct sysinfo value;

	memset(&value, 0, sizeof(value));
	value.uptime = (long)(clock_monotonic() / NANOSECONDS);
	value.totalram = memory_total() * PAGE_SIZE;
	value.freeram = frame_kind_count(FRAME_FREE) * PAGE_SIZE;
	value.sharedram = object_kept_pages() * PAGE_SIZE;
	for (unsigned i = 0; i < 3; i++)
		value.loads[i] = load_averages[i] << (SI_LOAD_SHIFT - LOAD_SHIFT);
	value.procs = (uint16_t)process_counts().tasks;
	value.mem_unit = 1;
	return copy_to_user(info, &value, sizeof(value));
}

long sys_getrandom(uintptr_t buffer, size_t count, uint32_t flags)
{
	const uint32_t known = GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE;
	char bytes[256];
	struct io io;
	size_t done = 0;

	if (flags & ~known || (flags & GRND_RANDOM && flags & GRND_INSECURE))
		return -EINVAL;
	if (count > INT32_MAX)
		count = INT32_MAX;
	if (io_user(&io, buffer, count))
		return -EFAULT;
	while (done < count && !signal_pending()) {
		size_t part = count - done < sizeof(bytes) ? count - done : sizeof(bytes);
		size_t moved;

		random_bytes(bytes, part);
		moved = io_to(&io, bytes, part);
		done += moved;
		if (moved < part)
			return done ? (long)done : -EFAULT;
	}
	return count && !done ? -EINTR : (long)done;
}
