// SPDX-License-Identifier: MIT
//
// What the memory operations cost, in guest instructions: under QEMU's icount one tick of the
// time-stamp counter is one instruction. The same binary runs on this kernel and on Linux (as
// the first program of both), so it keeps to raw system calls and to what both have.
//
// Each line of its output is
//
//	NAME MINIMUM MEDIAN MEAN
//
// over that operation's repetitions; the rdtsc pair around each of them is taken off. Figures
// in bytes come from the free memory before and after, as sysinfo(2) tells it. tools/bench makes
// the table of it. Arguments: `only=NAME,...` measures some of them; `restart` restarts the
// machine at the end, which is how a first program on Linux leaves QEMU.

#include "tests/bench/bench.h"
#include <linux/reboot.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *program = "/bin/nothing";
const char *data_file = "/data";

static uint64_t samples[SAMPLES];
static unsigned sample_count;
static uint64_t clock_cost; // of two readings one after the other
static const char *selection;

void fail(const char *what)
{
	dprintf(2, "bench: %s failed\n", what);
	_exit(1);
}

void sample(uint64_t since, uint64_t until)
{
	uint64_t taken = until - since;

	if (sample_count < SAMPLES)
		samples[sample_count++] = taken > clock_cost ? taken - clock_cost : 0;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void report(const char *name, uint64_t units)
{
	uint64_t sum = 0;

	if (!sample_count)
		fail(name);
	qsort(samples, sample_count, sizeof samples[0], by_size);
	for (unsigned i = 0; i < sample_count; i++)
		sum += samples[i];
	printf("%s %lu %lu %lu\n", name, samples[0] / units, samples[sample_count / 2] / units,
	       sum / sample_count / units);
	fflush(stdout);
	sample_count = 0;
}

void discard_samples(void)
{
	sample_count = 0;
}

static void calibrate(void)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();

		sample(since, now());
	}
	qsort(samples, sample_count, sizeof samples[0], by_size);
	clock_cost = samples[sample_count / 2];
	sample_count = 0;
}

char *reserve(uint64_t pages)
{
	char *block = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (block == MAP_FAILED)
		fail("mmap");
	return block;
}

char *reserve_touched(uint64_t pages)
{
	char *block = reserve(pages);

	for (uint64_t i = 0; i < pages; i++)
		write_to(block + i * PAGE);
	return block;
}

void fault_each(char *block, bool write)
{
	for (unsigned i = 0; i < SAMPLES; i++, block += PAGE) {
		uint64_t since = now();

		if (write)
			write_to(block);
		else
			read_from(block);
		sample(since, now());
	}
}

// The cost of fork depends on what the program has touched by then, so it comes first.
static const struct {
	const char *name;
	void (*measure)(void);
} operations[] = {
	{"fork", measure_fork},
	{"exec", measure_exec},
	{"process", measure_process_bytes},
	{"getppid", measure_getppid},
	{"demand-zero", measure_demand_zero},
	{"zero-frame", measure_zero_frame},
	{"copy-on-write", measure_copy_on_write},
	{"file-read", measure_file_read},
	{"file-write", measure_file_write},
	{"shared", measure_shared},
	{"brk", measure_brk},
	{"munmap", measure_munmap},
	{"mmap", measure_mmap},
	{"mappings", measure_mappings},
	{"mprotect", measure_mprotect},
	{"mremap", measure_mremap},
	{"madvise", measure_madvise},
	{"signal", measure_signal},
	{"thread", measure_thread},
	{"futex", measure_futex},
	{"pipe", measure_pipe},
	{"fork-large", measure_fork_large},
	{"vma", measure_vma_bytes},
	{"frame", measure_frame_bytes},
	{"stack", measure_stack_growth}, // last: it leaves a large stack behind
};

static bool selected(const char *name)
{
	size_t length = strlen(name);

	for (const char *at = selection; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, length) && (!at[length] || at[length] == ','))
			return true;
	}
	return !selection;
}

int main(int count, char **words)
{
	bool restart = false;

	for (int i = 1; i < count; i++) {
		if (!strncmp(words[i], "only=", 5))
			selection = words[i] + 5;
		else if (!strncmp(words[i], "program=", 8))
			program = words[i] + 8;
		else if (!strncmp(words[i], "data=", 5))
			data_file = words[i] + 5;
		else if (!strcmp(words[i], "restart"))
			restart = true;
	}
	calibrate();
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		if (selected(operations[i].name))
			operations[i].measure();
	puts("done");
	fflush(stdout);
	if (restart)
		call(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		     LINUX_REBOOT_CMD_RESTART, 0);
	return 0;
}
