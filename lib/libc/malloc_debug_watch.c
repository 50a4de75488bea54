// SPDX-License-Identifier: MIT
//
// MALLOC_DEBUG=watch: every instruction of the program is looked at before it happens. The
// processor's trap flag makes each one end in SIGTRAP; the handler decodes the next, and looks up
// in the shadow (debug_shadow.h) whether what it touches may be touched. So the first wrong access
// is reported, with its line, to a byte, reads too; and of the stack as well as of the heap:
// frames of functions that have returned, variables never written, return addresses overwritten. A
// thousand times slower than without: for programs that go wrong within a second.
//
// Watched are the heap, by all threads, and the first thread's stack. The allocator itself is not,
// and what it does is not stepped through. Libraries may read more than there is, in whole
// vectors, and copy what was never written: there, only writes and reads that are wrong as a whole
// count.
#include "lib/libc/debug_context.h"
#include "lib/libc/debug_decode.h"
#include "lib/libc/debug_maps.h"
#include "lib/libc/debug_shadow.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/system_call.h"
#include <signal.h>
#include <string.h>

#define TRAP_FLAG 0x100ul
#define RED_AREA  128ul // below rsp, a function's own where it calls none (System V ABI, 3.2.2)
#define CALLS     4096u
#define SEEN      256u
#define VECTOR    16u   // accesses from here up may be of more than is meant
#define WRITTEN   4096u // what a system call may write to, where nothing better is known

static struct {
	bool on;
	uintptr_t low, high; // the first thread's stack
} watch;

// A thread that is made has its maker's trap flag, and so is looked at too.
static __thread struct {
	uintptr_t pointer;    // rsp before the last instruction
	enum debug_kind kind; // which was of this kind
	uint64_t argument;    // what a system call's second was, where it was replaced; or 0
	uint64_t signals;     // what it is meanwhile
} last;

// Calls by depth; behind the current ones stand those that have returned.
static struct call {
	uintptr_t slot; // of its return address
	uintptr_t function;
	bool called; // others from the frame it has now: nothing of it lies below rsp
} calls[CALLS];
static unsigned int depth;

// Where reads of what was never written were reported: once for each place.
static uintptr_t seen[SEEN];
static unsigned int seen_count;

static bool on_stack(uintptr_t address)
{
	return address >= watch.low && address < watch.high;
}

// -- the stack's part of the shadow

static void note_call(uintptr_t slot, uintptr_t function)
{
	if (depth > 0)
		calls[depth - 1].called = true;
	if (depth < CALLS)
		calls[depth++] = (struct call){slot, function, false};
}

// Its frame is gone before it jumps to another function, or a signal's is below it.
static void note_frame_left(void)
{
	if (depth > 0)
		calls[depth - 1].called = false;
}

// What the last instruction did to rsp.
static void follow_stack(const uint64_t *registers)
{
	uintptr_t pointer = registers[CONTEXT_RSP], before = last.pointer;
	enum debug_shadow state = SHADOW_SET; // of what is new: a signal's frame, unless

	last.pointer = pointer;
	if (!on_stack(pointer) || !on_stack(before))
		return;
	while (depth > 0 && calls[depth - 1].slot < pointer)
		depth--;
	if (depth > 0 && calls[depth - 1].slot == pointer)
		note_frame_left();
	if (pointer > before)
		debug_shadow_set(before - RED_AREA, pointer, SHADOW_GONE);
	if (pointer >= before)
		return;
	if (last.kind == KIND_SUBTRACT)
		state = SHADOW_NEW;
	else if (last.kind == KIND_CALL || last.kind == KIND_PUSH_FRAME)
		state = SHADOW_RETURN;
	else if (before - pointer > sizeof(uintptr_t))
		note_frame_left();
	debug_shadow_set(pointer, before, state);
	if (last.kind == KIND_CALL)
		note_call(pointer, registers[CONTEXT_RIP]);
}

// The function in whose frame an address is; `gone`: among those that have returned.
static uintptr_t function_of(uintptr_t address, bool gone)
{
	uintptr_t function = 0;
	unsigned int first = gone ? depth : 0, last = gone ? CALLS : depth;

	for (unsigned int i = first; i < last; i++) {
		if (calls[i].slot < address || (i > first && calls[i].slot >= calls[i - 1].slot))
			break;
		function = calls[i].function;
	}
	return function;
}

// -- reports

enum mistake {
	MISTAKE_NONE,
	MISTAKE_GONE,
	MISTAKE_RETURN,
	MISTAKE_NEW,
	MISTAKE_BLOCK,
};

