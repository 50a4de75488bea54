// SPDX-License-Identifier: MIT
//
// Interrupts, after entry.asm and trap().
#pragma once

#include "kernel/machine/registers.h"

// Moves the old controllers' lines to VECTOR_IRQ and masks them all. Before interrupts go on.
void interrupt_start(void);

// Line 0-15; higher numbers are vectors that nothing here uses: counted and ignored.
void interrupt(struct registers *registers, unsigned line);

// A vector of enum apic_vector, and those between.
void apic_interrupt(struct registers *registers, unsigned vector);
