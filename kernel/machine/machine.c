// SPDX-License-Identifier: MIT
//
// What mm/ asks of the machine and of the running task (mm/machine.h). The translations are
// flush.c's, panic() is in report.c.
#include "mm/machine.h"
#include "kernel/driver/log.h"
#include "kernel/machine/cpu.h"
#include "kernel/process/oom.h"
#include "kernel/process/process.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "mm/mm.h"

unsigned machine_cpu(void)
{
	return this_cpu()->number;
}

int *machine_fail_nth(void)
{
	struct task *task = cpu_current_task();

	return task ? &task->fail_nth : NULL;
}

int machine_task_id(void)
{
	struct task *task = cpu_current_task();

	return task ? task->tid : 0;
}

bool machine_capable(int capability)
{
	return capable(capability);
}

const struct memory_limits *machine_limits(void)
{
	static const struct memory_limits none = {
		.space = MM_NO_LIMIT,
		.data = MM_NO_LIMIT,
		.data_most = MM_NO_LIMIT,
		.stack = MM_NO_LIMIT,
		.locked = MM_NO_LIMIT,
	};
	const struct task *task = cpu_current_task();

	return task && task->process ? &task->process->memory_limits : &none;
}

bool machine_killed(void)
{
	if (this_cpu()->work & WORK_RESCHED)
		schedule();
	return signal_fatal_pending();
}

bool machine_make_room(void)
{
	return oom_make_room();
}

void machine_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_vline(format, arguments);
	va_end(arguments);
}
