// SPDX-License-Identifier: MIT
//
// Waiting for other CPUs, whatever locks are held and whether interrupts are on or off:
// spin_wait() (lib/spinlock.h) and its counterpart.
//
// A CPU that has looked in vain for some microseconds rests: it halts. On hardware that is rare.
// Under an emulator, with more CPUs than the host has, the one that is waited for may be waiting
// itself, for the host to run it, until this one's time is over.
//
//   the CPU that waits                       the CPU that is waited for
//   ------------------------------------     ------------------------------------------------
//   says that it rests                       changes what is waited for
//   full barrier                             full barrier
//   looks once more                          wakes the other if it says so
//   halts unless woken since
//
// Who waits for a lock is woken by nobody, as that would cost every release: it rests for a moment
// only, and so does, to be safe, everybody else.
#pragma once

struct cpu;

// After a full barrier: `cpu` may be waiting for what has changed.
void spin_wake(struct cpu *cpu);
