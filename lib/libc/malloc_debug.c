// SPDX-License-Identifier: MIT
//
// The debug allocator: a layer above malloc.c (malloc_layer.h) that a variable of the environment
// turns on, MALLOC_DEBUG=all or a list of words (malloc_debug_options.c), for programs as they
// are.
//
// Each block gets a record in a table away from the heap, where a program that writes past its
// blocks does not reach: where it is, how large, from which call stack it came, by which it was
// freed. Around a block lie red zones with a known pattern; a freed one is filled with another
// pattern and held back for some time, in quarantine. Who wrote where nobody may write is noticed
// when the block is freed, leaves the quarantine, or at the end: then the report can say which
// block was hit and where that came from, but not which instruction did it. A guarded block says
// that too: it lies in pages of its own, ends where an inaccessible page begins, and is
// inaccessible as a whole once it is freed, so that the processor stops the first wrong access.
//
//   page: none | red zone   block | page: none          guarded, low .. high is accessible
//                red zone   block   red zone            from malloc_plain
//
// A mistake is reported on standard error and ends the program by SIGABRT; an access to a guard
// page by SIGSEGV, as without all this. Leaks are reported when the program exits.
//
// Read the parts in this order: this file, malloc_debug_blocks.c (the table),
// malloc_debug_place.c (where blocks lie), malloc_debug_stack.c
// and malloc_debug_walk.c (call stacks), malloc_debug_report.c, malloc_debug_fault.c,
// malloc_debug_leaks.c; debug_symbols.c and debug_lines.c turn addresses into file and line.
//
// One lock guards all of it. Not here: reads that go wrong without a guard page, mistakes with
// memory that malloc did not give, blocks that a program's own allocator makes of ours.
#include "lib/libc/malloc_debug.h"
#include "lib/libc/debug_maps.h"
#include "lib/libc/debug_shadow.h"
#include "lib/libc/malloc_layer.h"
#include "lib/libc/system_call.h"
#include <errno.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <stdlib.h>
#include <string.h>

// -- the lock: Drepper, "Futexes Are Tricky", mutex 2

static uint32_t lock_word;
static __thread bool holding;

