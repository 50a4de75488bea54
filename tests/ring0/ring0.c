// SPDX-License-Identifier: MIT
//
// The runner of the ring-0 tests, and what they share.
#include "tests/ring0/ring0.h"
#include "kernel/driver/log.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/exit.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/report.h"
#include "kernel/machine/trap.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "lib/string.h"
#include "mm/mm.h"
#include <asm/processor-flags.h>
#include <linux/mman.h>

_Noreturn void ring0_test_main(const char *name);

extern const struct ring0_test ring0_tests_start[], ring0_tests_end[]; // linker.ld

// Of the test that runs.
static bool failed;
static const char *skipped;

// try.asm
void ring0_call_guarded(void (*function)(void *argument), void *argument);
void ring0_enter_user(uintptr_t rip, uintptr_t rsp);
void ring0_recover(void);
extern uint64_t ring0_recover_rsp;

static struct ring0_fault caught;

bool ring0_check(bool holds, const char *condition, const char *file, int line)
{
	if (!holds) {
		log_line("# %s:%d: does not hold: %s", file, line, condition);
		failed = true;
	}
	return holds;
}

void ring0_skip(const char *why)
{
	skipped = why;
}

// Takes the first exception and goes on after the guarded call, in ring 0, as entry.asm left it.
static bool catch_fault(struct registers *registers, unsigned vector, uintptr_t address)
{
	caught = (struct ring0_fault){true, vector, registers->orig_rax, address, registers->rip};
	registers->rip = (uintptr_t)ring0_recover;
	registers->cs = SELECTOR_KERNEL_CODE;
	registers->ss = SELECTOR_KERNEL_DATA;
	registers->rsp = ring0_recover_rsp;
	registers->rflags &= ~(uint64_t)(X86_EFLAGS_AC | X86_EFLAGS_IF | X86_EFLAGS_TF);
	fault_hook = NULL;
	return true;
}

struct ring0_fault ring0_try(void (*function)(void *argument), void *argument)
{
	caught = (struct ring0_fault){0};
	fault_hook = catch_fault;
	ring0_call_guarded(function, argument);
	fault_hook = NULL;
	return caught;
}

struct ring0_fault ring0_try_user(uintptr_t rip, uintptr_t rsp)
{
	void *stack = kernel_stack_alloc();

	caught = (struct ring0_fault){0};
	if (!CHECK(stack != NULL))
		return caught;
	cpu_set_kernel_stack((uintptr_t)stack + KERNEL_STACK_SIZE);
	fault_hook = catch_fault;
	ring0_enter_user(rip, rsp);
	fault_hook = NULL;
	kernel_stack_free(stack);
	return caught;
}

uintptr_t ring0_user_page(const void *contents, size_t size)
{
	struct task *task = current_task();
	long page;

	if (!task->mm) {
		task->mm = mm_create();
		if (!CHECK(task->mm != NULL))
			return 0;
		machine_enter_space(task->mm);
	}
	page = mm_mmap(task->mm, 0, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0, true);
	CHECK(page > 0);
	CHECK(clear_user(page, PAGE_SIZE) == 0);
	CHECK(copy_to_user(page, contents, size) == 0);
	return page;
}

static bool run_one(const struct ring0_test *test, unsigned number)
{
	failed = false;
	skipped = NULL;
	test->run();
	if (test->panics) {
		log_line("# %s should not have come back", test->name);
		failed = true;
	}
	log_line("%sok %u %s%s%s", failed ? "not " : "", number, test->name,
		 skipped && !failed ? " # SKIP " : "", skipped && !failed ? skipped : "");
	return !failed;
}

static bool selected(const struct ring0_test *test, const char *name)
{
	if (strcmp(name, "all") == 0)
		return !test->panics;
	return strcmp(name, test->name) == 0;
}

_Noreturn void ring0_test_main(const char *name)
{
	const struct ring0_test *test;
	unsigned count = 0, number = 0;
	bool passed = true;

	irq_disable();
	for (test = ring0_tests_start; test < ring0_tests_end; test++)
		count += selected(test, name);
	log_line("KTAP version 1");
	log_line("1..%u", count);
	for (test = ring0_tests_start; test < ring0_tests_end; test++)
		if (selected(test, name))
			passed &= run_one(test, ++number);
	if (count == 0)
		log_line("# there is no test called %s", name);
	machine_exit(passed && count ? MACHINE_EXIT_DONE : MACHINE_EXIT_PANIC);
}
