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

#define PUSH_RBP   0x55
#define LINES_MAX  32
#define FRAMES_MAX 4096

extern const char text_start[], text_end[], init_start[], init_end[], image_end[]; // linker.ld

// The last symbol not after `address`, or NULL.
static const struct symbol *find(uintptr_t address)
{
	size_t low = 0, high = &kernel_symbol_count ? kernel_symbol_count : 0;

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

static bool is_text(uintptr_t address)
{
	return within(address, text_start, text_end) || within(address, init_start, init_end);
}

const char *symbol_name(uintptr_t address)
{
	const struct symbol *symbol = is_text(address) ? find(address) : NULL;

	return symbol ? symbol->name : NULL;
}

const char *symbol_describe(uintptr_t address, char *buffer, size_t size)
{
	const struct symbol *symbol = is_text(address) ? find(address) : NULL;

	if (symbol)
		snprintf(buffer, size, "%s+0x%lx", symbol->name, address - symbol->address);
	else
		snprintf(buffer, size, "0x%lx", address);
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

// One line for each caller; one that calls itself again and again gets a count instead.
struct backtrace {
	uintptr_t last;
	unsigned repeated, lines;
};

static void log_repeats(struct backtrace *trace)
{
	if (trace->repeated)
		log_line("  ... and %u times more", trace->repeated);
	trace->repeated = 0;
}

static void log_caller(struct backtrace *trace, uintptr_t address)
{
	char name[80];

	if (trace->lines && address == trace->last) {
		trace->repeated++;
		return;
	}
	log_repeats(trace);
	log_line("  %s", symbol_describe(address, name, sizeof(name)));
	trace->last = address;
	trace->lines++;
}

// Whether the code at `rip` has pushed its caller's frame pointer: functions without calls often
// do not, and then their return address is what rsp points at.
static bool has_frame(uintptr_t rip)
{
	const struct symbol *symbol = is_text(rip) ? find(rip) : NULL;

	return symbol && *(const uint8_t *)symbol->address == PUSH_RBP && rip > symbol->address;
}

void backtrace_log(uintptr_t rip, uintptr_t rsp, uintptr_t rbp)
{
	struct backtrace trace = {0};

	log_line("called from:");
	log_caller(&trace, rip);
	if (rsp && !has_frame(rip) && readable(rsp))
		log_caller(&trace, *(const uintptr_t *)rsp);
	for (unsigned i = 0; i < FRAMES_MAX && trace.lines < LINES_MAX && readable(rbp); i++) {
		const uintptr_t *frame = (const uintptr_t *)rbp;

		if (!frame[1])
			break;
		log_caller(&trace, frame[1]);
		if (frame[0] <= rbp) // callers' frames lie above
			break;
		rbp = frame[0];
	}
	log_repeats(&trace);
}
