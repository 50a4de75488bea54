// SPDX-License-Identifier: MIT
//
// Bringing a CPU from bare 64-bit mode to where C, exceptions and system calls work.
#pragma once

struct cpu;

extern struct cpu boot_cpu;

// Descriptor tables of the boot CPU, with stacks for #DF, NMI and #MC from the image.
void cpu_load_descriptors(void);

// Features and the system-call entry. The IDT must be in place.
void cpu_start_boot(void);

// Once mm/ works: stacks with guard pages for #DF, NMI and #MC. Panics without memory.
void cpu_start_stacks(void);
