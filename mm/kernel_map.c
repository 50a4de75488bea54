// SPDX-License-Identifier: MIT
//
// Kernel stacks and devices: see mm/kernel_map.h.
//
// The region of stacks is an array of slots: a guard page, then the stack. A stack that is freed
// stays mapped on a short list, because fork and exit come in pairs. When the list is full half of
// it goes at once: all CPUs have to forget them, and to wait for that costs as much for one as for
// many.

#include "mm/kernel_map.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/kernel_table.h"
#include "mm/machine.h"
#include <linux/errno.h>

#define STACK_PAGES  (KERNEL_STACK_SIZE / PAGE_SIZE)
#define SLOT_SIZE    (KERNEL_STACK_SIZE + PAGE_SIZE)
#define SLOT_COUNT   65536ul
#define STACKS_BASE  KERNEL_MAP_BASE
#define STACKS_END   (STACKS_BASE + SLOT_COUNT * SLOT_SIZE)
#define DEVICES_BASE (KERNEL_MAP_BASE + (1ul << 36))
#define KEPT_LIMIT   64
#define DISCARDED    (KEPT_LIMIT / 2)

static struct spinlock lock;            // guards all of this
static uint64_t slots[SLOT_COUNT / 64]; // bit set: slot in use
static unsigned first_free_word;        // no free slot before this word
static void *kept[KEPT_LIMIT];          // mapped stacks without a task
static unsigned kept_count;
static uint64_t stack_frames;
static uintptr_t next_device = DEVICES_BASE;

// A slot's number, or -1 when all are in use.
static long slot_take(void)
{
	for (unsigned word = first_free_word; word < SLOT_COUNT / 64; word++) {
		unsigned bit;

		if (slots[word] == ~0ul)
			continue;
		bit = __builtin_ctzl(~slots[word]);
		slots[word] |= 1ul << bit;
		first_free_word = word;
		return word * 64 + bit;
	}
	return -1;
}

static void slot_give(uint64_t slot)
{
	slots[slot / 64] &= ~(1ul << slot % 64);
	if (slot / 64 < first_free_word)
		first_free_word = slot / 64;
}

static uintptr_t slot_stack(uint64_t slot)
{
	return STACKS_BASE + slot * SLOT_SIZE + PAGE_SIZE;
}

static void free_frames(const phys_t *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		frame_free(phys_to_frame(frames[i]), 0);
	stack_frames -= count;
}

// A stack of which only the first `pages` are mapped yet; nobody has used it.
static void unmap_new_stack(uintptr_t stack, unsigned pages)
{
	phys_t frames[STACK_PAGES];

	for (unsigned i = 0; i < pages; i++)
		kernel_table_lookup(stack + i * PAGE_SIZE, &frames[i]);
	kernel_table_unmap(stack, pages * PAGE_SIZE);
	free_frames(frames, pages);
}

static bool map_stack(uintptr_t stack)
{
	for (unsigned i = 0; i < STACK_PAGES; i++) {
		struct frame *frame = frame_alloc(0, FRAME_STACK);

		if (frame && kernel_table_map(stack + i * PAGE_SIZE, frame_to_phys(frame),
					      PAGE_SIZE, KERNEL_BITS | PTE_WRITE | PTE_NX)) {
			frame_free(frame, 0);
			frame = NULL;
		}
		if (!frame) {
			unmap_new_stack(stack, i);
			return false;
		}
		stack_frames++;
	}
	return true;
}

static void *new_stack(void)
{
	long slot = slot_take();

	if (slot < 0)
		return NULL;
	if (!map_stack(slot_stack(slot))) {
		slot_give(slot);
		return NULL;
	}
	return (void *)slot_stack(slot);
}

void *kernel_stack_alloc(void)
{
	void *stack;

	spin_lock(&lock);
	stack = kept_count ? kept[--kept_count] : new_stack();
	spin_unlock(&lock);
	return stack;
}

// Unmaps and frees the first `count` stacks of the list. Whoever needs a frame may end here, on a
// stack that is deep already: what is unmapped is linked, not kept here.
static void discard(unsigned count)
{
	uintptr_t lowest = STACKS_END, end = STACKS_BASE;
	struct list unmapped = LIST_INIT(unmapped);
	struct frame *frame, *next;

	for (unsigned i = 0; i < count * STACK_PAGES; i++) {
		uintptr_t page = (uintptr_t)kept[i / STACK_PAGES] + i % STACK_PAGES * PAGE_SIZE;
		phys_t physical;

		kernel_table_lookup(page, &physical);
		kernel_table_clear(page, PAGE_SIZE);
		list_add_tail(&unmapped, &phys_to_frame(physical)->link);
		lowest = page < lowest ? page : lowest;
		end = page + PAGE_SIZE > end ? page + PAGE_SIZE : end;
	}
	machine_flush_range(NULL, lowest, end);
	list_for_each_entry_safe (frame, next, &unmapped, link)
		frame_free(frame, 0);
	stack_frames -= count * STACK_PAGES;
	for (unsigned i = 0; i < count; i++)
		slot_give(((uintptr_t)kept[i] - STACKS_BASE) / SLOT_SIZE);
	kept_count -= count;
	memmove(kept, kept + count, kept_count * sizeof(kept[0]));
}

void kernel_stack_free(void *stack)
{
	spin_lock(&lock);
	if (kept_count == KEPT_LIMIT)
		discard(DISCARDED);
	kept[kept_count++] = stack;
	spin_unlock(&lock);
}

uint64_t kernel_stack_drain(void)
{
	uint64_t freed;

	if (!spin_trylock(&lock))
		return 0;
	freed = kept_count * STACK_PAGES;
	if (kept_count)
		discard(kept_count);
	spin_unlock(&lock);
	return freed;
}

uint64_t kernel_stack_frames(void)
{
	return stack_frames;
}

bool kernel_stack_guard_hit(uintptr_t address)
{
	return address >= STACKS_BASE && address < STACKS_END &&
	       (address - STACKS_BASE) % SLOT_SIZE < PAGE_SIZE;
}

// Addresses are used once, also where mapping failed half-way: what was mapped there stays, and
// would be taken for the next device's.
static void *map_for_ever(phys_t physical, size_t size, pte_t bits)
{
	uintptr_t offset = physical & ~PAGE_MASK;
	uint64_t length = PAGE_ALIGN_UP(offset + size);
	uintptr_t at;
	int error;

	if (size > KERNEL_MAP_END - DEVICES_BASE)
		return NULL;
	spin_lock(&lock);
	at = next_device;
	if (length >= KERNEL_MAP_END - at) {
		spin_unlock(&lock);
		return NULL;
	}
	next_device += length + PAGE_SIZE;
	error = kernel_table_map(at, physical - offset, length, bits);
	spin_unlock(&lock);
	return error ? NULL : (void *)(at + offset);
}

void *kernel_map_device(phys_t physical, size_t size)
{
	return map_for_ever(physical, size, KERNEL_BITS | PTE_WRITE | PTE_NX | PTE_NOCACHE);
}

void *kernel_map_shared(phys_t physical, size_t size)
{
	return map_for_ever(physical, size, KERNEL_BITS | PTE_WRITE | PTE_NX);
}
