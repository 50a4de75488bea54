// SPDX-License-Identifier: MIT
//
// Address spaces against the simplest model there is: one entry a page. Random sequences of mmap
// (private, shared, of a file), munmap, mprotect, mremap, madvise, mlock, fork, exit, loads,
// stores, and shortages, in several processes; every load must give what the model says, every
// access must be allowed or refused as the model says, and the audit must hold. Processes wander
// between CPUs, as one with several threads does, and the TLBs of tests/unit/fake_machine.c keep
// what they are not told to forget.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <linux/mman.h>

#include "mm/commit.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "tests/unit/fake_machine.h"

#define BASE       0x10000000ul
#define PAGES      96
#define FILE_PAGES 40
#define PROCESSES  6
#define WORDS      3 // of a page, spread over it; its others are never written
#define CPUS       3

struct contents {
	uint64_t words[WORDS];
};

// What each page of a small window is.
struct model_page {
	bool mapped;
	int prot;
	bool file, locked, left_out, wiped; // left_out, wiped: what fork does with it
	bool promised;                      // of a private page: commit accounting counts it
	struct contents initial;            // of a private page that nobody has written
	struct contents own;                // of a private page
	struct contents *shared;            // of a shared one, by all who map it; else NULL
};

static struct process {
	struct mm *mm;
	struct model_page pages[PAGES];
} processes[PROCESSES];

static struct contents shared_pages[100000];
static unsigned shared_count;
// Each piece of shared memory counts as a whole while one of its pages is mapped somewhere.
static struct {
	unsigned pages; // of the piece that page is the first of; else 0
	unsigned piece; // the number of its first page
	bool mapped;    // of the first: somebody has it
} shared_pieces[100000];
static struct object file;

static uintptr_t page_address(unsigned page)
{
	return BASE + page * PAGE_SIZE;
}

static uintptr_t word_offset(unsigned word)
{
	return word * (PAGE_SIZE - 8) / (WORDS - 1) / 8 * 8;
}

static uint64_t *model_word(struct model_page *page, unsigned word)
{
	return page->shared ? &page->shared->words[word] : &page->own.words[word];
}

// Page `index` of the file holds its number in every word.
static int fill(struct object *object, uint64_t index, void *page)
{
	(void)object;
	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		((uint64_t *)page)[i] = 1000 + index;
	return 0;
}

static void release_nothing(struct object *object)
{
	(void)object;
}

static const struct object_ops file_ops = {.fill = fill, .release = release_nothing};

static void map(struct process *process, unsigned first, unsigned count, int prot, int type,
		struct object *object, uint64_t offset)
{
	long result = mm_mmap(process->mm, page_address(first), count * PAGE_SIZE, prot,
			      type | MAP_FIXED, object, offset, true);

	assert_int_equal(result, page_address(first));
	for (unsigned i = first; i < first + count; i++)
		process->pages[i] = (struct model_page){
			.mapped = true,
			.prot = prot,
			.promised = type & MAP_PRIVATE && prot & PROT_WRITE,
		};
}

static int random_prot(void)
{
	return fake_random(4) ? PROT_READ | PROT_WRITE : (int)fake_random(8);
}

static void op_map(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first);

	map(process, first, count, random_prot(), MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
}

static void op_map_shared(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first);

	if (shared_count + count > sizeof(shared_pages) / sizeof(shared_pages[0]))
		return;
	map(process, first, count, random_prot(), MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	shared_pieces[shared_count].pages = count;
	for (unsigned i = 0; i < count; i++) {
		shared_pieces[shared_count + i].piece = shared_count;
		process->pages[first + i].shared = &shared_pages[shared_count + i];
	}
	shared_count += count;
}

static void op_map_file(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(20);
	uint64_t offset = fake_random(FILE_PAGES - 20);

	if (first + count > PAGES)
		count = PAGES - first;
	map(process, first, count, random_prot(), MAP_PRIVATE, &file, offset);
	for (unsigned i = 0; i < count; i++)
		for (unsigned word = 0; word < WORDS; word++)
			process->pages[first + i].own.words[word] = 1000 + offset + i;
	for (unsigned i = first; i < first + count; i++) {
		process->pages[i].file = true;
		process->pages[i].initial = process->pages[i].own;
	}
}

static void op_drop_caches(struct process *process)
{
	(void)process;
	object_drop_caches();
	page_table_drain();
}

