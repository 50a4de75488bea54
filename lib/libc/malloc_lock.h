// SPDX-License-Identifier: MIT
//
// The lock around malloc's heap. A thread that waits sleeps in the kernel.
#pragma once

#include "lib/libc/system_call.h"
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>

static uint32_t lock_word; // 0 free, 1 held, 2 held and waited for
static __thread bool holding;

static void futex(int operation, uint32_t value)
{
	system_call4(__NR_futex, (long)&lock_word, operation | FUTEX_PRIVATE_FLAG, value, 0);
}

// Drepper, "Futexes Are Tricky", mutex 2.
static void heap_lock(void)
{
	uint32_t expected = 0;

	if (!__atomic_compare_exchange_n(&lock_word, &expected, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
			futex(FUTEX_WAIT, 2);
	holding = true;
}

static void heap_unlock(void)
{
	holding = false;
	if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
		futex(FUTEX_WAKE, 1);
}
