// SPDX-License-Identifier: MIT
//
// Bringing a CPU from bare 64-bit mode to where C, exceptions and system calls work.
#pragma once

#include <stdbool.h>

struct cpu;

extern struct cpu boot_cpu;

// Descriptor tables of this CPU. The first one's stacks for #DF, NMI and #MC are in the image
// until cpu_start_stacks().
void cpu_load_descriptors(struct cpu *cpu);

// The system-call entry. The IDT must be in place.
void cpu_start_calls(void);

// Stacks with guard pages for #DF, NMI and #MC: false when out of memory. For the first CPU once
// mm/ works, for a secondary one before it runs.
bool cpu_make_stacks(struct cpu *cpu);
