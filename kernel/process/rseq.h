// SPDX-License-Identifier: MIT
//
// Restartable sequences (rseq(2)): a few instructions of a program that must not be interrupted
// half-way. The program says where they are; when it is preempted or gets a signal inside of them
// it goes on at their abort handler.
#pragma once

#include "kernel/machine/registers.h"

// The task that runs is about to lose the CPU or to get a signal. It has registered an area.
void rseq_interrupted(struct registers *registers);