void debug_lock(void)
{
	uint32_t expected = 0;

	if (!__atomic_compare_exchange_n(&lock_word, &expected, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
			system_call4(__NR_futex, (long)&lock_word, FUTEX_WAIT_PRIVATE, 2, 0);
	holding = true;
}

void debug_unlock(void)
{
	holding = false;
	if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
		system_call3(__NR_futex, (long)&lock_word, FUTEX_WAKE_PRIVATE, 1);
}

bool debug_lock_again(void)
{
	if (holding)
		return false;
	debug_lock();
	return true;
}

// -- quarantine: freed blocks, the oldest first

static struct {
	struct debug_block *oldest, *newest;
	size_t bytes;
} quarantine;

static int this_thread(void)
{
	return (int)system_call0(__NR_gettid);
}

uintptr_t debug_first_other(uintptr_t from, uintptr_t to, uint8_t fill)
{
	for (; from < to; from++)
		if (*(const uint8_t *)from != fill)
			break;
	return from;
}

// What was written before or behind the block: its first byte, or 0 when there is nothing.
static uintptr_t damage_around(const struct debug_block *block)
{
	uintptr_t end = block->start + block->size, at;

	if (!debug_options.red_zone && !block->guarded)
		return 0;
	at = debug_first_other(end, block->high, FILL_ZONE);
	if (at < block->high)
		return at;
	at = debug_first_other(block->low, block->start, FILL_ZONE);
	return at < block->start ? at : 0;
}

static uintptr_t damage_inside(const struct debug_block *block)
{
	uintptr_t end = block->start + block->size, at;

	if (block->guarded)
		return 0; // nobody could
	at = debug_first_other(block->start, end, FILL_FREED);
	return at < end ? at : 0;
}

static void say_damage(const struct debug_block *block, uintptr_t at, const char *noticed)
{
	bool inside = at >= block->start && at < block->start + block->size;
	uintptr_t end = inside ? block->start + block->size
			       : (at < block->start ? block->start : block->high);
	uint8_t fill = inside ? FILL_FREED : FILL_ZONE;
	size_t count = 0;

	for (uintptr_t other = at; other < end; other++)
		count += *(const uint8_t *)other != fill;
	debug_say("MALLOC_DEBUG: %s: %zu byte%s written %s, the first is 0x%02x\n",
		  inside              ? "use after free"
		  : at < block->start ? "heap underrun"
				      : "heap overrun",
		  count, count == 1 ? "" : "s",
		  inside              ? "into a freed block"
		  : at < block->start ? "before a block"
				      : "behind a block",
		  *(const uint8_t *)at);
	debug_say_address(block, at);
	if (!block->guarded || debug_options.align != 1)
		debug_say("  hint:      with MALLOC_DEBUG=guard,align=1%s the program stops where "
			  "it "
			  "does that\n",
			  inside ? ",quarantine" : "");
	debug_say("  noticed:   %s\n", noticed);
}

// Whether a block is as it has to be; reports what is wrong with it.
static bool sound(const struct debug_block *block, const char *noticed)
{
	uintptr_t at = 0;

	if (block->state == BLOCK_FREED && block->guarded)
		return true;
	at = damage_around(block);
	if (!at && block->state == BLOCK_FREED)
		at = damage_inside(block);
	if (!at)
		return true;
	say_damage(block, at, noticed);
	return false;
}

// The block to say something about after say_damage. What is before a block may as well be behind
// the one below it.
static void say_damaged(const struct debug_block *block)
{
	uintptr_t at = damage_around(block);
	const struct debug_block *below;

	debug_say_block(block);
	below = at && at < block->start ? debug_block_below(block) : NULL;
	if (!below)
		return;
	debug_say("  or it was written behind the block below, which ends %zu bytes before:\n",
		  at - below->start - below->size);
	debug_say_block(below);
}

static void give_back(struct debug_block *block)
{
	debug_unplace(block);
	debug_block_drop(block);
}

// What a block in quarantine costs in memory.
static size_t weight(const struct debug_block *block)
{
	return block->guarded ? DEBUG_PAGE : block->high - block->low;
}

static void leave_quarantine(void)
{
	struct debug_block *block = quarantine.oldest;

	quarantine.oldest = block->newer;
	if (!quarantine.oldest)
		quarantine.newest = NULL;
	quarantine.bytes -= weight(block);
	if (!sound(block, "when the block left the quarantine")) {
		say_damaged(block);
		debug_abort();
	}
	give_back(block);
}

static void enter_quarantine(struct debug_block *block)
{
	block->newer = NULL;
	if (quarantine.newest)
		quarantine.newest->newer = block;
	else
		quarantine.oldest = block;
	quarantine.newest = block;
	quarantine.bytes += weight(block);
	while (quarantine.bytes > debug_options.quarantine)
		leave_quarantine();
}

// Nobody may touch it any more. Guarded: the processor sees to that, and the memory is the
// kernel's again.
static void bury(struct debug_block *block)
{
	size_t length = block->high - block->low;

	debug_shadow_set(block->start, block->start + block->size, SHADOW_FREED);
	if (block->guarded) {
		system_call3(__NR_madvise, (long)block->low, (long)length, MADV_DONTNEED);
		system_call3(__NR_mprotect, (long)block->low, (long)length, PROT_NONE);
	} else if (debug_options.fill || debug_options.quarantine) {
		memset((void *)block->start, FILL_FREED, block->size);
	}
	if (debug_options.quarantine)
		enter_quarantine(block);
	else
		give_back(block);
}

// -- what malloc.c calls, and the lock around it

struct caller {
	uintptr_t frames[DEBUG_FRAMES_MAX];
	unsigned int count;
	unsigned long flags; // while the program's instructions are not watched
};

// The stack is walked before the lock is taken: that may allocate.
static __attribute__((noinline)) void enter(struct caller *caller)
{
	static __thread bool walking;

	caller->flags = debug_pause_watch();
	caller->count = 0;
	if (!walking) {
		walking = true;
		caller->count = debug_walk(caller->frames, debug_options.stacks);
		walking = false;
	}
	debug_lock();
}

static void leave(const struct caller *caller)
{
	debug_unlock();
	debug_resume_watch(caller->flags);
}

static struct debug_block *allocate(size_t size, size_t alignment, bool zeroed,
				    const struct caller *caller)
{
	struct debug_block place_of = {.size = 0}, *block;

	if (!debug_place(&place_of, size, alignment))
		return NULL;
	block = debug_block_new(place_of.start);
	if (!block) {
		debug_unplace(&place_of);
		return NULL;
	}
	block->size = place_of.size;
	block->low = place_of.low;
	block->high = place_of.high;
	block->guarded = place_of.guarded;
	block->state = BLOCK_LIVE;
	block->allocated = debug_keep_stack(caller->frames, caller->count);
	block->allocating = this_thread();
	debug_fill_new(block, zeroed);
	return block;
}

// Reports a pointer that is none to a block in use, and ends the program.
static _Noreturn void refuse(const void *payload, const char *what, const struct caller *caller)
{
	const struct debug_block *block = debug_block_near((uintptr_t)payload);

	if (block && block->state == BLOCK_FREED && block->start == (uintptr_t)payload)
		debug_say("MALLOC_DEBUG: %s: the block is freed already\n",
			  strcmp(what, "free") == 0 ? "double free" : "use after free");
	else
		debug_say("MALLOC_DEBUG: invalid pointer given to %s\n", what);
	debug_say_address(block, (uintptr_t)payload);
	if (!block)
		debug_say_fill((uintptr_t)payload);
	debug_say_frames("noticed in", caller->frames, caller->count);
	if (block)
		debug_say_block(block);
	debug_abort();
}

static struct debug_block *in_use(const void *payload, const char *what,
				  const struct caller *caller)
{
	struct debug_block *block = debug_block_at((uintptr_t)payload);

	if (!block || block->state != BLOCK_LIVE)
		refuse(payload, what, caller);
	return block;
}

static void release(struct debug_block *block, const struct caller *caller)
{
	if (!sound(block, "when the block was freed, by")) {
		debug_say_frames(NULL, caller->frames, caller->count);
		say_damaged(block);
		debug_abort();
	}
	block->state = BLOCK_FREED;
	block->freed = debug_keep_stack(caller->frames, caller->count);
	block->freeing = this_thread();
	bury(block);
}

static void *layer_allocate(size_t size, size_t alignment, bool zeroed)
{
	struct debug_block *block;
	struct caller caller;

	enter(&caller);
	block = allocate(size, alignment, zeroed, &caller);
	leave(&caller);
	return block ? (void *)block->start : NULL;
}

static void layer_release(void *payload)
{
	int saved = errno;
	struct caller caller;

	enter(&caller);
	release(in_use(payload, "free", &caller), &caller);
	leave(&caller);
	errno = saved;
}

// Always moves, so that a pointer to the old place is one to a freed block.
static void *layer_resize(void *payload, size_t size)
{
	struct debug_block *old, *block;
	struct caller caller;

	enter(&caller);
	old = in_use(payload, "realloc", &caller);
	block = allocate(size, 16, false, &caller);
	if (block) {
		size_t kept = old->size < size ? old->size : size;

		memcpy((void *)block->start, payload, kept);
		debug_shadow_copy(block->start, old->start, kept);
		release(old, &caller);
	}
	leave(&caller);
	if (!block)
		errno = ENOMEM;
	return block ? (void *)block->start : NULL;
}

// What was asked for and no more: what is behind it is a red zone.
static size_t layer_usable(void *payload)
{
	struct caller caller;
	size_t size;

	enter(&caller);
	size = in_use(payload, "malloc_usable_size", &caller)->size;
	leave(&caller);
	return size;
}

static void layer_in_child(void)
{
	lock_word = 0;
	holding = false;
}

static const struct malloc_layer debug_layer = {
	.allocate = layer_allocate,
	.release = layer_release,
	.resize = layer_resize,
	.usable = layer_usable,
	.before_fork = debug_lock,
	.after_fork = debug_unlock,
	.in_child = layer_in_child,
};

// -- beginning and end

const struct malloc_layer *malloc_debug_wanted(void)
{
	malloc_debug_start();
	return debug_options.on ? &debug_layer : NULL;
}

static void check_one(struct debug_block *block, void *damaged)
{
	if (sound(block, "at the program's end"))
		return;
	say_damaged(block);
	debug_say_done();
	++*(size_t *)damaged;
}

size_t debug_check_all(void)
{
	size_t damaged = 0;

	debug_each_block(check_one, &damaged);
	return damaged;
}

int malloc_debug_exit(int status)
{
	size_t lost = 0;

	if (!debug_options.on)
		return status;
	debug_end_watch();
	debug_lock();
	if (debug_check_all() > 0)
		debug_abort();
	if (debug_options.leaks)
		debug_report_leaks(&lost);
	debug_unlock();
	return lost && debug_options.leaks_fail ? MALLOC_DEBUG_LEAKED : status;
}
