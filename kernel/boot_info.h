// SPDX-License-Identifier: MIT
//
// What the kernel is told by whoever loaded it, in one form for every way of booting. boot/ fills
// it in; nothing else knows the loaders' formats. All of it is copied out of the loader's memory,
// so that memory is free as soon as this is complete.
#pragma once

#include "lib/memory_range.h"
#include "mm/machine.h"
#include <stddef.h>

#define BOOT_RANGES_MAX  128
#define BOOT_MODULES_MAX 4

struct boot_module {
	uint64_t start; // physical address, bytes
	uint64_t end;   // one past the last byte
	char name[64];  // what the loader's configuration calls it; may be empty
};

// A picture in memory, `height` rows of `pitch` bytes. Only 32 bits per pixel are used; a loader
// that gives another form is treated as giving none.
struct boot_framebuffer {
	uint64_t address;                           // physical; 0: there is none
	uint32_t pitch;                             // bytes
	uint32_t width, height;                     // pixels
	uint8_t red_shift, green_shift, blue_shift; // position of 8 bits of each in a pixel
};

struct boot_info {
	const char *protocol; // "multiboot2" or "PVH"
	char loader[64];      // the loader's own name; may be empty
	char command_line[1024];
	struct memory_range ranges[BOOT_RANGES_MAX]; // as mm_start() takes them
	size_t range_count;
	size_t ranges_dropped;                        // usable ranges there was no room for
	struct boot_module modules[BOOT_MODULES_MAX]; // the first one is the initrd
	size_t module_count;
	size_t modules_dropped;
	struct boot_framebuffer framebuffer;
	uint8_t rsdp[36]; // copy of ACPI's root pointer
	size_t rsdp_size; // bytes of it that are valid; 0: the loader did not say

	// CPUs that ACPI lists as usable, the one that booted among them; 0: it does not say.
	size_t cpu_count;
	size_t cpus_dropped; // past MAX_CPUS
	uint8_t apic_ids[MAX_CPUS];
	uint64_t local_apic; // physical address of each CPU's local APIC
	uint64_t trampoline; // physical address of a page below 1 MiB for starting CPUs; 0: none
};

extern struct boot_info boot_info;

// Takes over from boot/, on the boot tables, interrupts off, IDT in place. Reads boot_info.
_Noreturn void kernel_main(void);