static void say_title(enum mistake mistake, const struct debug_access *access,
		      const struct debug_block *block, uintptr_t at)
{
	const char *what = "bad pointer", *where = "next to a block";

	if (mistake == MISTAKE_GONE) {
		what = "returned stack address";
		where = "of a stack frame whose function has returned";
	} else if (mistake == MISTAKE_RETURN) {
		what = "stack overflow";
		where = "over what a function needs to return";
	} else if (mistake == MISTAKE_NEW) {
		what = "uninitialised memory";
		where = "that were never written";
	} else if (block && block->state == BLOCK_FREED) {
		what = "use after free";
		where = "of a freed block";
	} else if (block) {
		what = at < block->start ? "heap underrun" : "heap overrun";
		where = at < block->start ? "before a block" : "behind a block";
	}
	debug_say("MALLOC_DEBUG: %s: %s of %u byte%s %s\n", what,
		  access->writes && mistake != MISTAKE_NEW ? "write" : "read", access->size,
		  access->size == 1 ? "" : "s", where);
}

static void say_stack_address(uintptr_t address, bool gone)
{
	uintptr_t function = function_of(address, gone);

	debug_say("  address:   0x%zx, on the stack\n", (size_t)address);
	if (!function)
		return;
	debug_say("  the frame %s of:\n", gone ? "was" : "is");
	function++;
	debug_say_frames(NULL, &function, 1);
}

static void report(const void *context, enum mistake mistake, const struct debug_access *access,
		   uintptr_t at)
{
	static uintptr_t frames[DEBUG_FRAMES_MAX];
	const struct debug_block *block = on_stack(at) ? NULL : debug_block_near(at);
	unsigned int count;

	say_title(mistake, access, block, at);
	if (on_stack(at))
		say_stack_address(at, mistake == MISTAKE_GONE);
	else
		debug_say_address(block, at);
	debug_say_done(); // the walk may fault
	count = debug_walk_context(context, frames, debug_options.stacks);
	debug_say_frames("accessed in", frames, count);
	if (block)
		debug_say_block(block);
	if (mistake != MISTAKE_NEW)
		debug_abort();
	debug_say_done();
}

static bool seen_before(uintptr_t place)
{
	for (unsigned int i = 0; i < seen_count; i++)
		if (seen[i] == place)
			return true;
	if (seen_count < SEEN)
		seen[seen_count++] = place;
	return false;
}

// -- accesses

// How many bytes are in a red zone, in a freed block, not to be read, not to be written.
struct states {
	unsigned int zone, freed, fresh, returns;
	uintptr_t first_closed, first_return;
};

static struct states states_of(const struct debug_access *access)
{
	struct states states = {0};

	for (unsigned int i = access->size; i-- > 0;) {
		uintptr_t at = access->address + i;
		enum debug_shadow state = debug_shadow_of(at);

		states.zone += state == SHADOW_ZONE;
		states.freed += state == SHADOW_FREED;
		states.fresh += state == SHADOW_NEW || state == SHADOW_GONE;
		states.returns += state == SHADOW_RETURN;
		if (state == SHADOW_ZONE || state == SHADOW_FREED)
			states.first_closed = at;
		if (state == SHADOW_RETURN)
			states.first_return = at;
	}
	return states;
}

// A library's vector may be of more than is meant: of what is freed as a whole, it is not.
// strcmp, close to the end of a page, has short ones too.
static bool closed(const struct debug_access *access, const struct states *states, bool program)
{
	bool exact = program || !access->vector;

	if (access->writes || (access->size < VECTOR && exact))
		return states->zone + states->freed > 0;
	return states->freed + (program ? states->zone : 0) == access->size;
}

// Below rsp nothing is anybody's, but for what a function without calls keeps close to it.
static enum mistake judge_below(const struct debug_access *access, uintptr_t pointer, bool program)
{
	if (access->address + RED_AREA < pointer)
		return MISTAKE_GONE;
	if (program && access->writes && depth > 0 && calls[depth - 1].called)
		return MISTAKE_GONE;
	if (access->reads && states_of(access).fresh == access->size)
		return MISTAKE_GONE;
	return MISTAKE_NONE;
}

static enum mistake judge(const struct debug_access *access, const uint64_t *registers,
			  uintptr_t *at)
{
	uintptr_t pointer = registers[CONTEXT_RSP];
	bool program = debug_program_code(registers[CONTEXT_RIP]);
	struct states states;

	*at = access->address;
	if (access->address == pointer && access->reads && access->writes)
		return MISTAKE_NONE; // or with 0: a barrier, or a look whether the stack is there
	if (on_stack(access->address) && on_stack(pointer) && access->address < pointer)
		return judge_below(access, pointer, program);
	states = states_of(access);
	if (closed(access, &states, program)) {
		*at = states.first_closed;
		return MISTAKE_BLOCK;
	}
	if (access->writes && states.returns) {
		*at = states.first_return;
		return MISTAKE_RETURN;
	}
	if (program && access->reads && !access->passes && states.fresh == access->size &&
	    access->size < VECTOR)
		return MISTAKE_NEW;
	return MISTAKE_NONE;
}

