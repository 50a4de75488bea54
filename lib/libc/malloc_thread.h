// SPDX-License-Identifier: MIT
//
// What malloc.c wants to be told about threads, by the library that makes them.
#pragma once

// Each time that a thread begins to have a cache, when not NULL; may allocate.
extern void (*malloc_cache_taken)(void);

// By a thread that ends, as late as possible: others then use what it had cached.
void malloc_thread_end(void);

// By the thread that forks: just before, and just after in the parent and in the child.
void malloc_before_fork(void);
void malloc_after_fork(void);
void malloc_in_child(void);
