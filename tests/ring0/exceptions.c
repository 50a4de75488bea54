// SPDX-License-Identifier: MIT
//
// Exceptions arrive as what they are, and the machine's state survives them.
#include "kernel/driver/log.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/trap.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "tests/ring0/ring0.h"

static void divide_by_zero(void *zero)
{
	__asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; divl %0"
			 :
			 : "m"(*(uint32_t *)zero)
			 : "eax", "edx", "cc");
}

static void invalid_instruction(void *unused)
{
	(void)unused;
	__asm__ volatile("ud2");
}

static void breakpoint(void *unused)
{
	(void)unused;
	__asm__ volatile("int3");
}

static void read_word(void *address)
{
	__asm__ volatile("movq (%0), %%rax" : : "r"(address) : "rax", "memory");
}

static void load_bad_segment(void *unused)
{
	(void)unused;
	__asm__ volatile("movw %0, %%ds" : : "r"((uint16_t)0x50));
}

static void check_vector(void (*function)(void *), void *argument, unsigned vector)
{
	struct ring0_fault fault = ring0_try(function, argument);

	CHECK(fault.happened && fault.vector == vector);
}

RING0_TEST(exceptions_arrive_as_what_they_are)
{
	uint32_t zero = 0;

	check_vector(divide_by_zero, &zero, VECTOR_DIVIDE);
	check_vector(invalid_instruction, NULL, VECTOR_INVALID_OPCODE);
	check_vector(breakpoint, NULL, VECTOR_BREAKPOINT);
	check_vector(read_word, (void *)0x800000000000ul, VECTOR_PROTECTION);
	check_vector(load_bad_segment, NULL, VECTOR_PROTECTION);
}

RING0_TEST(error_codes_are_kept)
{
	struct ring0_fault fault = ring0_try(load_bad_segment, NULL);

	CHECK(fault.error == 0x50);
	fault = ring0_try(read_word, (void *)0x1238);
	CHECK(fault.vector == VECTOR_PAGE_FAULT && fault.address == 0x1238 && fault.error == 0);
}

// Every register that C may rely on comes back from an exception as it was.
static uint64_t register_sum_across_breakpoint(void)
{
	uint64_t sum;

	__asm__ volatile("movl $1, %%eax; movl $2, %%ebx; movl $3, %%ecx; movl $4, %%edx\n\t"
			 "movl $5, %%esi; movl $6, %%edi; movl $7, %%r8d; movl $8, %%r9d\n\t"
			 "movl $9, %%r10d; movl $10, %%r11d; movl $11, %%r12d\n\t"
			 "movl $12, %%r13d; movl $13, %%r14d; movl $14, %%r15d\n\t"
			 "int $0x81\n\t" // a vector that nothing uses
			 "addq %%rbx, %%rax; addq %%rcx, %%rax; addq %%rdx, %%rax\n\t"
			 "addq %%rsi, %%rax; addq %%rdi, %%rax; addq %%r8, %%rax\n\t"
			 "addq %%r9, %%rax; addq %%r10, %%rax; addq %%r11, %%rax\n\t"
			 "addq %%r12, %%rax; addq %%r13, %%rax; addq %%r14, %%rax\n\t"
			 "addq %%r15, %%rax"
			 : "=a"(sum)
			 :
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "cc", "memory");
	return sum;
}

RING0_TEST(registers_survive_an_interrupt)
{
	CHECK(register_sum_across_breakpoint() == 14 * 15 / 2);
}

RING0_TEST(fpu_state_is_saved_and_restored)
{
	char *block = kmalloc(fpu_state_size + 64);
	void *state = (void *)(((uintptr_t)block + 63) & ~63ul);
	uint64_t before = 0x0123456789abcdef, after = 0;

	if (!CHECK(block != NULL))
		return;
	fpu_prepare(state);
	__asm__ volatile("movq %0, %%xmm7" : : "r"(before));
	fpu_save(state);
	__asm__ volatile("pxor %xmm7, %xmm7");
	fpu_restore(state);
	__asm__ volatile("movq %%xmm7, %0" : "=r"(after));
	CHECK(after == before);
	// Whatever ring 3 puts into a state, loading it must not fault.
	memset(state, 0xff, fpu_state_size);
	fpu_sanitize(state);
	CHECK(!ring0_try((void (*)(void *))fpu_restore, state).happened);
	fpu_reset();
	__asm__ volatile("movq %%xmm7, %0" : "=r"(after));
	CHECK(after == 0);
	kfree(block);
}

RING0_TEST(segment_bases_are_kept)
{
	uint64_t fs, gs;

	segment_bases_load(0x123456789000, 0x6789abcde000);
	segment_bases_save(&fs, &gs);
	CHECK(fs == 0x123456789000 && gs == 0x6789abcde000);
	segment_bases_load(0, 0);
}

RING0_TEST(clock_goes_forward)
{
	uint64_t start = clock_monotonic(), last = start, now;

	for (unsigned i = 0; i < 1000; i++) {
		now = clock_monotonic();
		CHECK(now >= last);
		last = now;
	}
	// Two ticks of the timer, seen through interrupts and halts, take 10 to 30 ms.
	irq_wait();
	start = clock_monotonic();
	irq_wait();
	irq_wait();
	now = clock_monotonic();
	log_line("# two ticks took %lu us", (now - start) / 1000);
	CHECK(now - start > 1000000 && now - start < 1000000000);
	CHECK(clock_realtime() > 1577836800ul * 1000000000); // 2020
}
