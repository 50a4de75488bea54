// SPDX-License-Identifier: MIT
//
// What the trace asks of the machine (mm/machine.h): time, the kernel's own code, and where ring 3
// was.
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "lib/string.h"
#include "mm/machine.h"
#include <asm/processor-flags.h>

extern char text_start[], text_end[]; // linker.ld
// entry.asm: where page_fault_user() returns to.
extern const char page_fault_called[] __asm__("page_fault_entry.called");

uint64_t machine_time(void)
{
	return tsc_read();
}

uint64_t machine_time_rate(void)
{
	return clock_tsc_hz();
}

unsigned machine_cpu_count(void)
{
	return cpu_count;
}

uint64_t machine_interrupts_off(void)
{
	return irq_save();
}

void machine_interrupts_restore(uint64_t before)
{
	irq_restore(before);
}

// Code is mapped read-only, here and in the direct map; for a moment this CPU does not mind. What
// only starting needed has been given back and is somebody else's memory.
void machine_write_code(void *code, const void *bytes, size_t size)
{
	uint64_t flags, cr0;

	if ((char *)code < text_start || (char *)code >= text_end)
		return;
	flags = irq_save();
	cr0 = cr0_read();
	cr0_write(cr0 & ~X86_CR0_WP);
	memcpy(code, bytes, size);
	cr0_write(cr0);
	cpuid(0, 0); // no instruction fetched before goes on (SDM vol. 3A, 9.1.3)
	irq_restore(flags);
}

// The entry of a page fault leaves the registers that C keeps where they are, rbp among them; the
// first function called has saved it, at the end of the kernel's own chain of frames.
static uintptr_t users_frame(const struct task *task)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	uintptr_t low = (uintptr_t)task->stack, high = (uintptr_t)task_registers(task);

	for (int i = 0; i < 64 && frame >= low && frame < high; i++)
		frame = *(uintptr_t *)frame;
	return frame < USER_END ? frame : 0;
}

void machine_fault_origin(struct fault_origin *origin)
{
	const struct task *task = cpu_current_task();
	const struct registers *registers;

	*origin = (struct fault_origin){0};
	if (!task || !task->mm)
		return;
	registers = task_registers(task);
	origin->instruction = registers->rip;
	origin->stack = registers->rsp;
	// Below the registers lies where the function returns to that ring 3's entry has called.
	if (((const char *const *)registers)[-1] == page_fault_called) {
		origin->error = registers->orig_rax;
		origin->frame = users_frame(task);
	} else {
		origin->in_copy = true;
		origin->frame = registers->rbp;
	}
}

bool machine_peek_pair(uintptr_t address, uint64_t pair[2])
{
	struct task *task = cpu_current_task();
	bool before;
	int error;

	if (!task || !task->mm)
		return false;
	before = task->present_only;
	task->present_only = true;
	error = copy_from_user(pair, address, 2 * sizeof(pair[0]));
	task->present_only = before;
	return !error;
}
