// SPDX-License-Identifier: MIT
//
// The one seam in malloc.c: a layer that stands between the program and the allocator, to watch
// (a trace of malloc and free) or to make mistakes show (a debug allocator).
//
// It costs nothing while there is none. malloc and free are fast where the thread has a cache; a
// thread has none as long as a layer is set, so both end in their slow half, and only that asks.
//
// malloc_layer_wanted, where a program has one linked in, is asked before the first block is given
// away, with no lock held, by the first thread (or the first few at once: it gives them all the
// same answer); NULL is for no layer. The answer stays until the program ends, since a block goes
// back to the layer that gave it. It may call malloc_plain*, and nothing that calls malloc.
#pragma once

#include "lib/libc/malloc_narrate.h"
#include <stdbool.h>
#include <stddef.h>

// In place of the public functions, with their results, but for:
struct malloc_layer {
	// malloc, calloc (`zeroed`: all of the bytes are zero), and the aligned ones; `alignment`
	// is a power of two. NULL where memory is short; the caller sets errno.
	void *(*allocate)(size_t size, size_t alignment, bool zeroed);
	void (*release)(void *payload);              // never NULL
	void *(*resize)(void *payload, size_t size); // never NULL; sets errno itself
	size_t (*usable)(void *payload);             // never NULL
	// By the thread that forks, in this order; each may be NULL. The allocator's own lock is
	// taken after the first and given up before the others.
	void (*before_fork)(void);
	void (*after_fork)(void); // in the parent
	void (*in_child)(void);
	void (*thread_end)(void); // by a thread that ends; may be NULL
	// Told of every step of the allocator below, as malloc_watch has it; may be NULL.
	void (*narrator)(enum malloc_step step, const void *where, size_t a, size_t b);
};

const struct malloc_layer *malloc_layer_wanted(void);

#ifdef MALLOC_LAYERS // a program that has malloc has the layers too: programs.mk
#define LAYERS true
#else
#pragma weak malloc_layer_wanted
#define LAYERS (malloc_layer_wanted != NULL)
#endif

// The allocator itself, for layers: what the public functions do without one. A layer may hold
// locks of its own while it calls them. Blocks of these are theirs alone: what malloc_plain
// gave goes to malloc_plain_free.
void *malloc_plain(size_t size, size_t alignment); // NULL and ENOMEM
void *malloc_plain_zeroed(size_t size);
void malloc_plain_free(void *payload); // may be NULL
void *malloc_plain_resize(void *payload, size_t size);
size_t malloc_plain_usable(void *payload);
