// SPDX-License-Identifier: MIT
//
// Ways for a kernel to die. Each boot's report is read by tests/scenario/panic.t.
#include "kernel/machine/cpu.h"
#include "kernel/machine/trap.h"
#include "kernel/process/task.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include "mm/page_table.h"
#include "tests/ring0/ring0.h"

struct missing {
	volatile uint64_t field[4];
};

static struct missing *volatile nothing;

__attribute__((noinline)) static uint64_t read_through_null(void)
{
	return nothing->field[2];
}

RING0_PANIC(panic_null_pointer)
{
	read_through_null();
	__asm__ volatile("" : : : "memory"); // a call, not a jump
}

__attribute__((noinline)) static uint64_t recurse(volatile uint64_t *above)
{
	volatile uint64_t local[32];

	local[0] = above ? above[0] + 1 : 0;
	return local[0] == UINT64_MAX ? 0 : recurse(local) + local[0];
}

RING0_PANIC(panic_stack_overflow)
{
	recurse(NULL);
}

RING0_PANIC(panic_text_write)
{
	*(volatile uint8_t *)(void *)trap_init = 0;
}

// The report names the running task, and that cannot be read.
RING0_PANIC(panic_nested)
{
	this_cpu()->current = (struct task *)0xdead000000000000ul;
	read_through_null();
}

RING0_PANIC(panic_broken_invariant)
{
	panic("the sum of %d and %d is %d", 2, 2, 5);
}

RING0_PANIC(panic_jump_to_nowhere)
{
	void (*volatile nowhere)(void) = NULL;

	nowhere();
	__asm__ volatile("" : : : "memory");
}

RING0_PANIC(panic_invalid_instruction)
{
	__asm__ volatile("ud2");
}

// A program that stumbles over a broken page table is not to blame, and must not be sent round in
// circles either.
RING0_PANIC(panic_reserved_bit)
{
	static const uint8_t jump_to_itself[] = {0xeb, 0xfe};
	uintptr_t page = ring0_user_page(jump_to_itself, sizeof(jump_to_itself));
	struct page_walk walk;
	pte_t *table;

	page_table_walk(current_task()->mm->root, page, &walk);
	if (!CHECK(walk.present && walk.levels == 4))
		return;
	table = phys_to_virt(walk.table[3]);
	table[walk.index[3]] |= 1ul << 51; // past what any processor of today can address
	ring0_try_user(page, page + 2048);
}

// In the moment when the kernel is entered or left, GS is still the program's.
RING0_PANIC(panic_nmi_at_the_border)
{
	__asm__ volatile("swapgs; int $2");
}
