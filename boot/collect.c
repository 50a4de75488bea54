// SPDX-License-Identifier: MIT
//
// What the readers of the loaders' formats collect in boot_info. The memory ranges are not sorted
// out here: they may overlap, and mm/ lets the more careful type win.
#include "boot/boot.h"
#include "lib/string.h"

#define FIRMWARE_USABLE 1       // e820's type for RAM; both formats take it over
#define REAL_MODE_END   4096    // interrupt vectors and BIOS data
#define LOW_HOLE_START  0xa0000 // VGA's memory and ROMs, whatever the map says
#define LOW_HOLE_END    0x100000

// Slots kept for the kernel's own entries, so that no firmware map can push them out.
#define FIRMWARE_RANGES_MAX (BOOT_RANGES_MAX - BOOT_MODULES_MAX - 8)

extern char image_start[], image_end[]; // linker.ld

static BOOT_CODE bool add(uint64_t start, uint64_t end, enum memory_type type, size_t limit)
{
	if (boot_info.range_count >= limit)
		return false;
	boot_info.ranges[boot_info.range_count++] = (struct memory_range){start, end, type};
	return true;
}

BOOT_CODE void boot_firmware_range(enum boot_range_pass pass, uint64_t start, uint64_t size,
				   uint32_t type)
{
	bool usable = type == FIRMWARE_USABLE;
	uint64_t end = start + size;

	if (usable != (pass == BOOT_PASS_USABLE) || size == 0)
		return;
	if (end < start) // past the end of the address space
		end = UINT64_MAX;
	if (!add(start, end, usable ? MEMORY_USABLE : MEMORY_RESERVED, FIRMWARE_RANGES_MAX))
		boot_info.ranges_dropped++;
}

BOOT_CODE void boot_add_module(uint64_t start, uint64_t end, const char *name, size_t name_size)
{
	struct boot_module *module = &boot_info.modules[boot_info.module_count];

	if (boot_info.module_count == BOOT_MODULES_MAX || start == 0 || start >= end ||
	    end > PHYSICAL_LIMIT) {
		boot_info.modules_dropped++;
		return;
	}
	module->start = start;
	module->end = end;
	boot_copy_text(module->name, sizeof(module->name), name, name_size);
	boot_info.module_count++;
	add(start, end, MEMORY_MODULE, BOOT_RANGES_MAX);
}

BOOT_CODE void boot_add_fixed_ranges(void)
{
	add((uintptr_t)image_start - KERNEL_IMAGE, (uintptr_t)image_end - KERNEL_IMAGE,
	    MEMORY_KERNEL, BOOT_RANGES_MAX);
	add(0, REAL_MODE_END, MEMORY_RESERVED, BOOT_RANGES_MAX);
	add(LOW_HOLE_START, LOW_HOLE_END, MEMORY_RESERVED, BOOT_RANGES_MAX);
}

BOOT_CODE void boot_copy_text(char *to, size_t to_size, const char *from, size_t from_size)
{
	size_t length = strnlen(from, from_size);

	if (length >= to_size)
		length = to_size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

BOOT_CODE void boot_copy_phys_text(char *to, size_t to_size, uint64_t address)
{
	const char *from = boot_phys(address, to_size);

	if (from)
		boot_copy_text(to, to_size, from, to_size);
}

BOOT_CODE void boot_copy_rsdp(const void *rsdp, size_t size)
{
	if (size > sizeof(boot_info.rsdp))
		size = sizeof(boot_info.rsdp);
	memcpy(boot_info.rsdp, rsdp, size);
	boot_info.rsdp_size = size;
}

static BOOT_CODE bool page_is_taken(uint64_t page)
{
	for (size_t i = 0; i < boot_info.range_count; i++) {
		const struct memory_range *range = &boot_info.ranges[i];

		if (range->type != MEMORY_USABLE && range->start < page + PAGE_SIZE &&
		    range->end > page)
			return true;
	}
	return false;
}

static BOOT_CODE bool page_is_usable(uint64_t page)
{
	for (size_t i = 0; i < boot_info.range_count; i++) {
		const struct memory_range *range = &boot_info.ranges[i];

		if (range->type == MEMORY_USABLE && range->start <= page &&
		    range->end >= page + PAGE_SIZE)
			return !page_is_taken(page);
	}
	return false;
}

// The highest one: old firmware keeps more at the low end than its map says.
BOOT_CODE void boot_keep_trampoline_page(void)
{
	if (boot_info.cpu_count < 2)
		return;
	for (uint64_t page = LOW_HOLE_START - PAGE_SIZE; page >= REAL_MODE_END;
	     page -= PAGE_SIZE) {
		if (!page_is_usable(page))
			continue;
		if (add(page, page + PAGE_SIZE, MEMORY_BOOT, BOOT_RANGES_MAX))
			boot_info.trampoline = page;
		return;
	}
}
