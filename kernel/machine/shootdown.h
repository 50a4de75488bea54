// SPDX-License-Identifier: MIT
//
// TLB shootdown: making other CPUs forget translations, and knowing that they have. The protocol
// is checked by tests/model/shootdown.pml.
//
//   the CPU that changes entries             a CPU that runs the address space
//   ------------------------------------     ------------------------------------------------
//   changes the entries                      sets its bit in mm->cpus
//   full barrier                             full barrier
//   reads mm->cpus                           loads the root
//   puts a request into the mailbox of       ...
//   each CPU in it, and interrupts them      takes the request, by interrupt or while spinning
//   waits until all have acknowledged        flushes, acknowledges
//   frees the frames
//
// Whoever sets its bit after it was read loads the root later still, and sees the new entries.
// A CPU that waits for a lock, or for acknowledgements, may have its interrupts off: it looks into
// its mailbox meanwhile (spin_wait()), so that two CPUs never wait for each other. One that rests
// meanwhile is told by its cpu->sleep alone, and nobody waits for it, unless it could guess its
// way through a table that is freed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct mm;

// Runs on all CPUs but this one that may know translations of `mm` (NULL: all of them, for the
// kernel's half). On return none of them uses an old one in [start, end).
// `change`: as flush_local()'s. `strict`: none is excused because it rests.
void shootdown(struct mm *mm, uintptr_t start, uintptr_t end, uint64_t change, bool strict);

// Around a rest (spin_wait.h), in which this CPU uses no address of ring 3: others need not wait
// for it to forget those, as it does so when it rises.
void shootdown_lie_down(struct cpu *cpu);
void shootdown_rise(struct cpu *cpu);

// Answers what is in this CPU's mailbox. From its interrupt, and while it spins.
void shootdown_answer(void);
