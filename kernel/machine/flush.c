// SPDX-License-Identifier: MIT
//
// Address spaces and their translations, as far as the processor is concerned: loading a root,
// forgetting entries here (flush_local) and on the other CPUs (shootdown.c).
#include "kernel/machine/flush.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/features.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/shootdown.h"
#include "lib/mutant.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include "mm/page_table.h"

// Beyond this many pages forgetting everything is cheaper than one page after the other.
#define FLUSH_SINGLE_MAX 32

void machine_load_root(phys_t root)
{
	cr3_write(root);
}

// The bit comes before the root, and goes after it: see shootdown.h.
void machine_enter_space(struct mm *mm)
{
	struct cpu *cpu = this_cpu();
	struct mm *before = cpu->space;
	uint64_t bit = 1ul << cpu->number;

	if (mm)
		__atomic_fetch_or(&mm->cpus, bit, __ATOMIC_SEQ_CST);
	cpu->space = mm;
	cr3_write(mm ? mm->root : kernel_root());
	if (before && before != mm)
		__atomic_fetch_and(&before->cpus, ~bit, __ATOMIC_RELEASE);
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

void flush_local(struct mm *mm, uintptr_t start, uintptr_t end)
{
	// Loading another root has flushed what this CPU knew of `mm`, or is about to.
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

void machine_flush_range(struct mm *mm, uintptr_t start, uintptr_t end)
{
	flush_local(mm, start, end);
	if (cpu_count > 1)
		shootdown(mm, start, end);
}
