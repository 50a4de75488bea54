// SPDX-License-Identifier: MIT
//
// In debug builds, a TLB in software beside each processor's own. It learns from page faults, each
// of which ends in a translation that is used, and forgets only where the kernel makes the
// processor forget. A frame that is freed must be in none of them: the harm would show only where
// the frame gets its next owner before the processor has forgotten by chance.
//
// The same for page tables, which a processor keeps in caches of their own: all that were walked
// since it last forgot anything, as INVLPG drops those caches whole (SDM vol. 3A, 4.10.4.1). Who
// rests may use them for a guess, so that to be excused makes it forget none.
//
// It does not see translations made without a fault (of pages that fork has entered, for one), nor
// those displaced here by another page: it finds mistakes, and proves nothing. With
// process-context identifiers it forgets more than the processor does.
//
// `busy` guards all of it: a bare word and no spin lock, which would answer flushes while it
// waits; taken with interrupts off, and nothing is waited for with it. mm->lock comes before it.
#include "kernel/machine/translation_check.h"

#ifdef CONFIG_DEBUG

#include "kernel/machine/cpu.h"
#include "kernel/machine/irq.h"
#include "mm/machine.h"
#include "mm/mm.h"
#include "mm/page_entry.h"

#define SLOTS  32
#define TABLES 32 // as much as eight walks with nothing in common

struct known {
	uintptr_t page;
	phys_t frame; // 0: nothing
};

static struct known known[MAX_CPUS][SLOTS];
static struct walked {
	phys_t tables[TABLES]; // 0: none
	unsigned next;         // place of the next one
} walked[MAX_CPUS];
static bool busy;

static uint64_t begin(void)
{
	uint64_t flags = irq_save();

	while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	return flags;
}

static void end(uint64_t flags)
{
	__atomic_clear(&busy, __ATOMIC_RELEASE);
	irq_restore(flags);
}

static void learn_table(struct walked *mine, phys_t table)
{
	for (unsigned i = 0; i < TABLES; i++)
		if (mine->tables[i] == table)
			return;
	mine->tables[mine->next] = table;
	mine->next = (mine->next + 1) % TABLES;
}

static void learn_walk(const struct mm *mm, uintptr_t page)
{
	struct page_walk walk;

	page_table_walk(mm->root, page, &walk);
	for (unsigned i = 0; i < walk.levels; i++)
		learn_table(&walked[this_cpu()->number], walk.table[i]);
}

// What the table says by now: it may have changed since, and this CPU been told.
static void learn(struct mm *mm, uintptr_t page)
{
	uint64_t flags = begin();
	const pte_t *slot = page_slot_find(mm, page);

	if (slot && *slot & PTE_PRESENT)
		known[this_cpu()->number][page / PAGE_SIZE % SLOTS] =
			(struct known){page, *slot & PTE_ADDRESS};
	learn_walk(mm, page);
	end(flags);
}

void translation_used(struct mm *mm, uintptr_t address, enum fault_result result)
{
	if (result > FAULT_LAST_RESOLVED)
		return;
	spin_lock(&mm->lock);
	learn(mm, PAGE_ALIGN_DOWN(address));
	spin_unlock(&mm->lock);
}

static void forget(unsigned cpu, uintptr_t start, uintptr_t end_, bool tables)
{
	uint64_t flags = begin();

	if (tables)
		walked[cpu] = (struct walked){0};
	for (unsigned i = 0; i < SLOTS; i++)
		if (known[cpu][i].page >= start && known[cpu][i].page < end_)
			known[cpu][i].frame = 0;
	end(flags);
}

void translation_forgotten(uintptr_t start, uintptr_t end_)
{
	forget(this_cpu()->number, start, end_, start < end_);
}

void translation_excused(unsigned cpu)
{
	forget(cpu, 0, USER_END, false);
}

static void check(unsigned cpu, phys_t start, phys_t end_)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct known found = known[cpu][i];

		if (found.frame < start || found.frame >= end_)
			continue;
		known[cpu][i].frame = 0;
		// The report frees nothing, but others may meanwhile.
		__atomic_clear(&busy, __ATOMIC_RELEASE);
		panic("translations: frame %#lx is free, and CPU %u may still find it at %#lx",
		      found.frame >> PAGE_SHIFT, cpu, found.page);
	}
	for (unsigned i = 0; i < TABLES; i++) {
		phys_t table = walked[cpu].tables[i];

		if (!table || table < start || table >= end_)
			continue;
		walked[cpu].tables[i] = 0;
		__atomic_clear(&busy, __ATOMIC_RELEASE);
		panic("translations: table %#lx is free, and CPU %u may still walk it",
		      table >> PAGE_SHIFT, cpu);
	}
}

void machine_frames_freed(const struct frame *first, unsigned order)
{
	phys_t start = frame_to_phys(first);
	uint64_t flags = begin();

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		check(cpu, start, start + (PAGE_SIZE << order));
	end(flags);
}

#endif
