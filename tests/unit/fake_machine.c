// SPDX-License-Identifier: MIT
//
// mm/machine.h for the reader's machine: see tests/unit/fake_machine.h.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/audit.h"
#include "mm/commit.h"
#include "mm/failure.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include "mm/page_entry.h"
#include "mm/slab_internal.h"
#include "mm/zero.h"
#include "tests/unit/fake_machine.h"

bool expecting_panic;
jmp_buf panic_return;
char panic_message[256];
int fake_fail_nth;
unsigned fake_cpu, fake_cpus = 1;
uintptr_t fake_frame;
uint64_t fake_time_step = 1;
void (*fake_waiting)(void);
void (*fake_allocating)(void);
uint64_t fake_capabilities = ~0ul;

#define STACK_LIMIT (8ul << 20)
#define FAKE_NO_LIMITS                                                           \
	{                                                                        \
		MM_NO_LIMIT, MM_NO_LIMIT, MM_NO_LIMIT, STACK_LIMIT, MM_NO_LIMIT, \
	}
struct memory_limits fake_limits = FAKE_NO_LIMITS;

void fake_no_limits(void)
{
	fake_limits = (struct memory_limits)FAKE_NO_LIMITS;
}

unsigned machine_cpu(void)
{
	return fake_cpu;
}

int machine_task_id(void)
{
	return 1;
}

int *machine_fail_nth(void)
{
	if (fake_allocating)
		fake_allocating();
	return &fake_fail_nth;
}

void fake_fail_start(int nth)
{
	fake_fail_nth = nth;
	failure_task_armed(true);
}

bool fake_fail_stop(void)
{
	bool failed = fake_fail_nth == 0;

	if (!failed)
		failure_task_armed(false);
	fake_fail_nth = 0;
	return failed;
}

const struct memory_limits *machine_limits(void)
{
	return &fake_limits;
}

bool machine_capable(int capability)
{
	return fake_capabilities >> capability & 1;
}

bool machine_killed(void)
{
	return false;
}

bool machine_make_room(void)
{
	return false;
}

uint64_t machine_time(void)
{
	static uint64_t now;

	return now += fake_time_step;
}

uint64_t machine_time_rate(void)
{
	return 0;
}

unsigned machine_cpu_count(void)
{
	return fake_cpus;
}

bool machine_trace_selects(void)
{
	return true;
}

uint64_t machine_interrupts_off(void)
{
	return 0;
}

void machine_interrupts_restore(uint64_t before)
{
	(void)before;
}

// The trace's sites are code of this very program.
void machine_write_code(void *code, const void *bytes, size_t size)
{
	uintptr_t page = (uintptr_t)code & PAGE_MASK;

	if (mprotect((void *)page, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC))
		abort();
	memcpy(code, bytes, size);
}

void machine_fault_origin(struct fault_origin *origin)
{
	*origin = (struct fault_origin){.instruction = 0x1234, .frame = fake_frame};
}

bool machine_peek_pair(uintptr_t address, uint64_t pair[2])
{
	memcpy(pair, (const void *)address, 2 * sizeof(pair[0]));
	return true;
}

void machine_load_root(phys_t root)
{
	(void)root;
}

// Translations carry their address space's name here: nothing to load.
void machine_enter_space(struct mm *mm)
{
	(void)mm;
}

void machine_frames_freed(const struct frame *first, unsigned order)
{
	(void)first, (void)order;
}

void machine_hold_others(void)
{
}

void machine_release_others(void)
{
}

void spin_wait(struct spin *spin)
{
	(void)spin;
	if (fake_waiting)
		fake_waiting();
}

void machine_log(const char *format, ...)
{
	(void)format;
}

void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(panic_message, sizeof(panic_message), format, arguments);
	va_end(arguments);
	if (expecting_panic)
		longjmp(panic_return, 1);
	print_error("panic: %s\n", panic_message);
	abort();
}

