// SPDX-License-Identifier: MIT
//
// The machine as the unit tests of mm/ have it: a block of ordinary memory for RAM, and for each
// CPU a TLB that forgets nothing until it is told to. Real processors evict entries now and then
// and so hide a missing flush; these never do. One thing runs at a time; a test moves it between
// CPUs.
#pragma once

#include "mm/machine.h"
#include "mm/mm.h"
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

// RAM of `frames` frames from physical address 0, all free but frame 0; then slabs and the frame
// of zeros as mm_start() makes them. Once in a program.
void fake_machine_start(uint64_t frames);

// The same without handing any frame to the allocator.
void fake_machine_reserve(uint64_t frames);

// One access of a program in `mm` to a 64-bit word, faults and TLB included. Whether it went
// through; *why says how the last fault ended.
bool fake_store(struct mm *mm, uintptr_t address, uint64_t value, enum fault_result *why);
bool fake_load(struct mm *mm, uintptr_t address, uint64_t *value, enum fault_result *why);

// What a processor does of such a store by itself: whether there is a translation, which it then
// knows. Without a fault, so that it can come at any moment.
bool fake_touch(struct mm *mm, uintptr_t address);

// `mm` is gone: its translations are too, as when a CPU loads another root.
void fake_forget(struct mm *mm);

// Fails the test unless the audit holds.
void assert_audit(void);

// While `expecting`, panic() jumps to `panic_return` and leaves its message in `panic_message`.
extern bool expecting_panic;
extern jmp_buf panic_return;
extern char panic_message[256];

// Fails the test unless `statement` panics with a message that contains `text`.
#define assert_panics(statement, text)                             \
	do {                                                       \
		expecting_panic = true;                            \
		if (!setjmp(panic_return)) {                       \
			statement;                                 \
			fail_msg("no panic: %s", #statement);      \
		}                                                  \
		expecting_panic = false;                           \
		if (!strstr(panic_message, text))                  \
			fail_msg("panic said: %s", panic_message); \
	} while (0)

extern int fake_fail_nth;

// Makes the nth allocation from now on fail, as /proc/<pid>/fail-nth does; then stops that again:
// whether it has failed.
void fake_fail_start(int nth);
bool fake_fail_stop(void);

// The CPU that everything runs on: 0 unless a test plays several.
extern unsigned fake_cpu, fake_cpus;
extern uintptr_t fake_frame;          // rbp of the program that faults
extern uint64_t fake_time_step;       // by which machine_time() grows each time it is asked
extern void (*fake_waiting)(void);    // called by who waits for another CPU or the host
extern void (*fake_allocating)(void); // called before what fake_fail_start counts

// What the running task may do: bit n for CAP_* n. All, unless a test takes some away.
extern uint64_t fake_capabilities;

// Its limits: none but Linux's usual one on the stack.
extern struct memory_limits fake_limits;
void fake_no_limits(void);

// A small generator whose sequence the seed repeats: FAULTLINE_SEED in the environment, or 1.
uint64_t fake_seed(void); // prints the line that repeats it
uint64_t fake_random(uint64_t below);
