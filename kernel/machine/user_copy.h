// SPDX-License-Identifier: MIT
//
// The one way to ring 3's memory. Every range is checked against USER_END (and for wrapping)
// before it is touched; a page that can not be made present ends the copy with -EFAULT through the
// exception table. Faults are resolved on the way, so no lock that mm/ takes may be held.
//
// On failure part of the range may have been copied already.
#pragma once

#include "mm/layout.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether `count` bytes from `address` all lie in ring 3's half. Says nothing of what is mapped.
static inline bool user_range_ok(uintptr_t address, size_t count)
{
	return address <= USER_END && count <= USER_END - address;
}

// 0 or -EFAULT. `count` may be 0.
int copy_to_user(uintptr_t to, const void *from, size_t count);
int copy_from_user(void *to, uintptr_t from, size_t count);
int clear_user(uintptr_t to, size_t count); // fills with zeros

// A word at once, so that other CPUs change it before or after but not in between. `address` is a
// multiple of 4. 0 or -EFAULT.
int user_load32(uint32_t *value, uintptr_t address);
// If the word is *expected it becomes `new`; *expected becomes what it was.
int user_compare_exchange32(uintptr_t address, uint32_t *expected, uint32_t new);

// The same under a spin lock: a page that is not there, or may not be written yet, is -EFAULT too
// and nothing is done to bring it in. The caller lets the lock go, touches it with one of the
// above, and tries again.
int user_load32_present(uint32_t *value, uintptr_t address);
int user_compare_exchange32_present(uintptr_t address, uint32_t *expected, uint32_t new);

// The FPU state by XSAVE, to and from a multiple of 64 bytes; where it is saved its header holds
// zeros. 0 or -EFAULT, also without XSAVE, and for a state that XRSTOR does not take: that may
// have been loaded in part.
int user_fpu_save(uintptr_t address);
int user_fpu_restore(uintptr_t address);

// Copies a string with its NUL into `size` bytes. Its length without the NUL, -EFAULT, or
// -ENAMETOOLONG when there is no NUL in the first `size` bytes.
long strncpy_from_user(char *to, uintptr_t from, size_t size);
