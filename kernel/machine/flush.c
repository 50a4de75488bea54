// SPDX-License-Identifier: MIT
//
// Address spaces and their translations, as far as the processor is concerned: loading a root,
// forgetting entries here (flush_local) and on the other CPUs (shootdown.c).
#include "kernel/machine/flush.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/features.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/shootdown.h"
#include "kernel/machine/translation_check.h"
#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include "mm/page_table.h"

// Beyond this many pages forgetting everything is cheaper than one page after the other.
#define FLUSH_SINGLE_MAX 32

bool flush_elsewhere;

void flush_start(void)
{
	flush_elsewhere = features.pcid;
}

void machine_load_root(phys_t root)
{
	cr3_write(root);
}

static void load_context(struct cpu *cpu, struct mm *mm)
{
	uint64_t flags = irq_save();

	cr3_write(context_root(&cpu->contexts, mm));
	irq_restore(flags);
}

// The bit comes before the root, and goes after it: see shootdown.h.
static __attribute__((noinline)) void enter_among_others(struct cpu *cpu, struct mm *mm)
{
	struct mm *before = cpu->space;
	uint64_t bit = 1ul << cpu->number;

	if (mm && !MUTANT(space_without_cpu))
		__atomic_fetch_or(&mm->cpus, bit, __ATOMIC_SEQ_CST);
	cpu->space = mm;
	if (features.pcid)
		load_context(cpu, mm);
	else
		cr3_write(mm ? mm->root : kernel_root());
	translation_forgotten(0, USER_END);
	if (before && before != mm)
		__atomic_fetch_and(&before->cpus, ~bit, __ATOMIC_RELEASE);
}

void machine_enter_space(struct mm *mm)
{
	struct cpu *cpu = this_cpu();

	if (__builtin_expect(flush_elsewhere, 0)) {
		enter_among_others(cpu, mm);
		return;
	}
	cpu->space = mm;
	cr3_write(mm ? mm->root : kernel_root());
	translation_forgotten(0, USER_END);
}

// Global entries survive a new CR3 (SDM vol. 3A, 4.10.4.1): changing PGE drops them too.
static void flush_all_global(void)
{
	uint64_t cr4 = cr4_read();

	if (!features.global_pages || MUTANT(tlb_global_kept)) {
		cr3_write(cr3_read());
		return;
	}
	cr4_write(cr4 & ~X86_CR4_PGE);
	cr4_write(cr4);
}

static bool loaded(const struct mm *mm)
{
	return (cr3_read() & PTE_ADDRESS) == mm->root;
}

static void forget(struct mm *mm, uintptr_t start, uintptr_t end)
{
	if (end - start <= FLUSH_SINGLE_MAX * PAGE_SIZE) {
		if (MUTANT(flush_first_only))
			end = start + 1;
		for (uintptr_t at = PAGE_ALIGN_DOWN(start); at < end; at += PAGE_SIZE)
			page_flush(at);
		translation_forgotten(start, end);
	} else if (MUTANT(large_flush_forgotten)) {
		return;
	} else if (mm) {
		cr3_write(cr3_read());
		translation_forgotten(0, USER_END);
	} else {
		flush_all_global();
	}
}

void flush_local(struct mm *mm, uintptr_t start, uintptr_t end, uint64_t change)
{
	// Loading another root has flushed what this CPU knew of `mm`, or is about to.
	if (mm && !loaded(mm))
		return;
	forget(mm, start, end);
	if (change)
		context_forgot(&this_cpu()->contexts, change);
}

static __attribute__((noinline)) void flush_everywhere(struct mm *mm, uintptr_t start,
						       uintptr_t end, bool tables)
{
	uint64_t change = mm && features.pcid ? context_change(mm) : 0;

	flush_local(mm, start, end, change);
	if (cpu_count > 1)
		shootdown(mm, start, end, change, tables);
}

static inline __attribute__((always_inline)) void flush_range(struct mm *mm, uintptr_t start,
							      uintptr_t end, bool tables)
{
	if (__builtin_expect(flush_elsewhere, 0))
		flush_everywhere(mm, start, end, tables);
	else if (!mm || loaded(mm))
		forget(mm, start, end);
}

void machine_flush_range(struct mm *mm, uintptr_t start, uintptr_t end)
{
	flush_range(mm, start, end, false);
}

void machine_flush_tables(struct mm *mm, uintptr_t start, uintptr_t end)
{
	flush_range(mm, start, end, true);
}

// Process-context identifiers count changes, not flushes: they take this one for none, which costs
// no more than forgetting too much at the next loading.
void flush_local_user(void)
{
	cr3_write(cr3_read());
	translation_forgotten(0, USER_END);
}
