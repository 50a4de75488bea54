// SPDX-License-Identifier: MIT
//
// Call stacks on Linux, in place of lib/libc/malloc_debug_walk.c: programs there keep no frame
// pointers, so the compiler's own unwinder reads their tables (.eh_frame).
#include "lib/libc/debug_context.h"
#include "lib/libc/debug_maps.h"
#include "lib/libc/malloc_debug.h"
#include <sys/auxv.h>
#include <unwind.h>

// Of this shared object, all of which is the allocator: its frames are not shown.
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

struct walk {
	uintptr_t *frames, from;
	unsigned int count, most;
	bool started;
};

bool debug_own_code(uintptr_t address)
{
	return address >= (uintptr_t)__ehdr_start && address < (uintptr_t)etext;
}

// What the program's first instruction is in.
bool debug_program_code(uintptr_t address)
{
	static struct debug_mapping program;

	if (!program.end && !debug_find_mapping(getauxval(AT_ENTRY), &program))
		return true;
	return address >= program.start && address < program.end;
}

// For a fault everything up to the faulting instruction is left out, else the allocator itself.
static _Unwind_Reason_Code one_frame(struct _Unwind_Context *context, void *argument)
{
	struct walk *walk = argument;
	uintptr_t address = _Unwind_GetIP(context);

	if (!walk->started)
		walk->started = walk->from ? address == walk->from : !debug_own_code(address);
	if (!walk->started)
		return _URC_NO_REASON;
	if (address == 0 || walk->count == walk->most)
		return _URC_END_OF_STACK;
	walk->frames[walk->count++] = address == walk->from ? address + 1 : address;
	return _URC_NO_REASON;
}

unsigned int debug_walk(uintptr_t *frames, unsigned int most)
{
	struct walk walk = {.frames = frames, .most = most};

	_Unwind_Backtrace(one_frame, &walk);
	return walk.count;
}

static bool is_code(uintptr_t address)
{
	struct debug_mapping mapping;

	return debug_find_mapping(address, &mapping) && mapping.executable;
}

// Where a call led to nowhere the unwinder would read instructions that are not there: for as long
// as it looks, the call has returned.
static unsigned int walk_from_nowhere(uint64_t *registers, uintptr_t *frames, unsigned int most)
{
	uint64_t nowhere = registers[CONTEXT_RIP], stack = registers[CONTEXT_RSP];
	struct walk walk = {.frames = frames + 1, .most = most - 1};

	frames[0] = nowhere + 1;
	walk.from = *(const uintptr_t *)stack;
	if (most == 1 || !is_code(walk.from))
		return 1;
	registers[CONTEXT_RIP] = walk.from;
	registers[CONTEXT_RSP] = stack + sizeof(uintptr_t);
	_Unwind_Backtrace(one_frame, &walk);
	registers[CONTEXT_RIP] = nowhere;
	registers[CONTEXT_RSP] = stack;
	if (walk.count)
		frames[1]--; // a return address, after all
	return 1 + walk.count;
}

unsigned int debug_walk_context(const void *context, uintptr_t *frames, unsigned int most)
{
	uint64_t *registers = ((struct debug_context *)context)->registers;
	struct walk walk = {.frames = frames, .most = most, .from = registers[CONTEXT_RIP]};

	if (!is_code(walk.from))
		return walk_from_nowhere(registers, frames, most);
	_Unwind_Backtrace(one_frame, &walk);
	if (walk.count == 0)
		frames[walk.count++] = registers[CONTEXT_RIP] + 1;
	return walk.count;
}
