// SPDX-License-Identifier: MIT
//
// x87, SSE and, where present, AVX state of ring 3. The kernel itself never uses these registers,
// so they change hands at a context switch and nowhere else, and always (lazy switching has leaked
// one program's registers to another on real processors).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes of one state, constant after start. Blocks must be aligned to 64.
extern size_t fpu_state_size;

// Measures it. After features_start().
void fpu_start(void);

// Makes a new block one that can be saved to, and that loading accepts: what saving leaves as it
// finds it becomes zeros.
void fpu_prepare(void *state);

void fpu_reset(void); // gives this CPU what a new program finds
void fpu_save(void *state);
void fpu_restore(const void *state);

// si_code for the floating-point exception that the running program has just met: of x87, or of
// SSE (SIMD).
int fpu_exception_code(bool simd);

// For signal frames: the components a state holds (bits of XCR0; x87 and SSE without XSAVE), and
// making a state that came from ring 3 one that fpu_restore() can not fault on.
uint64_t fpu_features(void);
void fpu_sanitize(void *state);
