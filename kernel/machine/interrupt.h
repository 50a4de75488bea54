// SPDX-License-Identifier: MIT
//
// Interrupt lines, after entry.asm and trap().
#pragma once

#include "kernel/machine/registers.h"

// Moves the old controllers' lines to VECTOR_IRQ and masks them all. Before interrupts go on.
void interrupt_start(void);

// Line 0-15; higher numbers are vectors that nothing here uses: counted and ignored.
void interrupt(struct registers *registers, unsigned line);