static void op_unmap(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first);

	assert_int_equal(mm_munmap(process->mm, page_address(first), count * PAGE_SIZE), 0);
	memset(&process->pages[first], 0, count * sizeof(process->pages[0]));
}

// What becomes of a promise with a page's protection: memory that may be written is promised, and
// stays so if something has been written nearby (in its VMA) by the time it may not.
static void protect_page(struct process *process, unsigned page, int prot, bool touched)
{
	struct model_page *model = &process->pages[page];

	if (model->prot != prot && (prot & PROT_WRITE))
		model->promised = !model->shared;
	else if (model->prot != prot && !model->file && !touched)
		model->promised = false;
	model->prot = prot;
}

static void op_protect(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first), i = first;
	int prot = fake_random(8), result;
	bool touched[PAGES];

	for (unsigned page = first; page < first + count; page++) {
		struct vma *vma = mm_find_vma(process->mm, page_address(page));

		touched[page] = vma && vma->anon;
	}
	result = mm_mprotect(process->mm, page_address(first), count * PAGE_SIZE, prot);
	for (; i < first + count && process->pages[i].mapped; i++)
		protect_page(process, i, prot, touched[i]);
	assert_int_equal(result, i < first + count ? -ENOMEM : 0);
}

// Often the same few, so that one page's history has many turns.
static unsigned random_page(void)
{
	return fake_random(fake_random(2) ? 5 : PAGES);
}

// One store; `short_of_memory`: it may fail for that, and then has changed nothing.
static void store(struct process *process, bool short_of_memory)
{
	unsigned page = random_page(), word = fake_random(WORDS);
	uint64_t value = fake_random(1ul << 40);
	struct model_page *model = &process->pages[page];
	bool allowed = model->mapped && (model->prot & PROT_WRITE);
	enum fault_result why = FAULT_SPURIOUS;
	bool stored = fake_store(process->mm, page_address(page) + word_offset(word), value, &why);

	if (stored)
		*model_word(model, word) = value;
	if (short_of_memory && !stored && why == FAULT_NO_MEMORY && allowed)
		return;
	if (stored != allowed)
		fail_msg("store to page %u %s: %s", page, stored ? "went through" : "failed",
			 fault_result_name(why));
	if (!stored)
		assert_int_equal(why, model->mapped ? FAULT_PROTECTION : FAULT_NO_MAPPING);
}

static void op_store(struct process *process)
{
	store(process, false);
}

static void op_store_in_need(struct process *process)
{
	fake_fail_start(1 + fake_random(4));
	store(process, true);
	fake_fail_stop();
}

static void op_load(struct process *process)
{
	unsigned page = random_page(), word = fake_random(WORDS);
	struct model_page *model = &process->pages[page];
	enum fault_result why = FAULT_SPURIOUS;
	uint64_t value;
	bool loaded = fake_load(process->mm, page_address(page) + word_offset(word), &value, &why);

	if (loaded != (model->mapped && model->prot))
		fail_msg("load of page %u %s: %s", page, loaded ? "went through" : "failed",
			 fault_result_name(why));
	if (loaded && value != *model_word(model, word))
		fail_msg("page %u holds %#lx instead of %#lx", page, value,
			 *model_word(model, word));
}

static void exit_process(struct process *process)
{
	mm_put(process->mm);
	fake_forget(process->mm);
	memset(process, 0, sizeof(*process));
}

static void op_fork(struct process *process)
{
	struct process *child = &processes[fake_random(PROCESSES)];
	struct mm *copy;

	if (child == process)
		return;
	if (child->mm)
		exit_process(child);
	if (fake_random(4) == 0) {
		fake_fail_start(1 + fake_random(12));
		if (mm_fork(process->mm, &copy) == 0)
			mm_put(copy);
		fake_fail_stop();
	}
	assert_int_equal(mm_fork(process->mm, &copy), 0);
	*child = *process;
	child->mm = copy;
	for (unsigned i = 0; i < PAGES; i++) {
		struct model_page *page = &child->pages[i];

		page->locked = false;
		if (page->left_out)
			*page = (struct model_page){0};
		else if (page->wiped)
			page->own = page->initial;
	}
}

// Whether pages [first, first + count) are there and all alike but for their contents.
static bool alike(struct process *process, unsigned first, unsigned count)
{
	struct model_page *model = &process->pages[first];

	for (unsigned i = 0; i < count; i++)
		if (!model[i].mapped || model[i].prot != model->prot ||
		    model[i].file != model->file || !model[i].shared != !model->shared)
			return false;
	return true;
}

