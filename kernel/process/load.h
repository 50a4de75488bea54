// SPDX-License-Identifier: MIT
//
// Load averages: how many tasks run or want to, averaged over 1, 5 and 15 minutes with weights
// that fade exponentially; Linux's arithmetic, so that the same load gives the same figures.
#pragma once

#include <stdint.h>

#define LOAD_SHIFT 11 // they count in units of 2^-11

// Of the last 1, 5 and 15 minutes. Written by the first CPU's tick alone, each in one piece.
extern uint64_t load_averages[3];

// On each tick of the first CPU.
void load_tick(void);
