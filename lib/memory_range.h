// SPDX-License-Identifier: MIT
//
// A range of physical addresses as firmware describes it: the one type that boot/ fills in and
// mm/ reads. Ranges come as the loader gave them: unsorted, overlapping, unaligned, even lying;
// mm/boot_memory.c makes sense of them.
#pragma once

#include <stdint.h>

enum memory_type {
	MEMORY_USABLE,   // RAM that nobody uses
	MEMORY_RESERVED, // firmware, devices, bad RAM: never touched
	MEMORY_BOOT,     // RAM used only until the kernel has started: given back afterwards
	MEMORY_KERNEL,   // RAM that holds the kernel's image
	MEMORY_MODULE,   // RAM that holds what the loader brought: the initrd
};

struct memory_range {
	uint64_t start; // physical address, bytes
	uint64_t end;   // one past the last byte
	enum memory_type type;
};
