// SPDX-License-Identifier: MIT
//
// Ending the machine. In QEMU the value becomes the exit status (value << 1 | 1) by way of the
// isa-debug-exit device; elsewhere the machine is powered off, or stops.
#pragma once

enum machine_exit {
	MACHINE_EXIT_DONE = 0x10,  // QEMU exits with 33: process 1 has ended
	MACHINE_EXIT_PANIC = 0x23, // QEMU exits with 71
};

_Noreturn void machine_exit(enum machine_exit how);