// After a call that stopped half-way: what is not mapped any more.
static void forget_unmapped(struct process *process)
{
	for (unsigned i = 0; i < PAGES; i++) {
		struct vma *vma = mm_find_vma(process->mm, page_address(i));

		if (!vma || vma->start > page_address(i))
			process->pages[i] = (struct model_page){0};
	}
}

// A range as large as before to somewhere else; it may be of several VMAs, with holes, and what is
// at a hole's place in the target stays.
static void note_moved(struct process *process, unsigned first, unsigned to, unsigned count,
		       bool keeps)
{
	struct model_page *pages = process->pages;

	for (unsigned i = 0; i < count; i++) {
		if (!pages[first + i].mapped)
			continue;
		pages[to + i] = pages[first + i];
		if (keeps)
			pages[first + i].own = pages[first + i].initial;
		else
			pages[first + i] = (struct model_page){0};
	}
}

// A range to somewhere else, as long as before or shorter, private memory longer too. Whether it
// is one VMA the model does not know; if not, nothing changes but when the size stays: then each
// VMA moves, which may also fail half-way.
static void op_move(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first) / 2;
	unsigned to = fake_random(PAGES), new_count = 1 + fake_random(PAGES - to) / 2;
	struct model_page moved[PAGES], *pages = process->pages;
	long result;

	if (pages[first].file || pages[first].shared || fake_random(2))
		new_count = new_count < count ? new_count : count;
	if (!pages[first].mapped || (first < to + new_count && to < first + count))
		return;
	memcpy(moved, &pages[first], count * sizeof(moved[0]));
	if (fake_random(3) == 0 && (count != new_count || count == 1))
		fake_fail_start(1 + fake_random(3));
	result = mm_mremap(process->mm, page_address(first), count * PAGE_SIZE,
			   new_count * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, page_address(to));
	fake_fail_stop();
	if (result == -ENOMEM) {
		forget_unmapped(process);
		return;
	}
	if (result == -EFAULT)
		return;
	assert_int_equal(result, page_address(to));
	if (count == new_count) {
		note_moved(process, first, to, count, false);
		return;
	}
	memset(&pages[to], 0, new_count * sizeof(pages[0]));
	if (count > new_count)
		memset(&pages[first + new_count], 0, (count - new_count) * sizeof(pages[0]));
	count = count < new_count ? count : new_count;
	assert_true(alike(process, first, count));
	for (unsigned i = 0; i < new_count; i++) {
		pages[to + i] = moved[0];
		pages[to + i].own = (struct contents){{0}};
		if (i < count)
			pages[to + i] = moved[i];
	}
	memset(&pages[first], 0, count * sizeof(pages[0]));
}

// A range to somewhere else, its old place left empty. mlock is kept out of it: how much of that
// goes depends on what is one VMA.
static void op_move_keeping(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first) / 2;
	unsigned to = fake_random(PAGES);
	long result;

	if (!process->pages[first].mapped || to + count > PAGES ||
	    (first < to + count && to < first + count) || process->mm->locked)
		return;
	result = mm_mremap(process->mm, page_address(first), count * PAGE_SIZE, count * PAGE_SIZE,
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, page_address(to));
	assert_int_equal(result, page_address(to));
	note_moved(process, first, to, count, true);
}

static void op_resize(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first);
	unsigned new_count = 1 + fake_random(PAGES - first);
	struct model_page *pages = &process->pages[first];
	long result;

	if (!pages->mapped || (new_count > count && (pages->file || pages->shared)))
		return;
	result = mm_mremap(process->mm, page_address(first), count * PAGE_SIZE,
			   new_count * PAGE_SIZE, 0, 0);
	if (new_count <= count) {
		assert_int_equal(result, page_address(first));
		memset(&pages[new_count], 0, (count - new_count) * sizeof(pages[0]));
		return;
	}
	if (result == -ENOMEM || result == -EFAULT)
		return;
	assert_int_equal(result, page_address(first));
	for (unsigned i = count; i < new_count; i++) {
		assert_false(pages[i].mapped);
		pages[i] = pages[0];
		pages[i].own = (struct contents){{0}};
	}
}

