// SPDX-License-Identifier: MIT
//
// What this processor remembers of translations. Most of it shows only where the TLB is a
// processor's: QEMU forgets everything whenever CR3 changes, Bochs does not (`make test-bochs`).
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/kernel_table.h"
#include "mm/layout.h"
#include "tests/ring0/ring0.h"

// More pages than are forgotten one by one (flush.c).
#define PAGES 64
// Nothing else is mapped there: devices' registers begin at the region's middle.
#define AT (KERNEL_MAP_END - (1ul << 30))

static volatile uint8_t *page(unsigned number)
{
	return (volatile uint8_t *)(AT + number * PAGE_SIZE);
}

static bool map_all(struct frame *frame)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (!CHECK(kernel_table_map((uintptr_t)page(i), frame_to_phys(frame), PAGE_SIZE,
					    KERNEL_BITS | PTE_WRITE | PTE_NX) == 0))
			return false;
	return true;
}

static unsigned pages_that_read(uint8_t value)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PAGES; i++)
		count += *page(i) == value;
	return count;
}

static void read_byte(void *address)
{
	(void)*(volatile uint8_t *)address;
}

// Global entries outlive a change of CR3 (SDM vol. 3A, 4.10.2.4): it takes more to forget them.
RING0_TEST(many_kernel_pages_are_forgotten)
{
	struct frame *before = frame_alloc(0, FRAME_SLAB), *after = frame_alloc(0, FRAME_KERNEL);

	if (!CHECK(before && after))
		return;
	memset(frame_to_virt(before), 'b', PAGE_SIZE);
	memset(frame_to_virt(after), 'a', PAGE_SIZE);
	if (map_all(before)) {
		CHECK(pages_that_read('b') == PAGES);
		kernel_table_unmap(AT, PAGES * PAGE_SIZE);
		CHECK(ring0_try(read_byte, (void *)page(0)).happened);
		CHECK(ring0_try(read_byte, (void *)page(PAGES - 1)).happened);
	}
	if (map_all(after))
		CHECK(pages_that_read('a') == PAGES);
	kernel_table_unmap(AT, PAGES * PAGE_SIZE);
	frame_free(before, 0);
	frame_free(after, 0);
}
