// SPDX-License-Identifier: MIT
//
// Where things are: pages, addresses, and the kernel's half of the address space.
//
//   0000000000000000 - 00007fffffffefff   ring 3 (as on Linux: the last page stays empty)
//   ffff800000000000 - ffffbfffffffffff   direct map: all RAM, in 2 MiB or 1 GiB pages
//   ffffc90000000000 - ffffc97fffffffff   kernel mappings with guard pages: kernel stacks
//   ffffea0000000000 - ffffea7fffffffff   the frame table: one struct frame for each frame
//   ffffffff80000000 - ffffffffffffffff   the kernel's image
//
// The two bases are variables so that the same object code runs on the reader's machine against
// a block of ordinary memory that plays the part of RAM (tests/unit).
#pragma once

#include <stdint.h>

typedef uint64_t phys_t; // a physical address, or a size in physical memory, in bytes

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ul << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define PAGE_ALIGN_DOWN(x) ((x)&PAGE_MASK)
#define PAGE_ALIGN_UP(x)   (((x) + PAGE_SIZE - 1) & PAGE_MASK)

#define USER_END         0x00007ffffffff000ul // one past the highest address of ring 3
#define DIRECT_MAP_BASE  0xffff800000000000ul
#define KERNEL_MAP_BASE  0xffffc90000000000ul
#define KERNEL_MAP_END   0xffffc98000000000ul
#define FRAME_TABLE_BASE 0xffffea0000000000ul
#define KERNEL_IMAGE     0xffffffff80000000ul

// RAM past this has no place in the direct map and is ignored.
#define PHYSICAL_LIMIT (1ul << 46)

extern char *direct_map; // where physical address 0 is mapped; constant once mm/ has started

static inline void *phys_to_virt(phys_t address)
{
	return direct_map + address;
}

// `address` must lie in the direct map.
static inline phys_t virt_to_phys(const void *address)
{
	return (phys_t)((const char *)address - direct_map);
}