// What madvise does to one page of the model; whether it is allowed there.
static bool advise_page(struct model_page *page, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		if (page->locked)
			return false;
		page->own = page->initial;
		return true;
	case MADV_WIPEONFORK:
		if (page->file || page->shared)
			return false;
		page->wiped = true;
		return true;
	case MADV_KEEPONFORK:
		page->wiped = false;
		return true;
	default:
		page->left_out = advice == MADV_DONTFORK;
		return true;
	}
}

static void op_advise(struct process *process)
{
	static const int advices[] = {MADV_DONTNEED,   MADV_DONTNEED, MADV_WIPEONFORK,
				      MADV_KEEPONFORK, MADV_DONTFORK, MADV_DOFORK};
	unsigned first = fake_random(PAGES), count = 1 + fake_random(PAGES - first);
	int advice = advices[fake_random(6)], expected = 0;
	int result = mm_madvise(process->mm, page_address(first), count * PAGE_SIZE, advice);

	for (unsigned i = first; i < first + count && expected != -EINVAL; i++) {
		if (!process->pages[i].mapped)
			expected = -ENOMEM;
		else if (!advise_page(&process->pages[i], advice))
			expected = -EINVAL;
	}
	assert_int_equal(result, expected);
}

static void op_lock(struct process *process)
{
	unsigned first = fake_random(PAGES), count = 1 + fake_random(8), i;
	bool lock = fake_random(2);
	int result, expected = 0;

	if (first + count > PAGES)
		count = PAGES - first;
	result = lock ? mm_mlock(process->mm, page_address(first), count * PAGE_SIZE, false)
		      : mm_munlock(process->mm, page_address(first), count * PAGE_SIZE);
	for (i = first; i < first + count && process->pages[i].mapped; i++) {
		process->pages[i].locked = lock;
		if (lock && !process->pages[i].prot)
			expected = -ENOMEM;
	}
	assert_int_equal(result, i < first + count ? -ENOMEM : expected);
}

// A look from outside, as a debugger's or the kernel's own.
static void op_copy_in(struct process *process)
{
	unsigned page = random_page(), word = fake_random(WORDS);
	struct model_page *model = &process->pages[page];
	uint64_t value;
	size_t done = mm_copy_in(process->mm, &value, page_address(page) + word_offset(word), 8);

	assert_int_equal(done, model->mapped && model->prot ? 8 : 0);
	if (done)
		assert_int_equal(value, *model_word(model, word));
}

static uint64_t promised(void)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < shared_count; i++)
		shared_pieces[i].mapped = false;
	for (unsigned i = 0; i < PROCESSES * PAGES; i++) {
		struct model_page *page = &processes[i / PAGES].pages[i % PAGES];

		total += page->promised;
		if (page->shared)
			shared_pieces[shared_pieces[page->shared - shared_pages].piece].mapped =
				true;
	}
	for (unsigned i = 0; i < shared_count; i++)
		if (shared_pieces[i].mapped)
			total += shared_pieces[i].pages;
	return total;
}

static void random_operations(void **state)
{
	static void (*const operations[])(struct process *) = {
		op_map,    op_map_shared, op_map_file, op_unmap,        op_protect,       op_fork,
		op_store,  op_store,      op_store,    op_load,         op_load,          op_load,
		op_store,  op_load,       op_copy_in,  op_drop_caches,  op_store_in_need, op_move,
		op_resize, op_advise,     op_lock,     op_move_keeping,
	};

	(void)state;
	fake_seed();
	for (unsigned step = 0; step < 60000; step++) {
		struct process *process = &processes[fake_random(PROCESSES)];

		fake_cpu = fake_random(CPUS);
		if (!process->mm) {
			process->mm = mm_create();
			assert_non_null(process->mm);
		}
		operations[fake_random(sizeof(operations) / sizeof(operations[0]))](process);
		if (step % 64 != 0)
			continue;
		assert_audit();
		assert_int_equal(commit_total(), promised());
	}
	fake_cpu = 0;
	for (unsigned i = 0; i < PROCESSES; i++)
		if (processes[i].mm)
			exit_process(&processes[i]);
	assert_audit();
	object_drop_caches();
	assert_int_equal(frame_kind_count(FRAME_ANON), 0);
	assert_int_equal(frame_kind_count(FRAME_FILE), 0);
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(8192);
	object_init(&file, &file_ops, FILE_PAGES * PAGE_SIZE);
	file.source = file.size;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_operations)};

	return cmocka_run_group_tests(tests, start, NULL);
}
