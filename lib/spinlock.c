// SPDX-License-Identifier: MIT
//
// Waiting for a spin lock. Nobody stands in line: where a virtual CPU can lose its host's, the
// next in line may be the one that does not run.
#include "lib/spinlock.h"

void spin_lock_contended(struct spinlock *lock)
{
	struct spin spin = {0};

	do {
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			spin_wait(&spin);
	} while (__atomic_test_and_set(&lock->held, __ATOMIC_ACQUIRE));
}