static void note_written(uintptr_t start, size_t size)
{
	for (uintptr_t at = start; at < start + size; at++) {
		enum debug_shadow state = debug_shadow_of(at);

		if (state == SHADOW_NEW || state == SHADOW_GONE)
			debug_shadow_set(at, at + 1, SHADOW_SET);
	}
}

static void look_at(const struct debug_access *access, const void *context)
{
	const uint64_t *registers = ((const struct debug_context *)context)->registers;
	uintptr_t at;
	enum mistake mistake = MISTAKE_NONE;

	if (!access->partial)
		mistake = judge(access, registers, &at);
	if (mistake == MISTAKE_NEW ? !seen_before(registers[CONTEXT_RIP]) : mistake) {
		debug_lock_again();
		report(context, mistake, access, at);
		debug_unlock();
	}
	if (access->writes)
		note_written(access->address, access->size);
}

// The kernel writes to what the arguments point at. And a program that blocks SIGTRAP would die of
// it: another set of signals is passed on, without that one.
static void look_at_system_call(uint64_t *registers)
{
	static const unsigned int arguments[] = {CONTEXT_RDI, CONTEXT_RSI, CONTEXT_RDX,
						 CONTEXT_R10, CONTEXT_R8};
	size_t size = registers[CONTEXT_RAX] == __NR_read ? registers[CONTEXT_RDX] : WRITTEN;

	for (size_t i = 0; i < sizeof(arguments) / sizeof(*arguments); i++)
		note_written(registers[arguments[i]], size < 1ul << 24 ? size : WRITTEN);
	if (registers[CONTEXT_RAX] != __NR_rt_sigprocmask || !registers[CONTEXT_RSI] ||
	    registers[CONTEXT_RDI] == SIG_UNBLOCK)
		return;
	last.signals = *(const uint64_t *)registers[CONTEXT_RSI] & ~(1ul << (SIGTRAP - 1));
	last.argument = registers[CONTEXT_RSI];
	registers[CONTEXT_RSI] = (uintptr_t)&last.signals;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	uint64_t *registers = ((struct debug_context *)context)->registers;
	struct debug_access accesses[2];
	unsigned int count;
	bool canary;

	(void)signal;
	(void)info;
	if (!watch.on) {
		registers[CONTEXT_FLAGS] &= ~TRAP_FLAG;
		return;
	}
	if (last.argument)
		registers[CONTEXT_RSI] = last.argument;
	last.argument = 0;
	follow_stack(registers);
	canary = last.kind == KIND_CANARY;
	last.kind = debug_decode(registers, accesses, &count);
	if (debug_own_code(registers[CONTEXT_RIP]))
		return;
	for (unsigned int i = 0; i < count; i++)
		look_at(&accesses[i], context);
	if (canary && count == 1 && accesses->writes && on_stack(accesses->address))
		debug_shadow_set(accesses->address, accesses->address + accesses->size,
				 SHADOW_RETURN);
	if (last.kind == KIND_SYSTEM_CALL)
		look_at_system_call(registers);
}

// -- on and off

unsigned long debug_pause_watch(void)
{
	unsigned long flags = __builtin_ia32_readeflags_u64();

	if (flags & TRAP_FLAG)
		__builtin_ia32_writeeflags_u64(flags & ~TRAP_FLAG);
	return flags;
}

void debug_resume_watch(unsigned long flags)
{
	if (flags & TRAP_FLAG)
		__builtin_ia32_writeeflags_u64(flags);
}

void debug_end_watch(void)
{
	watch.on = false;
	debug_pause_watch();
}

// The stack may grow below what is mapped of it now.
#define GROWS (8ul << 20)

void debug_start_watch(void)
{
	struct debug_mapping stack;
	struct sigaction action;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (!debug_shadow_start() || !debug_find_mapping(here, &stack))
		return;
	watch.high = stack.end;
	watch.low = stack.end - GROWS < stack.start ? stack.end - GROWS : stack.start;
	last.pointer = here;
	debug_shadow_set(here - RED_AREA, stack.end, SHADOW_SET);
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_step;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	sigaction(SIGTRAP, &action, NULL);
	watch.on = true;
	debug_resume_watch(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
}
