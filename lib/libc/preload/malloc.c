// SPDX-License-Identifier: MIT
//
// The allocator as a shared object for the reader's own programs on Linux:
// LD_PRELOAD=$PWD/build/libfaultline-malloc.so PROGRAM. Adds what such programs expect beside it:
// the two historical functions, and a heap that is whole in the child after a fork by one of
// several threads.
#include "lib/libc/malloc.c"
#include <pthread.h>

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

// The child has only the forking thread: nobody waits for the lock there.
static void unlock_in_child(void)
{
	__atomic_store_n(&heap.lock, 0, __ATOMIC_RELEASE);
}

__attribute__((constructor)) static void arrange_fork(void)
{
	pthread_atfork(heap_lock, heap_unlock, unlock_in_child);
}
