// SPDX-License-Identifier: MIT
//
// The translations that this CPU keeps.
#pragma once

#include <stdint.h>

struct mm;

// This CPU forgets what it knows of `mm` in [start, end); NULL: of the kernel's half.
void flush_local(struct mm *mm, uintptr_t start, uintptr_t end);
