// SPDX-License-Identifier: MIT
//
// Addresses to names, and the chain of callers. Frame pointers make the chain (the build keeps
// them); it is followed with suspicion, because it is needed when things are broken.
#include "kernel/machine/symbols.h"
#include "kernel/driver/log.h"
#include "kernel/machine/instructions.h"
#include "lib/format.h"
#include "mm/page_table.h"
#include <stdbool.h>

#define BACKTRACE_MAX 32

// What the first link has; the second one's table takes their place.
__attribute__((weak)) const struct symbol kernel_symbols[1] = {{0, ""}};
__attribute__((weak)) const size_t kernel_symbol_count = 0;

extern const char text_start[], text_end[], init_start[], init_end[], image_end[]; // linker.ld

// The last symbol not after `address`, or NULL.
static const struct symbol *find(uintptr_t address)
{
	size_t low = 0, high = kernel_symbol_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel_symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &kernel_symbols[low - 1] : NULL;
}

static bool within(uintptr_t address, const char *start, const char *end)
{
	return address >= (uintptr_t)start && address < (uintptr_t)end;
}

const char *symbol_describe(uintptr_t address, char *buffer, size_t size)
{
	const struct symbol *symbol = NULL;

	if (within(address, text_start, text_end) || within(address, init_start, init_end))
		symbol = find(address);
	if (symbol)
		snprintf(buffer, size, "%s+%#lx", symbol->name, address - symbol->address);
	else
		snprintf(buffer, size, "%#lx", address);
	return buffer;
}

// Whether two words at `address` can be read without a fault.
static bool readable(uintptr_t address)
{
	struct page_walk walk;

	if (address % 8 || (intptr_t)address >= 0)
		return false;
	if (!kernel_root()) // the boot tables
		return within(address, init_start, image_end);
	page_table_walk(cr3_read() & PTE_ADDRESS, address, &walk);
	if (!walk.present)
		return false;
	page_table_walk(cr3_read() & PTE_ADDRESS, address + 8, &walk);
	return walk.present;
}

void backtrace_log(uintptr_t rip, uintptr_t rbp)
{
	char name[80];

	log_line("called from:");
	log_line("  %s", symbol_describe(rip, name, sizeof(name)));
	for (unsigned i = 0; i < BACKTRACE_MAX && readable(rbp); i++) {
		const uintptr_t *frame = (const uintptr_t *)rbp;

		if (!frame[1])
			break;
		log_line("  %s", symbol_describe(frame[1], name, sizeof(name)));
		if (frame[0] <= rbp) // callers' frames lie above
			break;
		rbp = frame[0];
	}
}
