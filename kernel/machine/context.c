// SPDX-License-Identifier: MIT
//
// Process-context identifiers: see context.h. INVPCID is of no use here: what is stale and not
// loaded is left until it is, and then loading forgets it.
#include "kernel/machine/context.h"
#include "lib/mutant.h"
#include "mm/mm.h"
#include "mm/page_table.h"
#include <asm/processor-flags.h>

static uint64_t last_context; // numbers given out; atomic

// Two CPUs may ask for the first time at once.
static uint64_t number_of(struct mm *mm)
{
	uint64_t none = 0, number = __atomic_load_n(&mm->context, __ATOMIC_RELAXED);

	if (number)
		return number;
	number = __atomic_add_fetch(&last_context, 1, __ATOMIC_RELAXED);
	if (__atomic_compare_exchange_n(&mm->context, &none, number, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return number;
	return none;
}

// The identifier of `space`. One that is taken from another address space keeps that one's
// translations until it is loaded.
static uint8_t find(struct contexts *mine, uint64_t space)
{
	uint8_t i;

	for (i = 0; i < CONTEXTS; i++)
		if (mine->kept[i].space == space)
			return i + 1;
	i = mine->next;
	mine->next = (i + 1) % CONTEXTS;
	mine->kept[i].space = space;
	if (!MUTANT(context_reused))
		mine->kept[i].flushes = ~0ul;
	return i + 1;
}

uint64_t context_root(struct contexts *mine, struct mm *mm)
{
	struct context *context;
	uint64_t flushes, root;

	// The kernel's half is global, and its own table has nothing else.
	mine->loaded = 0;
	if (!mm)
		return kernel_root() | X86_CR3_PCID_NOFLUSH;
	mine->loaded = find(mine, number_of(mm));
	context = &mine->kept[mine->loaded - 1];
	root = mm->root | mine->loaded;
	// After the bit in mm->cpus: whoever counts a change later sees that.
	flushes = __atomic_load_n(&mm->flushes, __ATOMIC_SEQ_CST);
	if (context->flushes == flushes)
		root |= X86_CR3_PCID_NOFLUSH;
	context->flushes = flushes;
	return root;
}

uint64_t context_change(struct mm *mm)
{
	if (MUTANT(context_not_stale))
		return __atomic_load_n(&mm->flushes, __ATOMIC_SEQ_CST);
	return __atomic_add_fetch(&mm->flushes, 1, __ATOMIC_SEQ_CST);
}

// Where a change before this one has not come through yet, the count stays behind, which costs no
// more than forgetting too much at the next loading.
void context_forgot(struct contexts *mine, uint64_t change)
{
	struct context *context = &mine->kept[mine->loaded - 1];

	if (context->flushes == change - 1 || MUTANT(context_forgets_all))
		context->flushes = change;
}
