// SPDX-License-Identifier: MIT
//
// The allocator as a shared object for the reader's own programs on Linux:
// LD_PRELOAD=$PWD/build/libfaultline-malloc.so PROGRAM. Adds what such programs expect beside it:
// the two historical functions, and word of threads that end or fork.
#include "lib/libc/malloc.c"
#include "lib/libc/malloc_debug.h"
#include <pthread.h>
#include <unistd.h>

void *valloc(size_t size)
{
	return memalign(PAGE, size);
}

void *pvalloc(size_t size)
{
	if (__builtin_add_overflow(size, PAGE - 1, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(PAGE, size & -PAGE);
}

static pthread_key_t ending;

static void end_thread(void *ignored)
{
	(void)ignored;
	malloc_thread_end();
}

// The value only has to be another than NULL for end_thread to be called.
static void thread_begins(void)
{
	pthread_setspecific(ending, &ending);
}

__attribute__((constructor)) static void arrange_threads(void)
{
	pthread_atfork(malloc_before_fork, malloc_after_fork, malloc_in_child);
	if (pthread_key_create(&ending, end_thread) == 0)
		malloc_cache_taken = thread_begins;
}

// The last thing that a process does, where it ends by exit.
__attribute__((destructor)) static void debug_at_exit(void)
{
	int status = malloc_debug_exit(0);

	if (status == 0)
		return;
	fflush(NULL);
	_exit(status);
}
