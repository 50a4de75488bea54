// SPDX-License-Identifier: MIT
//
// membarrier: a memory barrier on every CPU that runs one of the caller's threads, so that those
// need none of their own. An interrupt that is waited for is one, and an empty TLB shootdown is
// such an interrupt: shootdown.h says why no CPU that begins to run the address space is missed.
// Returning from it also makes the processor fetch its instructions anew (SYNC_CORE).
//
// Locks: none. What was registered is changed and read atomically.
#include "kernel/machine/cpu.h"
#include "kernel/machine/shootdown.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "mm/mm.h"
#include <linux/errno.h>
#include <linux/membarrier.h>
#include <stdbool.h>

#define GET_REGISTRATIONS (1 << 9) // since Linux 6.3

#define REGISTRATIONS                                                                           \
	(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |                                  \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)
#define COMMANDS                                                                         \
	(REGISTRATIONS | MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |       \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ | GET_REGISTRATIONS)

static void barrier(struct mm *mm)
{
	shootdown(mm, 0, 0, 0, true);
}

// The restartable sequences on these CPUs (-1: all) begin anew: each CPU looks at its task's
// before it goes back to ring 3, and by the barrier's end has been interrupted.
static void abort_sequences(struct mm *mm, int number)
{
	uint64_t cpus_of = __atomic_load_n(&mm->cpus, __ATOMIC_SEQ_CST);

	if (number >= 0)
		cpus_of &= number < MAX_CPUS ? 1ul << number : 0;
	cpus_of &= ~(1ul << this_cpu()->number);
	for (; cpus_of; cpus_of &= cpus_of - 1)
		cpu_kick(cpus[__builtin_ctzl(cpus_of)], WORK_MIGRATED);
}

// Each private command is the bit before its registration's.
static long private_barrier(struct mm *mm, int command, int number)
{
	if (!(__atomic_load_n(&mm->barriers, __ATOMIC_RELAXED) & (uint32_t)command << 1))
		return -EPERM;
	if (command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)
		abort_sequences(mm, number);
	barrier(mm);
	return 0;
}

static bool valid(int command, unsigned flags)
{
	if (command < 0 || command & (command - 1) || command & ~COMMANDS)
		return false;
	return !flags || (command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ &&
			  flags == MEMBARRIER_CMD_FLAG_CPU);
}

long sys_membarrier(int command, unsigned flags, int number)
{
	struct mm *mm = current_task()->mm;

	if (!valid(command, flags))
		return -EINVAL;
	switch (command) {
	case MEMBARRIER_CMD_QUERY:
		return COMMANDS;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		barrier(NULL);
		return 0;
	case GET_REGISTRATIONS:
		return __atomic_load_n(&mm->barriers, __ATOMIC_RELAXED);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
		return private_barrier(mm, command, flags ? number : -1);
	default:
		__atomic_fetch_or(&mm->barriers, (uint32_t)command, __ATOMIC_RELAXED);
		return 0;
	}
}
