// SPDX-License-Identifier: MIT
//
// Threads, as little as programs here need: one function each, and waiting for its end. They share
// errno, stdio has no locks; malloc and thread-local variables are each thread's own. A child
// forked while other threads run must not allocate before it calls exec.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// The caller's, from thread_start to the end of thread_join.
struct thread {
	int number; // the kernel's; 0 when it has ended
	void (*function)(void *argument);
	void *argument;
	void *stack, *area;
	size_t area_length;
};

// False: no memory or no thread to be had, and nothing was started.
bool thread_start(struct thread *thread, void (*function)(void *), void *argument);

void thread_join(struct thread *thread);

// A lock (Drepper, "Futexes Are Tricky", mutex 2): 0 free, 1 held, 2 held and waited for.
struct thread_lock {
	int word;
};
void thread_lock(struct thread_lock *lock);
void thread_unlock(struct thread_lock *lock);
