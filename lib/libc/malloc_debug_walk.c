// SPDX-License-Identifier: MIT
//
// Call stacks by the chain of frame pointers, for programs whose functions all keep one: this
// library's. A chain that leaves the stack or does not go up ends there. For the programs of
// Linux, whose functions do not, preload/walk.c does the same with their unwind tables.
#include "lib/libc/debug_context.h"
#include "lib/libc/debug_symbols.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/system_call.h"
#include <string.h>

// Whether the words of a frame can be read: nothing else says so for a wild frame pointer.
static bool readable(const uintptr_t *frame)
{
	uintptr_t page = (uintptr_t)frame & -DEBUG_PAGE;
	unsigned char resident[2];

	return (uintptr_t)frame % sizeof(*frame) == 0 && page != 0 &&
	       system_call3(__NR_mincore, (long)page,
			    (long)((((uintptr_t)(frame + 1) & -DEBUG_PAGE) - page) + DEBUG_PAGE),
			    (long)resident) == 0;
}

// Of the allocator, whose frames are not shown, and of all the library (user/program.ld).
extern const char libc_malloc_start[], libc_malloc_end[], libc_end[];

bool debug_own_code(uintptr_t address)
{
	return address >= (uintptr_t)libc_malloc_start && address < (uintptr_t)libc_malloc_end;
}

bool debug_program_code(uintptr_t address)
{
	return address < (uintptr_t)libc_malloc_start || address >= (uintptr_t)libc_end;
}

static unsigned int walk(const uintptr_t *frame, uintptr_t *frames, unsigned int most,
			 bool skip_ours)
{
	uintptr_t checked = 0; // the page that the last system call was about
	unsigned int count = 0;

	while (count < most) {
		const uintptr_t *outer;

		if ((uintptr_t)(frame + 1) / DEBUG_PAGE != checked) {
			if (!readable(frame))
				break;
			checked = (uintptr_t)(frame + 1) / DEBUG_PAGE;
		}
		if (!frame[1])
			break;
		if (count > 0 || !skip_ours || !debug_own_code(frame[1] - 1))
			frames[count++] = frame[1];
		outer = (const uintptr_t *)frame[0];
		if (outer <= frame || (uintptr_t)outer % sizeof(*outer) != 0)
			break;
		frame = outer;
	}
	return count;
}

unsigned int debug_walk(uintptr_t *frames, unsigned int most)
{
	return walk(__builtin_frame_address(0), frames, most, true);
}

// Whether an instruction that ends here is a call: E8 and 32 bits, or FF /2 in one of its lengths.
static bool after_call(uintptr_t address)
{
	const uint8_t *code = (const uint8_t *)address;
	struct debug_mapping mapping;

	if (!debug_find_mapping(address - 8, &mapping) || !mapping.executable ||
	    address > mapping.end)
		return false;
	if (code[-5] == 0xe8)
		return true;
	for (int length = 2; length <= 7; length++)
		if (code[-length] == 0xff && (code[1 - length] & 0x38) == 0x10)
			return true;
	return false;
}

// Where a fault left the return address of a function that has no frame, or not yet: functions
// that call none get none. NULL: there is a frame, which rbp points at.
static const uintptr_t *without_frame(const uint64_t *registers)
{
	static const uint8_t prologue[] = {0x55, 0x48, 0x89, 0xe5}; // push rbp; mov rbp, rsp
	const uintptr_t *top = (const uintptr_t *)registers[CONTEXT_RSP];
	static struct debug_place place;

	debug_symbolise(registers[CONTEXT_RIP], &place);
	if (*place.function && memcmp((const void *)(registers[CONTEXT_RIP] - place.offset),
				      prologue, sizeof(prologue)) == 0) {
		if (place.offset >= sizeof(prologue))
			return NULL;
		top += place.offset > 0;
	}
	return readable(top) && after_call(*top) ? top : NULL;
}

unsigned int debug_walk_context(const void *context, uintptr_t *frames, unsigned int most)
{
	const uint64_t *registers = ((const struct debug_context *)context)->registers;
	const uintptr_t *frame = (const uintptr_t *)registers[CONTEXT_RBP];
	const uintptr_t *returns = without_frame(registers);
	unsigned int count = 0;

	frames[count++] = registers[CONTEXT_RIP] + 1;
	if (returns && most > 1)
		frames[count++] = *returns;
	return count + walk(frame, frames + count, most - count, false);
}
