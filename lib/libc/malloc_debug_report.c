// SPDX-License-Identifier: MIT
//
// What the debug allocator says, on standard error. Each report has the same lines: what happened;
// the address and where that is; the block; the call stacks by which it was noticed, allocated and
// freed, with function, file and line as far as the program's ELF file says them. What it does not
// say stands as (FILE+ADDRESS), which tools/symbolise looks up on the reader's machine.
#include "lib/libc/debug_maps.h"
#include "lib/libc/debug_symbols.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/system_call.h"
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[8192];
static size_t length;

void debug_say_done(void)
{
	for (size_t at = 0; at < length;) {
		long written = system_call3(__NR_write, 2, (long)(text + at), (long)(length - at));

		if (written <= 0)
			break;
		at += (size_t)written;
	}
	length = 0;
}

void debug_say(const char *format, ...)
{
	char line[640];
	va_list arguments;
	int wanted;
	size_t got;

	va_start(arguments, format);
	wanted = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	got = wanted < 0 ? 0 : (size_t)wanted;
	if (got >= sizeof(line))
		got = sizeof(line) - 1;
	if (got > sizeof(text) - length)
		debug_say_done();
	memcpy(text + length, line, got);
	length += got;
}

_Noreturn void debug_abort(void)
{
	debug_say_done();
	debug_unlock();
	abort();
}

// An address behind the call, so that what is looked up is one less. False: it was main, and who
// calls that is nobody's business.
static bool say_frame(unsigned int number, uintptr_t frame)
{
	static struct debug_place place;

	debug_symbolise(frame - 1, &place);
	if (*place.function && place.line)
		debug_say("    #%u %s  %s:%u\n", number, place.function, place.file, place.line);
	else if (*place.function)
		debug_say("    #%u %s+0x%zx  (%s+0x%llx)\n", number, place.function, place.offset,
			  place.module, (unsigned long long)place.module_address);
	else if (*place.module)
		debug_say("    #%u 0x%zx  (%s+0x%llx)\n", number, (size_t)frame - 1, place.module,
			  (unsigned long long)place.module_address);
	else
		debug_say("    #%u 0x%zx\n", number, (size_t)frame - 1);
	return strcmp(place.function, "main") != 0;
}

// A recursion is shown by its first and last frames.
void debug_say_frames(const char *title, const uintptr_t *frames, unsigned int count)
{
	if (title)
		debug_say("  %s:\n", title);
	if (count == 0)
		debug_say("    (no call stack)\n");
	for (unsigned int i = 0; i < count; i++) {
		unsigned int same = 0;

		if (!say_frame(i, frames[i]))
			break;
		while (i + 1 + same < count && frames[i + 1 + same] == frames[i])
			same++;
		if (same < 3)
			continue;
		debug_say("    #%u to #%u: the same, %u more\n", i + 1, i + same, same);
		i += same;
	}
}

void debug_say_stack(const char *title, const struct debug_stack *stack, int thread)
{
	debug_say("  %s by thread %d in:\n", title, thread);
	debug_say_frames(NULL, stack->frames, stack->count);
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

void debug_say_block(const struct debug_block *block)
{
	debug_say("  block:     0x%zx, %zu byte%s, %s%s\n", (size_t)block->start, block->size,
		  plural(block->size), block->state == BLOCK_LIVE ? "in use" : "freed",
		  block->guarded ? ", with guard pages" : "");
	debug_say_stack("allocated", block->allocated, block->allocating);
	if (block->state == BLOCK_FREED)
		debug_say_stack("freed", block->freed, block->freeing);
}

static const char *kind_of(const struct debug_mapping *mapping)
{
	if (mapping->executable)
		return "code, which can not be written";
	if (*mapping->path == '/' && !mapping->writable)
		return "constants, which can not be written";
	if (*mapping->path == '/')
		return "data";
	if (!mapping->readable)
		return "reserved, not accessible";
	return "memory that is no block of malloc";
}

static void say_elsewhere(uintptr_t address)
{
	static struct debug_mapping mapping;
	static struct debug_place place;

	debug_say("  address:   0x%zx, ", (size_t)address);
	if (address < DEBUG_PAGE) {
		debug_say(address ? "close to NULL\n" : "NULL\n");
		return;
	}
	if (!debug_find_mapping(address, &mapping)) {
		debug_say("where nothing is mapped\n");
		return;
	}
	debug_symbolise(address, &place);
	if (strcmp(mapping.path, "[stack]") == 0)
		debug_say("on the stack\n");
	else if (mapping.executable && *place.function)
		debug_say("in the code of %s, which can not be written\n", place.function);
	else
		debug_say("%s%s%s%s\n", kind_of(&mapping), *mapping.path ? " (" : "", mapping.path,
			  *mapping.path ? ")" : "");
}

void debug_say_address(const struct debug_block *block, uintptr_t address)
{
	uintptr_t end;

	if (!block) {
		say_elsewhere(address);
		return;
	}
	end = block->start + block->size;
	debug_say("  address:   0x%zx, ", (size_t)address);
	if (address < block->start)
		debug_say("%zu byte%s before", block->start - address,
			  plural(block->start - address));
	else if (address == block->start)
		debug_say("the first byte of");
	else if (address < end)
		debug_say("byte %zu of", address - block->start);
	else if (address == end)
		debug_say("the first byte behind");
	else
		debug_say("%zu byte%s behind", address - end, plural(address - end));
	debug_say(" a %sblock of %zu byte%s\n", block->state == BLOCK_FREED ? "freed " : "",
		  block->size, plural(block->size));
}

int malloc_describe(const void *address)
{
	const struct debug_block *block;

	if (!debug_options.on) {
		debug_say("malloc_describe: only with MALLOC_DEBUG in the environment\n");
		debug_say_done();
		return 0;
	}
	debug_lock();
	block = debug_block_near((uintptr_t)address);
	debug_say("malloc_describe:\n");
	debug_say_address(block, (uintptr_t)address);
	if (block)
		debug_say_block(block);
	debug_say_done();
	debug_unlock();
	return block != NULL;
}
