// SPDX-License-Identifier: MIT
//
// Restartable sequences: see rseq.h. The area is ring 3's memory, so every look at it can fail;
// a task whose area can not be read, or is nonsense, gets SIGSEGV as on Linux.
#include "kernel/process/rseq.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "mm/layout.h"
#include <linux/errno.h>
#include <linux/rseq.h>
#include <linux/signal.h>
#include <stddef.h>

#define AREA_SIZE sizeof(struct rseq)

_Static_assert(AREA_SIZE == 32, "the size and alignment that programs register");

// Tells the program which CPU it runs on.
static int write_cpu(uintptr_t area, uint32_t start, uint32_t id)
{
	uint32_t ids[2] = {start, id};

	return copy_to_user(area + offsetof(struct rseq, cpu_id_start), ids, sizeof(ids));
}

// What must stand right before an abort handler, so that no other code can be jumped to.
static bool signature_right(const struct rseq_cs *section, uint32_t signature)
{
	uint32_t found;

	return section->abort_ip < USER_END &&
	       !copy_from_user(&found, section->abort_ip - sizeof(found), sizeof(found)) &&
	       found == signature;
}

// 0, or -EFAULT for an area that makes no sense.
static int leave_section(struct task *task, struct registers *registers)
{
	uintptr_t place = task->rseq + offsetof(struct rseq, rseq_cs);
	struct rseq_cs section;
	uint64_t pointer, none = 0;

	if (copy_from_user(&pointer, place, sizeof(pointer)))
		return -EFAULT;
	if (!pointer)
		return 0;
	if (copy_from_user(&section, pointer, sizeof(section)) || section.version)
		return -EFAULT;
	if (registers->rip - section.start_ip >= section.post_commit_offset)
		return copy_to_user(place, &none, sizeof(none));
	if (!signature_right(&section, task->rseq_signature))
		return -EFAULT;
	registers->rip = section.abort_ip;
	return copy_to_user(place, &none, sizeof(none));
}

void rseq_interrupted(struct registers *registers)
{
	struct task *task = current_task();
	uintptr_t area = task->rseq;

	if (!leave_section(task, registers) && !write_cpu(area, task->cpu, task->cpu))
		return;
	task->rseq = 0;
	if (!fault_signal(registers, SIGSEGV, SI_KERNEL, area))
		fault_log(registers, SIGSEGV, area, "its rseq area makes no sense");
}

static long unregister(struct task *task, uintptr_t area, uint32_t size, int flags,
		       uint32_t signature)
{
	if ((flags & ~RSEQ_FLAG_UNREGISTER) || !area || task->rseq != area || size != AREA_SIZE)
		return -EINVAL;
	if (task->rseq_signature != signature)
		return -EPERM;
	if (write_cpu(area, 0, (uint32_t)RSEQ_CPU_ID_UNINITIALIZED))
		return -EFAULT;
	task->rseq = 0;
	return 0;
}

long sys_rseq(uintptr_t area, uint32_t size, int flags, uint32_t signature)
{
	struct task *task = current_task();

	if (flags & RSEQ_FLAG_UNREGISTER)
		return unregister(task, area, size, flags, signature);
	if (flags)
		return -EINVAL;
	if (task->rseq) {
		if (task->rseq != area || size != AREA_SIZE)
			return -EINVAL;
		return task->rseq_signature == signature ? -EBUSY : -EPERM;
	}
	if (size != AREA_SIZE || area % AREA_SIZE)
		return -EINVAL;
	if (write_cpu(area, task->cpu, task->cpu))
		return -EFAULT;
	task->rseq = area;
	task->rseq_signature = signature;
	return 0;
}
