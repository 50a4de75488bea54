// SPDX-License-Identifier: MIT
//
// Process 1 where the program asked for is not to be it: a program of the kernel's own. It waits
// for those who lose their parents, in ring 3 and by wait4, as any init does.
//
// An address space of one page, and not a task without any: what looks at process 1 (/proc/1,
// pmap, tests that need some process of root's) finds one like all others. Its faults and calls
// are no part of a trace, or each would begin with somebody else's.
#include "kernel/machine/cpu.h"
#include "kernel/machine/registers.h"
#include "kernel/process/exec_internal.h"
#include "kernel/process/lifetime.h"
#include "mm/mm.h"
#include <asm/processor-flags.h>
#include <asm/unistd_64.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/wait.h>

#define PAGE_ADDRESS 0x400000 // where programs without a wish of their own are linked to

// The page, from its beginning. The call's number and arguments are in registers that calls keep.
static const struct {
	uint8_t code[8];
	char arguments[5]; // argv's strings
} init_page = {
	.code = {0x48, 0x89, 0xd8, // again: mov rax, rbx
		 0x0f, 0x05,       //        syscall
		 0xeb, 0xf9},      //        jmp again
	.arguments = "init",
};

static int fill(struct mm *mm)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	long address =
		mm_mmap(mm, PAGE_ADDRESS, PAGE_SIZE, PROT_READ | PROT_WRITE, flags, NULL, 0, true);

	if (address < 0)
		return (int)address;
	mm->quiet = true;
	if (mm_copy_out(mm, PAGE_ADDRESS, &init_page, sizeof(init_page)) != sizeof(init_page))
		return -ENOMEM;
	mm->layout->code_start = PAGE_ADDRESS;
	mm->layout->code_end = PAGE_ADDRESS + sizeof(init_page.code);
	mm->layout->argument_start = PAGE_ADDRESS + offsetof(typeof(init_page), arguments);
	mm->layout->argument_end = mm->layout->argument_start + sizeof(init_page.arguments);
	return mm_mprotect(mm, PAGE_ADDRESS, PAGE_SIZE, PROT_READ | PROT_EXEC);
}

int own_init_enter(void)
{
	struct task *task = current_task();
	struct mm *mm = exec_new_space();
	int error = mm ? fill(mm) : -ENOMEM;

	if (error) {
		if (mm)
			mm_put(mm);
		return error;
	}
	exec_enter_space(task, mm);
	*task_registers(task) = (struct registers){
		.rip = PAGE_ADDRESS,
		.rbx = __NR_wait4,
		.rdi = (uint64_t)-1, // any child, and its status is nobody's business
		.rdx = __WALL,
		.cs = SELECTOR_USER_CODE,
		.ss = SELECTOR_USER_DATA,
		.rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED,
		.orig_rax = ~0ul,
	};
	cpu_set_work(WORK_FULL_RETURN);
	return 0;
}