static void *anywhere(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

void fake_machine_reserve(uint64_t frames)
{
	uint64_t table = (frames + 1024) * sizeof(struct frame);

	direct_map = anywhere(frames * PAGE_SIZE);
	frame_table = anywhere(table);
}

void fake_machine_start(uint64_t frames)
{
	fake_machine_reserve(frames);
	frame_add(0, 1, FRAME_RESERVED);
	frame_add(1, frames, FRAME_FREE);
	slab_start();
	zero_frame_start();
	commit_start();
}

// ---- the TLB ----

struct translation {
	unsigned cpu;
	struct mm *mm;
	uintptr_t page;
	pte_t entry;
	struct translation *next;
};

#define TLB_BUCKETS 4096
static struct translation *tlb[TLB_BUCKETS];

static struct translation **bucket(struct mm *mm, uintptr_t page)
{
	return &tlb[((page >> PAGE_SHIFT) * 31 + (uintptr_t)mm / 64) % TLB_BUCKETS];
}

static struct translation *lookup(struct mm *mm, uintptr_t page)
{
	for (struct translation *at = *bucket(mm, page); at; at = at->next)
		if (at->cpu == fake_cpu && at->mm == mm && at->page == page)
			return at;
	return NULL;
}

#define ALL_CPUS ~0u

static void flush(unsigned cpu, struct mm *mm, uintptr_t start, uintptr_t end)
{
	for (unsigned i = 0; i < TLB_BUCKETS; i++) {
		struct translation **link = &tlb[i];

		while (*link) {
			struct translation *at = *link;

			if ((at->cpu == cpu || cpu == ALL_CPUS) && at->mm == mm &&
			    at->page >= start && at->page < end) {
				*link = at->next;
				free(at);
			} else {
				link = &at->next;
			}
		}
	}
}

void machine_flush_range(struct mm *mm, uintptr_t start, uintptr_t end)
{
	flush(ALL_CPUS, mm, start, end);
}

void machine_flush_tables(struct mm *mm, uintptr_t start, uintptr_t end)
{
	machine_flush_range(mm, start, end);
}

void fake_forget(struct mm *mm)
{
	machine_flush_range(mm, 0, ~0ul);
}

static pte_t walk(struct mm *mm, uintptr_t page)
{
	pte_t *slot = page_slot_find(mm, page);

	return slot && (*slot & PTE_PRESENT) ? *slot : 0;
}

// The entry that an access uses: the cached one if it allows it, else the table's.
static pte_t translate(struct mm *mm, uintptr_t page, bool write)
{
	struct translation *cached = lookup(mm, page);
	pte_t entry;

	if (cached && (!write || (cached->entry & PTE_WRITE)))
		return cached->entry;
	// A processor drops the entry that faulted (SDM vol. 3A, 4.10.4.1); the others keep
	// theirs.
	flush(fake_cpu, mm, page, page + PAGE_SIZE);
	entry = walk(mm, page);
	if (!entry || (write && !(entry & PTE_WRITE)))
		return 0;
	cached = malloc(sizeof(*cached));
	*cached = (struct translation){fake_cpu, mm, page, entry, *bucket(mm, page)};
	*bucket(mm, page) = cached;
	return entry;
}

// Every other access finds a second CPU in the same address space: then the fault handler gives
// up the lock while it fills a page.
static uint64_t *reach(struct mm *mm, uintptr_t address, bool write, enum fault_result *why)
{
	static unsigned accesses;

	mm->cpus = ++accesses % 2 ? 1 : 3;
	for (int tries = 0; tries < 3; tries++) {
		pte_t entry = translate(mm, PAGE_ALIGN_DOWN(address), write);

		if (entry)
			return (uint64_t *)((char *)phys_to_virt(entry & PTE_ADDRESS) +
					    (address & ~PAGE_MASK));
		*why = mm_fault(mm, address, write ? ACCESS_WRITE : ACCESS_READ);
		if (*why > FAULT_LAST_RESOLVED)
			return NULL;
	}
	fail_msg("the fault at %#lx was resolved %s, and comes again", address,
		 fault_result_name(*why));
	return NULL;
}

bool fake_touch(struct mm *mm, uintptr_t address)
{
	return translate(mm, PAGE_ALIGN_DOWN(address), true) != 0;
}

bool fake_store(struct mm *mm, uintptr_t address, uint64_t value, enum fault_result *why)
{
	uint64_t *word = reach(mm, address, true, why);

	if (word)
		*word = value;
	return word != NULL;
}

bool fake_load(struct mm *mm, uintptr_t address, uint64_t *value, enum fault_result *why)
{
	uint64_t *word = reach(mm, address, false, why);

	if (word)
		*value = *word;
	return word != NULL;
}

void assert_audit(void)
{
	struct audit_report report;

	if (!mm_audit(&report))
		fail_msg("audit: %lu of %lu facts wrong, first: %s", report.wrong, report.checked,
			 report.first);
}

// ---- repeatable randomness ----

static uint64_t state = 1;

uint64_t fake_seed(void)
{
	const char *text = getenv("FAULTLINE_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

	print_message("# repeat with: FAULTLINE_SEED=%lu\n", seed);
	state = seed * 2 + 1;
	return seed;
}

// xorshift64* (Vigna 2016).
uint64_t fake_random(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1dull >> 11) % below;
}
