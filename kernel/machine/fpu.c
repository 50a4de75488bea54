// SPDX-License-Identifier: MIT
//
// FPU state by XSAVE where the processor has it, else by FXSAVE. Plain XSAVE, not XSAVEOPT: that
// one trusts that the block it writes is the one it was loaded from, and blocks are freed and
// reused for other tasks.
#include "kernel/machine/fpu.h"
#include "kernel/machine/features.h"
#include "kernel/machine/instructions.h"
#include "lib/string.h"
#include <linux/signal.h>

#define FXSAVE_SIZE 512

// The values of a fresh processor (SDM vol. 3A, 10.1.1): all exceptions masked.
#define FCW_OFFSET   0
#define FCW_INIT     0x037f
#define MXCSR_OFFSET 24
#define MXCSR_INIT   0x1f80

#define MXCSR_MASK_OFFSET  28
#define MXCSR_DEFAULT_MASK 0xffbf // where the processor gives 0 (SDM vol. 1, 11.6.6)

// After the 512 bytes of FXSAVE: XSTATE_BV and fields that must be 0 (SDM vol. 1, 13.4.2).
#define XSAVE_HEADER_SIZE 64
#define FXSAVE_USED       416 // bytes that are written: behind XMM15
#define AVX_END           (FXSAVE_SIZE + XSAVE_HEADER_SIZE + 256)
#define STATE_X87_SSE     0x3ul

size_t fpu_state_size = FXSAVE_SIZE;

// Of a fresh processor. XRSTOR takes what the header does not name from nowhere, so the rest of
// the state needs no room here.
static char initial[FXSAVE_SIZE + XSAVE_HEADER_SIZE] __attribute__((aligned(64)));

static uint32_t mxcsr_mask = MXCSR_DEFAULT_MASK;

void fpu_start(void)
{
	char legacy[FXSAVE_SIZE] __attribute__((aligned(16)));
	uint16_t fcw = FCW_INIT;
	uint32_t mask, mxcsr = MXCSR_INIT;

	memcpy(initial + FCW_OFFSET, &fcw, sizeof(fcw));
	memcpy(initial + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
	if (features.xsave)
		fpu_state_size = cpuid(13, 0).ebx; // for what XCR0 enables
	__asm__ volatile("fninit; fxsave64 %0" : "=m"(legacy));
	memcpy(&mask, legacy + MXCSR_MASK_OFFSET, sizeof(mask));
	if (mask)
		mxcsr_mask = mask;
}

uint64_t fpu_features(void)
{
	return features.xsave ? features.xcr0 : STATE_X87_SSE;
}

void fpu_sanitize(void *state)
{
	char *legacy = state, *header = legacy + FXSAVE_SIZE;
	uint64_t components;
	uint32_t mxcsr;

	memcpy(&mxcsr, legacy + MXCSR_OFFSET, sizeof(mxcsr));
	mxcsr &= mxcsr_mask;
	memcpy(legacy + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
	if (!features.xsave)
		return;
	memcpy(&components, header, sizeof(components));
	components &= features.xcr0;
	memset(header, 0, XSAVE_HEADER_SIZE);
	memcpy(header, &components, sizeof(components));
}

// Reserved bytes of the legacy part and most of the header are not written, nor what lies between
// the components after AVX. XRSTOR wants zeros in the header, and signal frames show all of it.
// MXCSR is loaded whatever the header says (SDM vol. 1, 13.8.1), and reserved bits in it fault:
// the first process's task is switched to before anything was saved for it.
void fpu_prepare(void *state)
{
	char *block = state;

	memcpy(block + FCW_OFFSET, initial + FCW_OFFSET, sizeof(uint16_t));
	memcpy(block + MXCSR_OFFSET, initial + MXCSR_OFFSET, sizeof(uint32_t));
	memset(block + FXSAVE_USED, 0, FXSAVE_SIZE - FXSAVE_USED);
	if (features.xsave)
		memset(block + FXSAVE_SIZE, 0, XSAVE_HEADER_SIZE);
	if (fpu_state_size > AVX_END)
		memset(block + AVX_END, 0, fpu_state_size - AVX_END);
}

void fpu_save(void *state)
{
	uint32_t low = features.xcr0, high = features.xcr0 >> 32;

	if (features.xsave)
		__asm__ volatile("xsave64 (%0)" : : "r"(state), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(state) : "memory");
}

void fpu_restore(const void *state)
{
	uint32_t low = features.xcr0, high = features.xcr0 >> 32;

	if (features.xsave)
		__asm__ volatile("xrstor64 (%0)" : : "r"(state), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(state) : "memory");
}

void fpu_reset(void)
{
	fpu_restore(initial);
}

// Exception flags, the same for x87 and SSE (SDM vol. 1, 8.1.3.3 and 10.2.3).
#define FLAG_INVALID     0x01
#define FLAG_DENORMAL    0x02
#define FLAG_DIVIDE      0x04
#define FLAG_OVERFLOW    0x08
#define FLAG_UNDERFLOW   0x10
#define FLAG_PRECISION   0x20
#define MXCSR_MASK_SHIFT 7

static uint32_t raised_flags(bool simd)
{
	uint16_t control, status;
	uint32_t mxcsr;

	if (simd) {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		return mxcsr & ~(mxcsr >> MXCSR_MASK_SHIFT);
	}
	__asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(control), "=m"(status));
	return status & ~(uint32_t)control;
}

int fpu_exception_code(bool simd)
{
	uint32_t raised = raised_flags(simd);

	if (raised & FLAG_INVALID)
		return FPE_FLTINV;
	if (raised & FLAG_DIVIDE)
		return FPE_FLTDIV;
	if (raised & FLAG_OVERFLOW)
		return FPE_FLTOVF;
	if (raised & (FLAG_UNDERFLOW | FLAG_DENORMAL))
		return FPE_FLTUND;
	return raised & FLAG_PRECISION ? FPE_FLTRES : FPE_FLTINV;
}
