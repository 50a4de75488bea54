// SPDX-License-Identifier: MIT
//
// What the files of the benchmark share: reading the clock, raw system calls, samples. Each
// measure_*() repeats its operation, takes a sample of every repetition and reports them.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#define PAGE    4096ul
#define SAMPLES 256 // as many are kept until they are reported

extern const char *program;   // what is executed: main() and nothing in it
extern const char *data_file; // to be mapped: DATA_PAGES pages
#define DATA_PAGES 256

static inline uint64_t now(void)
{
	uint64_t ticks;

	asm volatile("rdtsc\n\tshl $32, %%rdx\n\tor %%rdx, %%rax" : "=a"(ticks)::"rdx", "memory");
	return ticks;
}

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long fourth asm("r10") = d;
	register long fifth asm("r8") = e;
	register long sixth asm("r9") = f;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
		     : "rcx", "r11", "memory");
	return result;
}

static inline long call(long number, long a, long b, long c, long d)
{
	register long fourth asm("r10") = d;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
		     : "rcx", "r11", "memory");
	return result;
}

static inline void write_to(char *page)
{
	asm volatile("movb $1, (%0)" ::"r"(page) : "memory");
}

static inline void read_from(const char *page)
{
	asm volatile("testb $1, (%0)" ::"r"(page) : "memory", "cc");
}

__attribute__((noreturn)) void fail(const char *what);

// Keeps what lies between two readings of the clock, less what two readings cost.
void sample(uint64_t since, uint64_t until);
// Prints what was sampled, each divided by `units`, and starts anew.
void report(const char *name, uint64_t units);
// Forgets what was sampled.
void discard_samples(void);

// Private anonymous memory, nothing in it yet.
char *reserve(uint64_t pages);
char *reserve_touched(uint64_t pages);
// One fault for each page of `block`, by writing or by reading; SAMPLES pages.
void fault_each(char *block, bool write);

void measure_getppid(void); // process.c
void measure_fork(void);
void measure_fork_large(void);
void measure_exec(void);
void measure_process_bytes(void); // bytes.c
void measure_vma_bytes(void);
void measure_frame_bytes(void);
void measure_demand_zero(void); // fault.c
void measure_zero_frame(void);
void measure_copy_on_write(void);
void measure_stack_growth(void);
void measure_file_read(void);
void measure_file_write(void);
void measure_shared(void);
void measure_signal(void);
void measure_brk(void); // mapping.c
void measure_mmap(void);
void measure_mappings(void);
void measure_mprotect(void);
void measure_mremap(void);
void measure_madvise(void);
void measure_munmap(void);
void measure_thread(void); // thread.c
void measure_futex(void);
void measure_pipe(void);

// Forks children one after the other that exit at once, each a sample.
void fork_exit_wait(unsigned times);
