// SPDX-License-Identifier: MIT
//
// The translations that this CPU keeps.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mm;

// Whether translations can be known elsewhere than in what this CPU has loaded: on other CPUs, or
// under other process-context identifiers. Constant once all CPUs have started.
extern bool flush_elsewhere;

// Once, after features_start().
void flush_start(void);

// This CPU forgets what it knows of `mm` in [start, end); NULL: of the kernel's half. `change`:
// the number of the change (context.h), or 0.
void flush_local(struct mm *mm, uintptr_t start, uintptr_t end, uint64_t change);

// This CPU forgets all that it knows of ring 3's addresses.
void flush_local_user(void);
