// SPDX-License-Identifier: MIT
//
// Tests that run inside the kernel, for what needs the hardware: one boot each, chosen by the boot
// option test=NAME; test=all runs every one but the panics. Results are KTAP lines in the log.
//
// They run after mm/, clocks and scheduler have started, before any file or process exists, with
// interrupts off.
#pragma once

#include "kernel/machine/registers.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring0_test {
	const char *name;
	void (*run)(void);
	bool panics; // never returns: its report is what is tested (tests/scenario/panic.t)
};

#define RING0_ENTRY(function, does_panic)                                                        \
	static void function(void);                                                              \
	static const struct ring0_test function##_entry __attribute__((                          \
		section(".ring0_tests"), used, aligned(8))) = {#function, function, does_panic}; \
	static void function(void)
#define RING0_TEST(function)  RING0_ENTRY(function, false)
#define RING0_PANIC(function) RING0_ENTRY(function, true)

// A check that does not hold fails the test, which goes on.
#define CHECK(condition) ring0_check(condition, #condition, __FILE__, __LINE__)
bool ring0_check(bool holds, const char *condition, const char *file, int line);

// The rest of the test makes no sense on this processor.
void ring0_skip(const char *why);

// What a guarded call ended with.
struct ring0_fault {
	bool happened;
	unsigned vector;
	uint64_t error;    // its error code
	uintptr_t address; // of a page fault
	uintptr_t rip;
};

// Calls function(argument) and comes back even if it faults.
struct ring0_fault ring0_try(void (*function)(void *argument), void *argument);

// Lets ring 3 run from `rip` until it faults, with `rsp` as its stack; page faults that mm/ can
// resolve are.
struct ring0_fault ring0_try_user(uintptr_t rip, uintptr_t rsp);

// One page of ring 3's memory for the test, present, writable and executable, filled with
// `size` bytes of `contents`. The running task gets an address space for it on first use.
uintptr_t ring0_user_page(const void *contents, size_t size);
