// SPDX-License-Identifier: MIT
//
// Process-context identifiers, on processors that remember as real ones do: no emulator at hand
// keeps what belongs to another identifier than the loaded one. Address spaces come, go and change
// at random; requests to forget arrive late, and in any order. No processor may use a translation
// that has changed, once its request has been answered.
// link: kernel/machine/context.c

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "kernel/machine/context.h"
#include "mm/mm.h"
#include "mm/page_table.h"
#include "tests/unit/fake_machine.h"

#define CPUS     3
#define SPACES   (2 * CONTEXTS)
#define PAGES    3
#define REQUESTS 8
#define STEPS    200000
#define NO_FLUSH (1ul << 63)

static struct mm spaces[SPACES];
static uint64_t memory[SPACES][PAGES]; // what each page holds, different whenever it changes
static uint64_t last_value;

static struct processor {
	struct contexts contexts;
	struct mm *loaded;
	uint64_t cr3;
	uint64_t tlb[CONTEXTS + 1][PAGES]; // 0: nothing
} processors[CPUS];

static struct request {
	struct mm *mm; // NULL: none
	unsigned cpu, page;
	uint64_t change;
} requests[REQUESTS];

static unsigned kept, forgotten; // loadings that kept translations, and that did not

static uint64_t *entry(struct processor *cpu, unsigned page)
{
	return &cpu->tlb[cpu->cr3 & 0xfff][page];
}

static void enter(unsigned number, struct mm *mm)
{
	struct processor *cpu = &processors[number];

	if (mm)
		mm->cpus |= 1ul << number;
	if (cpu->loaded && cpu->loaded != mm)
		cpu->loaded->cpus &= ~(1ul << number);
	cpu->loaded = mm;
	cpu->cr3 = context_root(&cpu->contexts, mm);
	assert_true((cpu->cr3 & 0xfff) <= CONTEXTS);
	assert_int_equal(!(cpu->cr3 & 0xfff), !mm);
	if (mm)
		assert_int_equal(cpu->cr3 & PTE_ADDRESS, mm->root);
	if (!(cpu->cr3 & NO_FLUSH))
		memset(cpu->tlb[cpu->cr3 & 0xfff], 0, sizeof(cpu->tlb[0]));
	if (mm)
		*(cpu->cr3 & NO_FLUSH ? &kept : &forgotten) += 1;
}

static bool is_asked_for(unsigned number, const struct mm *mm, unsigned page)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		if (requests[i].mm == mm && requests[i].cpu == number && requests[i].page == page)
			return true;
	return false;
}

static void use(unsigned number, unsigned page)
{
	struct processor *cpu = &processors[number];
	uint64_t right, *known;

	if (!cpu->loaded || is_asked_for(number, cpu->loaded, page))
		return;
	right = memory[cpu->loaded - spaces][page];
	known = entry(cpu, page);
	if (*known)
		assert_int_equal(*known, right);
	*known = right;
}

// flush_local()
static void forget(unsigned number, const struct mm *mm, unsigned page, uint64_t change)
{
	struct processor *cpu = &processors[number];

	if (cpu->loaded != mm)
		return;
	*entry(cpu, page) = 0;
	context_forgot(&cpu->contexts, change);
}

static void ask(unsigned number, struct mm *mm, unsigned page, uint64_t change)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		if (requests[i].mm)
			continue;
		requests[i] = (struct request){mm, number, page, change};
		return;
	}
	forget(number, mm, page, change);
}

static void change(unsigned number, struct mm *mm, unsigned page)
{
	uint64_t change;

	memory[mm - spaces][page] = ++last_value;
	change = context_change(mm);
	assert_true(change != 0);
	forget(number, mm, page, change);
	for (unsigned other = 0; other < CPUS; other++)
		if (other != number && mm->cpus >> other & 1)
			ask(other, mm, page, change);
}

static void answer(struct request *request)
{
	if (request->mm)
		forget(request->cpu, request->mm, request->page, request->change);
	request->mm = NULL;
}

// Its place is the next one's, as the heap's are.
static void replace(struct mm *mm)
{
	phys_t root = mm->root;

	if (mm->cpus)
		return;
	for (unsigned i = 0; i < REQUESTS; i++)
		if (requests[i].mm == mm)
			return;
	memset(mm, 0, sizeof(*mm));
	mm->root = root;
	for (unsigned page = 0; page < PAGES; page++)
		memory[mm - spaces][page] = ++last_value;
}

static void step(void)
{
	unsigned number = fake_random(CPUS), page = fake_random(PAGES);
	struct mm *mm = &spaces[fake_random(SPACES)];

	switch (fake_random(8)) {
	case 0:
		enter(number, fake_random(4) ? mm : NULL);
		break;
	case 1:
		enter(number, &spaces[fake_random(3)]);
		break;
	case 2:
		change(number, mm, page);
		break;
	case 3:
		if (processors[number].loaded)
			change(number, processors[number].loaded, page);
		break;
	case 4:
		answer(&requests[fake_random(REQUESTS)]);
		break;
	case 5:
		if (!fake_random(8))
			replace(mm);
		break;
	default:
		use(number, page);
	}
}

static void test_nothing_stale_is_used(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SPACES; i++) {
		spaces[i].root = (i + 1) * PAGE_SIZE;
		replace(&spaces[i]);
	}
	for (unsigned i = 0; i < STEPS; i++)
		step();
	assert_true(kept > STEPS / 100);
	assert_true(forgotten > STEPS / 100);
}

static void test_what_did_not_change_is_kept(void **state)
{
	static struct contexts mine;

	(void)state;
	for (unsigned i = 0; i < CONTEXTS; i++)
		assert_false(context_root(&mine, &spaces[i]) & NO_FLUSH);
	assert_true(context_root(&mine, NULL) & NO_FLUSH);
	for (unsigned i = 0; i < CONTEXTS; i++)
		assert_true(context_root(&mine, &spaces[i]) & NO_FLUSH);
	context_forgot(&mine, context_change(&spaces[CONTEXTS - 1]));
	assert_true(context_root(&mine, &spaces[CONTEXTS - 1]) & NO_FLUSH);
	context_change(&spaces[0]);
	assert_false(context_root(&mine, &spaces[0]) & NO_FLUSH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_stale_is_used),
		cmocka_unit_test(test_what_did_not_change_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
