// SPDX-License-Identifier: MIT
//
// What the readers of the loaders' formats share. Everything a loader says may be a lie: it is
// bounded, copied, and never followed further than the boot tables map.
#pragma once

#include "kernel/boot_info.h"
#include "mm/layout.h"
#include <stdbool.h>

// Only used before mm_free_boot_memory(), which gives its pages away.
#define BOOT_CODE __attribute__((section(".init.text")))

#define BOOT_MAP_END 0x100000000ul // the boot tables map this much, at DIRECT_MAP_BASE

// Physical memory as the boot tables show it; NULL when it is not all below BOOT_MAP_END.
const void *boot_phys(uint64_t address, uint64_t size);

// Copies at most `from_size` bytes up to the first NUL and ends them with one.
void boot_copy_text(char *to, size_t to_size, const char *from, size_t from_size);

// The same from physical memory; leaves `to` alone when that is out of reach.
void boot_copy_phys_text(char *to, size_t to_size, uint64_t address);

// One entry of the firmware's map. Called twice for each: for everything reserved first, so that
// when there are more entries than room it is usable memory that is lost.
enum boot_range_pass { BOOT_PASS_RESERVED, BOOT_PASS_USABLE };
void boot_firmware_range(enum boot_range_pass pass, uint64_t start, uint64_t size, uint32_t type);

void boot_add_module(uint64_t start, uint64_t end, const char *name, size_t name_size);

// The kernel itself, and what no firmware's word is taken for.
void boot_add_fixed_ranges(void);

// ACPI's root pointer, from its copy or from memory.
void boot_copy_rsdp(const void *rsdp, size_t size);

// Which CPUs there are, out of the tables that the root pointer leads to.
void boot_read_acpi(void);

// Keeps a page below 1 MiB, where secondary CPUs begin, out of the allocator until they have
// started. Once the memory map is complete.
void boot_keep_trampoline_page(void);

enum boot_protocol { BOOT_MULTIBOOT2 = 1, BOOT_PVH = 2 }; // entry.asm

// From entry.asm, on the boot stack: `information` is the loader's, a physical address.
_Noreturn void boot_main(enum boot_protocol protocol, uint32_t information);

// Readers of the formats: whether `information` could be read at all.
bool multiboot2_read(uint64_t information);
bool pvh_read(uint64_t information);
