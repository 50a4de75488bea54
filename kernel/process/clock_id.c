// SPDX-License-Identifier: MIT
//
// Which clock a number means. Left out: clocks of devices, which are named by descriptors.
#include "kernel/process/clock_id.h"

#include "kernel/machine/timer.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include <linux/errno.h>
#include <linux/time.h>

// The numbers below 0: ~pid from bit 3 on, and how it counts.
#define THREAD_BIT  4
#define COUNT_MASK  3
#define COUNT_KINDS 3
#define OWN         (~7) // pid 0: the caller's

static int find_thread(int tid, struct clock_id *clock)
{
	clock->task = tid ? task_find(tid) : task_get(current_task());
	if (!clock->task)
		return -EINVAL;
	clock->process = process_get(current_process());
	if (clock->task->process == clock->process)
		return 0;
	clock_id_put(clock);
	return -EINVAL;
}

static int find_cpu_clock(int number, struct clock_id *clock)
{
	const int pid = ~(number >> 3);

	if ((number & COUNT_MASK) >= COUNT_KINDS)
		return -EINVAL;
	clock->kind = CLOCK_KIND_CPU;
	clock->cpu = (enum cpu_clock)(number & COUNT_MASK);
	if (number & THREAD_BIT)
		return find_thread(pid, clock);
	clock->process = pid ? process_find(pid) : process_get(current_process());
	return clock->process ? 0 : -EINVAL;
}

int clock_id_find(int number, struct clock_id *clock)
{
	*clock = (struct clock_id){.number = number};
	switch (number) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		clock->kind = CLOCK_KIND_REALTIME;
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		clock->kind = CLOCK_KIND_MONOTONIC;
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		return find_cpu_clock(OWN | CPU_CLOCK_EXACT, clock);
	case CLOCK_THREAD_CPUTIME_ID:
		return find_cpu_clock(OWN | THREAD_BIT | CPU_CLOCK_EXACT, clock);
	default:
		return number < 0 ? find_cpu_clock(number, clock) : -EINVAL;
	}
}

void clock_id_put(struct clock_id *clock)
{
	if (clock->task)
		task_put(clock->task);
	if (clock->process)
		process_put(clock->process);
}

uint64_t clock_id_now(const struct clock_id *clock)
{
	switch (clock->kind) {
	case CLOCK_KIND_REALTIME:
		return clock_realtime();
	case CLOCK_KIND_MONOTONIC:
		return clock_monotonic();
	default:
		return cpu_clock_read(clock->process, clock->task, clock->cpu);
	}
}

bool clock_id_is_coarse(const struct clock_id *clock)
{
	return clock->number == CLOCK_REALTIME_COARSE || clock->number == CLOCK_MONOTONIC_COARSE;
}
