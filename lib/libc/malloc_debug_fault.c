// SPDX-License-Identifier: MIT
//
// What a fault means: a guard page, a freed block, the end of the stack, an address made of what
// memory is filled with. After the report the process dies of the same signal as without us.
#include "lib/libc/debug_context.h"
#include "lib/libc/debug_maps.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/system_call.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#define STACK         (64ul << 10)
#define TRAP_PAGE     14
#define ERROR_WRITE   2u
#define ERROR_EXECUTE 16u
#define OFF           (1ul << 16) // how far from a fill's value an address may be made of it

static const struct {
	uint8_t byte;
	const char *mistake, *meaning;
} fills[] = {
	{FILL_NEW, "uninitialised memory", "memory that was allocated and never written"},
	{FILL_FREED, "use after free", "freed memory"},
	{FILL_ZONE, "heap overrun", "a red zone, behind or before a block"},
};

static const char *const names[] = {"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rdi",
				    "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip"};

struct made_of {
	size_t name, fill;
};

// As an address, give or take a member's offset; as an int for an index.
static bool is_fill(uint64_t value, uint8_t byte)
{
	uint64_t whole = byte * 0x0101010101010101ull;

	return value - whole + OFF < 2 * OFF || value == (uint32_t)whole ||
	       value == (uint64_t)(int32_t)whole;
}

// An address that no program can have comes without the address: it is in one of the registers.
static bool find_fill(const uint64_t *registers, struct made_of *found)
{
	for (found->name = 0; found->name < sizeof(names) / sizeof(*names); found->name++)
		for (found->fill = 0; found->fill < sizeof(fills) / sizeof(*fills); found->fill++)
			if (is_fill(registers[found->name], fills[found->fill].byte))
				return true;
	return false;
}

static void say_fill(const uint64_t *registers, const struct made_of *found)
{
	debug_say("  address:   made of %s = 0x%llx, which is what %s holds\n", names[found->name],
		  (unsigned long long)registers[found->name], fills[found->fill].meaning);
}

void debug_say_fill(uintptr_t value)
{
	for (size_t i = 0; i < sizeof(fills) / sizeof(*fills); i++)
		if (is_fill(value, fills[i].byte))
			debug_say("  hint:      this is what %s holds\n", fills[i].meaning);
}

static const char *access_of(const uint64_t *registers)
{
	if (registers[CONTEXT_ERROR] & ERROR_EXECUTE)
		return "jump to";
	return registers[CONTEXT_ERROR] & ERROR_WRITE ? "write to" : "read of";
}

// The stack grew as far as it may, or over the page that guards a thread's.
static bool beyond_stack(uintptr_t address, uintptr_t pointer)
{
	struct debug_mapping mapping;
	bool close = address - (pointer - 16 * DEBUG_PAGE) < 32 * DEBUG_PAGE;

	if (!close)
		return false;
	return !debug_find_mapping(address, &mapping) || !mapping.readable;
}

// False: the address says nothing, as there is none.
static bool say_page_fault(const uint64_t *registers, const struct debug_block *block)
{
	uintptr_t address = registers[CONTEXT_CR2];
	const char *access = access_of(registers);

	if (beyond_stack(address, registers[CONTEXT_RSP])) {
		debug_say("MALLOC_DEBUG: stack overflow: %s an address beyond the stack's end\n",
			  access);
		block = NULL;
	} else if (!block) {
		return false;
	} else if (block->state == BLOCK_FREED) {
		debug_say("MALLOC_DEBUG: use after free: %s a freed block\n", access);
	} else {
		debug_say("MALLOC_DEBUG: heap %s: %s a guard page\n",
			  address < block->start ? "underrun" : "overrun", access);
	}
	debug_say_address(block, address);
	return true;
}

static void say_fault(const uint64_t *registers, const struct debug_block *block)
{
	bool page = registers[CONTEXT_TRAP] == TRAP_PAGE;
	struct made_of found;

	if (page && say_page_fault(registers, block))
		return;
	if (find_fill(registers, &found)) {
		debug_say("MALLOC_DEBUG: %s: what it holds is used as an address\n",
			  fills[found.fill].mistake);
		say_fill(registers, &found);
	} else if (page) {
		debug_say("MALLOC_DEBUG: bad pointer: %s an address that is no block's\n",
			  access_of(registers));
	} else {
		debug_say("MALLOC_DEBUG: bad pointer: an address is used that no program can "
			  "have\n");
	}
	if (page)
		debug_say_address(NULL, registers[CONTEXT_CR2]);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const uint64_t *registers = ((const struct debug_context *)context)->registers;
	bool locked = debug_lock_again();
	static uintptr_t frames[DEBUG_FRAMES_MAX];
	const struct debug_block *block = NULL;
	struct sigaction plain;
	unsigned int count;

	(void)info;
	memset(&plain, 0, sizeof(plain));
	sigaction(signal, &plain, NULL); // a fault from here on ends the process
	if (registers[CONTEXT_TRAP] == TRAP_PAGE)
		block = debug_block_near(registers[CONTEXT_CR2]);
	say_fault(registers, block);
	debug_say_done(); // the walk may fault
	count = debug_walk_context(context, frames, debug_options.stacks);
	debug_say_frames("accessed in", frames, count);
	if (block)
		debug_say_block(block);
	debug_say_done();
	if (locked)
		debug_unlock();
}

// On a stack of its own, as the thread's may be what has ended. Only the first thread has one.
void debug_watch_faults(void)
{
	stack_t stack = {.ss_sp = debug_pages(STACK), .ss_size = STACK}, before;
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	if (stack.ss_sp && sigaltstack(NULL, &before) == 0 && (before.ss_flags & SS_DISABLE))
		sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}
