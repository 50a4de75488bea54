// SPDX-License-Identifier: MIT
//
// The debug allocator's parts and what they share. malloc_debug.c explains it. One lock guards all
// of it; what is called without the lock says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define DEBUG_PAGE 4096ul

// What memory of each kind is filled with; as the debug heaps of Microsoft's C library do it, so
// that who searches for such a value finds out what it means. As an address none of them is
// possible, so that following one always faults.
enum debug_fill {
	FILL_NEW = 0xcd,   // given to the program and not yet written
	FILL_FREED = 0xdd, // freed
	FILL_ZONE = 0xfd,  // red zones: before and behind each block
};

enum debug_leaks {
	LEAKS_OFF,
	LEAKS_LOST, // those that no pointer leads to; of the others only the number
	LEAKS_ALL,  // every block that was not freed
};

// Written once, before the first block; malloc_debug_options.c.
struct debug_options {
	bool on;
	size_t red_zone; // bytes before and behind each block
	bool fill;
	size_t quarantine;           // bytes of freed blocks that are kept; 0: none
	size_t guard_from, guard_to; // blocks of these sizes end at a guard page; 1, 0: none
	size_t align;                // of guarded blocks; 0: as the size suggests
	enum debug_leaks leaks;
	bool leaks_fail;
	unsigned int stacks; // return addresses kept of each call
	bool watch;          // every instruction
};
extern struct debug_options debug_options;

// Reads MALLOC_DEBUG. What it does not understand it says on standard error and ignores.
void debug_read_options(const char *text);

// -- call stacks: each different one is kept once, for ever

#define DEBUG_FRAMES_MAX 64u

struct debug_stack {
	struct debug_stack *next; // of the same hash
	uint64_t hash;
	unsigned int count;
	uintptr_t frames[]; // return addresses, the innermost first
};

// The caller's stack, without the lock. Fills `frames` with at most `most`, returns how many.
unsigned int debug_walk(uintptr_t *frames, unsigned int most);

// The stack of what a signal interrupted; `context` is the handler's third argument.
unsigned int debug_walk_context(const void *context, uintptr_t *frames, unsigned int most);

bool debug_own_code(uintptr_t address);     // of the allocator
bool debug_program_code(uintptr_t address); // of the program, and of no library

// Never NULL: where memory is short, it is an empty one.
const struct debug_stack *debug_keep_stack(const uintptr_t *frames, unsigned int count);

// -- blocks

enum debug_state { BLOCK_UNUSED, BLOCK_LIVE, BLOCK_FREED };

struct debug_block {
	struct debug_block *next;  // of the same hash, or in the list of unused ones
	struct debug_block *newer; // in quarantine
	uintptr_t start;           // the program's first byte
	size_t size;               // and how many it asked for
	uintptr_t low, high;       // all of the memory that is ours, guard pages not counted
	bool guarded;              // a mapping of its own with a guard page at either end
	bool reached;              // while leaks are looked for
	uint8_t state;             // enum debug_state
	int allocating, freeing;   // threads
	const struct debug_stack *allocated, *freed;
};

// NULL: no memory.
struct debug_block *debug_block_new(uintptr_t start);
void debug_block_drop(struct debug_block *block);
struct debug_block *debug_block_at(uintptr_t start);     // exactly there, or NULL
struct debug_block *debug_block_near(uintptr_t address); // in it, its red zones or guard pages
struct debug_block *debug_block_below(const struct debug_block *block); // next to it, or NULL
void debug_each_block(void (*visit)(struct debug_block *block, void *context), void *context);
bool debug_own_memory(uintptr_t start, uintptr_t *end); // tables, not to be searched for pointers

// Memory for a block of so many bytes: its start, size, low, high and guarded. False: there is
// none. debug_unplace gives it back.
bool debug_place(struct debug_block *block, size_t size, size_t alignment);
void debug_unplace(const struct debug_block *block);
void debug_fill_new(const struct debug_block *block, bool zeroed); // and around it

extern size_t debug_blocks_made; // in all

// -- the layer

struct malloc_layer;
const struct malloc_layer *malloc_debug_wanted(void); // NULL: no MALLOC_DEBUG; without the lock

void debug_lock(void);
void debug_unlock(void);
bool debug_lock_again(void); // false: this thread holds it already

// Looks for writes where nobody may write: around live blocks, into freed ones. Reports all.
// Returns how many blocks were damaged.
size_t debug_check_all(void);

// Is the first byte of [from, to) that is not `fill`, or `to`.
uintptr_t debug_first_other(uintptr_t from, uintptr_t to, uint8_t fill);

// -- reports: text for standard error, one write a report

void debug_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void debug_say_frames(const char *title, const uintptr_t *frames, unsigned int count);
void debug_say_stack(const char *title, const struct debug_stack *stack, int thread);
void debug_say_block(const struct debug_block *block);
void debug_say_address(const struct debug_block *block, uintptr_t address);
// A hint, if the value is made of what memory is filled with.
void debug_say_fill(uintptr_t value);
void debug_say_done(void);        // writes it out
_Noreturn void debug_abort(void); // writes it out; gives the lock up

#define MALLOC_DEBUG_LEAKED 23 // exit status with leaks=fail, where a block is lost

// At the process's end, with no lock: the last checks, the leaks. Returns the exit status.
int malloc_debug_exit(int status);
void debug_report_leaks(size_t *lost);

// Handlers of SIGSEGV and SIGBUS.
void debug_watch_faults(void);

// Every instruction of the calling thread and of those it makes; after debug_watch_faults. Between
// debug_pause_watch and debug_resume_watch, with the flags that the first returned, none.
void debug_start_watch(void);
unsigned long debug_pause_watch(void);
void debug_resume_watch(unsigned long flags);
void debug_end_watch(void);

#pragma GCC visibility pop

// Before the first block: reads what the environment asks for. Again: nothing.
void malloc_debug_start(void);
void malloc_debug_early(void);
