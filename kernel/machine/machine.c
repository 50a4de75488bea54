// SPDX-License-Identifier: MIT
//
// What mm/ asks of the machine and of the running task (mm/machine.h). panic() is in report.c.
#include "mm/machine.h"
#include "kernel/driver/log.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/features.h"
#include "kernel/machine/instructions.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "mm/mm.h"
#include "mm/page_table.h"

// Beyond this many pages forgetting everything is cheaper than one page after the other.
#define FLUSH_SINGLE_MAX 32

unsigned machine_cpu(void)
{
	return this_cpu()->number;
}

void machine_load_root(phys_t root)
{
	cr3_write(root);
}

// Global entries survive a new CR3 (SDM vol. 3A, 4.10.4.1): changing PGE drops them too.
static void flush_all_global(void)
{
	uint64_t cr4 = cr4_read();

	if (!features.global_pages) {
		cr3_write(cr3_read());
		return;
	}
	cr4_write(cr4 & ~X86_CR4_PGE);
	cr4_write(cr4);
}

void machine_flush_range(struct mm *mm, uintptr_t start, uintptr_t end)
{
	// Loading another root has flushed what this CPU knew of `mm`.
	if (mm && (cr3_read() & PTE_ADDRESS) != mm->root)
		return;
	if (end - start <= FLUSH_SINGLE_MAX * PAGE_SIZE) {
		for (uintptr_t at = PAGE_ALIGN_DOWN(start); at < end; at += PAGE_SIZE)
			page_flush(at);
	} else if (mm) {
		cr3_write(cr3_read());
	} else {
		flush_all_global();
	}
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

// Everybody is root until users have capabilities.
bool machine_capable(int capability)
{
	(void)capability;
	return true;
}

bool machine_killed(void)
{
	if (this_cpu()->work & WORK_RESCHED)
		schedule();
	return signal_fatal_pending();
}

uint64_t machine_time(void)
{
	return tsc_read();
}

void machine_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_vline(format, arguments);
	va_end(arguments);
}
