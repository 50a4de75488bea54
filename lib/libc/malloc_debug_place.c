// SPDX-License-Identifier: MIT
//
// Where a block of the debug allocator lies: among others with red zones around it, or guarded, in
// pages of its own; and what is written there when it is new.
#include "lib/libc/debug_shadow.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/malloc_layer.h"
#include "lib/libc/system_call.h"
#include <linux/mman.h>
#include <string.h>

static uintptr_t round_up(uintptr_t value, uintptr_t step)
{
	return (value + step - 1) & -step;
}

// What a block's size suggests: an array of 5 ints ends exactly at the guard page, and so does one
// of 5 structs with doubles. Odd sizes are aligned for a struct that ends in characters all the
// same: there are programs that count on it, by marks in a pointer's lowest bits for one.
static size_t alignment_of_guarded(size_t size, size_t alignment)
{
	size_t natural = size ? size & -size : 16;

	if (alignment > 16)
		return alignment;
	if (debug_options.align)
		return debug_options.align;
	if (size > 8 && natural < 4)
		return 8;
	return natural < 16 ? natural : 16;
}

static bool place_guarded(struct debug_block *block, size_t size, size_t alignment)
{
	size_t align = alignment_of_guarded(size, alignment), extra;
	size_t middle = round_up(size ? size : 1, DEBUG_PAGE);
	long start;

	extra = align > DEBUG_PAGE ? align : 0;
	if (__builtin_add_overflow(middle, extra + 2 * DEBUG_PAGE, &middle) ||
	    middle > PTRDIFF_MAX)
		return false;
	start = system_call6(__NR_mmap, 0, (long)middle, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start < 0 && start >= -4095)
		return false;
	block->low = (uintptr_t)start + DEBUG_PAGE;
	block->high = (uintptr_t)start + middle - DEBUG_PAGE;
	block->guarded = true;
	if (system_call3(__NR_mprotect, (long)block->low, (long)(block->high - block->low),
			 PROT_READ | PROT_WRITE) != 0) {
		system_call2(__NR_munmap, start, middle);
		return false;
	}
	block->start = (block->high - size) & -align;
	return true;
}

static bool place_plain(struct debug_block *block, size_t size, size_t alignment)
{
	size_t front = debug_options.red_zone ? round_up(debug_options.red_zone, alignment) : 0;
	size_t whole;
	char *memory;

	if (__builtin_add_overflow(size, front + debug_options.red_zone, &whole) ||
	    whole > PTRDIFF_MAX)
		return false;
	memory = malloc_plain(whole, alignment);
	if (!memory)
		return false;
	block->low = (uintptr_t)memory;
	block->high = block->low + whole;
	block->start = block->low + front;
	block->guarded = false;
	return true;
}

// Where a guarded block can not be had (the kernel limits how many mappings there are), an
// unguarded one does.
bool debug_place(struct debug_block *block, size_t size, size_t alignment)
{
	bool guard = size >= debug_options.guard_from && size <= debug_options.guard_to;

	if (!(guard && place_guarded(block, size, alignment)) &&
	    !place_plain(block, size, alignment))
		return false;
	block->size = size;
	return true;
}

void debug_fill_new(const struct debug_block *block, bool zeroed)
{
	uintptr_t end = block->start + block->size;

	if (debug_options.red_zone || block->guarded) {
		memset((void *)block->low, FILL_ZONE, block->start - block->low);
		memset((void *)end, FILL_ZONE, block->high - end);
	}
	if (zeroed && !block->guarded)
		memset((void *)block->start, 0, block->size);
	else if (!zeroed && debug_options.fill)
		memset((void *)block->start, FILL_NEW, block->size);
	debug_shadow_set(block->low, block->start, SHADOW_ZONE);
	debug_shadow_set(block->start, end, zeroed ? SHADOW_SET : SHADOW_NEW);
	debug_shadow_set(end, block->high, SHADOW_ZONE);
}

void debug_unplace(const struct debug_block *block)
{
	debug_shadow_set(block->low, block->high, SHADOW_UNKNOWN);
	if (block->guarded)
		system_call2(__NR_munmap, block->low - DEBUG_PAGE,
			     block->high - block->low + 2 * DEBUG_PAGE);
	else
		malloc_plain_free((void *)block->low);
}
