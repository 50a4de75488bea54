// SPDX-License-Identifier: MIT
//
// The audit must be able to fail: everything it recounts is made wrong once, and it has to say so,
// and to be content again when the damage is undone.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <linux/mman.h>
#include <string.h>

#include "mm/anon.h"
#include "mm/audit.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/slab.h"
#include "mm/slab_internal.h"
#include "mm/vma_tree.h"
#include "mm/zero.h"
#include "tests/unit/fake_machine.h"

#define BASE     0x10000000ul
#define FILE_MAP 0x20000000ul

static struct mm *mm, *child;
static struct object file;
static struct frame *owned, *shared, *cached;
static struct vma *area;

// Fails unless the audit objects, in these words.
static void assert_objects(const char *what, const char *words)
{
	struct audit_report report;

	if (mm_audit(&report))
		fail_msg("%s: the audit sees nothing", what);
	if (words && !strstr(report.first, words))
		fail_msg("%s: the audit says: %s", what, report.first);
}

// Adds one to a count, looks, and takes it off again.
#define ASSERT_COUNTED(field, words)           \
	do {                                   \
		(field)++;                     \
		assert_objects(#field, words); \
		(field)--;                     \
		assert_audit();                \
	} while (0)

// Sets something wrong, looks, and sets it right again.
#define ASSERT_CHECKED(field, value, words)         \
	do {                                        \
		__typeof__(field) before = (field); \
		(field) = (value);                  \
		assert_objects(#field, words);      \
		(field) = before;                   \
		assert_audit();                     \
	} while (0)

static void counters_of_a_space(void **state)
{
	(void)state;
	ASSERT_COUNTED(mm->anon_resident, "resident anonymous pages");
	ASSERT_COUNTED(mm->file_resident, "resident file pages");
	ASSERT_COUNTED(mm->mapped, "mapped pages");
	ASSERT_COUNTED(mm->data, "data pages");
	ASSERT_COUNTED(mm->stack, "stack pages");
	ASSERT_COUNTED(mm->code, "code pages");
	ASSERT_COUNTED(mm->tables, "page tables of a space");
	ASSERT_COUNTED(mm->vma_count, "VMAs");
}

static void vmas(void **state)
{
	struct vma *other = vma_next(area);

	(void)state;
	ASSERT_CHECKED(other->end, other->end + 1, "out of range");
	ASSERT_CHECKED(other->end, other->start, "out of range");
	ASSERT_CHECKED(other->start, area->start, "out of range");
	ASSERT_CHECKED(area->touched, false, "in an untouched VMA");
	ASSERT_COUNTED(area->gap, "the hole below a VMA");
	ASSERT_CHECKED(area->mm, child, "foreign space");
	ASSERT_CHECKED(area->page_offset, 7, "can not be found from itself");
	ASSERT_CHECKED(area->anon, NULL, "can not be found from itself");
	ASSERT_CHECKED(area->flags, VMA_READ | VMA_MAY_WRITE, NULL);
	ASSERT_CHECKED(area->flags, VMA_MAY_WRITE, NULL);
	ASSERT_COUNTED(area->anon->users, "VMAs of an anon");
	ASSERT_COUNTED(area->largest_gap, "largest hole");
}

static void entries(void **state)
{
	pte_t *slot = page_slot_find(mm, BASE), *other = page_slot_find(mm, BASE + PAGE_SIZE);
	pte_t *empty = page_slot_find(mm, BASE + 5 * PAGE_SIZE);

	(void)state;
	ASSERT_CHECKED(*slot, *slot & ~PTE_PRESENT, "present against its VMA's protection");
	ASSERT_CHECKED(*slot, *slot & ~PTE_NX, "executable in a VMA that is not");
	ASSERT_CHECKED(*slot, 0, NULL);
	ASSERT_CHECKED(*slot, *other, NULL);
	ASSERT_CHECKED(*other, *other | PTE_WRITE, "is writable and its frame has 2 references");
	ASSERT_CHECKED(*empty, *slot, NULL);
	ASSERT_CHECKED(page_slot_find(mm, FILE_MAP)[0],
		       page_slot_find(mm, FILE_MAP)[0] | PTE_WRITE, "writable");
	ASSERT_COUNTED(table_of(slot)->entries, "entries of a page table");
	ASSERT_CHECKED(table_of(slot)->owner, child, "is not this space's");
	ASSERT_CHECKED(table_of(slot)->kind, FRAME_KERNEL, "is not this space's");
}

static void references(void **state)
{
	(void)state;
	ASSERT_COUNTED(owned->references, "references");
	ASSERT_COUNTED(shared->references, "references, counted");
	ASSERT_COUNTED(cached->references, "references, counted");
	ASSERT_COUNTED(zero_frame->references, "references, counted");
	ASSERT_CHECKED(shared->references, 1, "references, counted");
	ASSERT_CHECKED(owned->index, 3, "can not be found from itself");
	ASSERT_CHECKED(owned->kind, FRAME_SLAB, NULL);
	ASSERT_CHECKED(cached->index, 3, NULL);
	ASSERT_CHECKED(cached->owner, NULL, NULL);
}

static void lost_and_free_frames(void **state)
{
	struct frame *lost = frame_alloc(0, FRAME_ANON), *free_frame;

	(void)state;
	assert_objects("a frame that nobody maps", "references, counted 0");
	lost->references = 0;
	assert_objects("a frame without references", "is lost");
	lost->references = 1;
	frame_free(lost, 0);
	assert_audit();
	free_frame = lost;
	ASSERT_CHECKED(free_frame->kind, FRAME_KERNEL, NULL);
	ASSERT_CHECKED(free_frame->references, 1, "is referenced");
	ASSERT_CHECKED(free_frame->place, FRAME_NOWHERE, "in place");
	frame_drain();
	assert_audit();
	lost = frame_alloc(0, FRAME_STACK);
	assert_objects("a stack that is none", "kernel stacks");
	frame_free(lost, 0);
	lost = frame_alloc(0, FRAME_PAGE_TABLE);
	assert_objects("a table in no tree", "frames of page tables");
	frame_free(lost, 0);
	lost = frame_alloc(0, FRAME_SLAB);
	lost->cache = (struct cache *)lost;
	assert_objects("a slab of no cache", "frames of slabs");
	frame_free(lost, 0);
	assert_audit();
}

static void heap(void **state)
{
	struct cache *cache = cache_create("audited", 100);
	void *object = cache_alloc(cache);

	(void)state;
	ASSERT_COUNTED(cache->in_use, "audited");
	ASSERT_COUNTED(cache->slabs, "audited");
	ASSERT_COUNTED(cache->empty, "empty slabs");
	ASSERT_COUNTED(phys_to_frame(virt_to_phys(object))->objects, "audited");
	cache_free(cache, object);
	assert_audit();
}

static void page_cache(void **state)
{
	(void)state;
	ASSERT_COUNTED(file.cached, "cached pages");
	page_index_clear(&file.index, 0);
	assert_objects("a page its file can not find", "is not where its object looks");
	assert_int_equal(page_index_set(&file.index, 0, cached), 0);
	assert_audit();
}

static int fill(struct object *object, uint64_t index, void *page)
{
	(void)object;
	memset(page, (int)index, PAGE_SIZE);
	return 0;
}

static void release_nothing(struct object *object)
{
	(void)object;
}

static const struct object_ops file_ops = {.fill = fill, .release = release_nothing};

static struct frame *frame_at(uintptr_t address)
{
	return entry_frame(*page_slot_find(mm, address));
}

// Two pages of its own, one shared with a child, one read only, and one of a file.
static int start(void **state)
{
	enum fault_result why;
	uint64_t value;

	(void)state;
	fake_machine_start(2048);
	mm = mm_create();
	object_init(&file, &file_ops, 2 * PAGE_SIZE);
	mm_mmap(mm, BASE, 8 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false);
	mm_mmap(mm, FILE_MAP, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, &file, 0, false);
	fake_store(mm, BASE, 1, &why);
	fake_store(mm, BASE + PAGE_SIZE, 1, &why);
	fake_load(mm, BASE + 2 * PAGE_SIZE, &value, &why);
	fake_load(mm, FILE_MAP, &value, &why);
	if (mm_fork(mm, &child))
		return 1;
	fake_store(child, BASE, 2, &why);
	fake_store(mm, BASE, 2, &why);
	area = vma_first(mm);
	owned = frame_at(BASE);
	shared = frame_at(BASE + PAGE_SIZE);
	cached = frame_at(FILE_MAP);
	return 0;
}

static int end(void **state)
{
	(void)state;
	mm_put(mm);
	mm_put(child);
	object_put(&file);
	assert_audit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_of_a_space),
		cmocka_unit_test(vmas),
		cmocka_unit_test(entries),
		cmocka_unit_test(references),
		cmocka_unit_test(lost_and_free_frames),
		cmocka_unit_test(heap),
		cmocka_unit_test(page_cache),
	};

	return cmocka_run_group_tests(tests, start, end);
}
