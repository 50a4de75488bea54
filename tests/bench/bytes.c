// SPDX-License-Identifier: MIT
//
// What the kernel itself needs in bytes, from the free memory before and after.

#include "tests/bench/bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

static uint64_t free_memory(void)
{
	struct sysinfo info;

	if (call(SYS_sysinfo, (long)&info, 0, 0, 0))
		fail("sysinfo");
	return info.freeram * info.mem_unit;
}

// What `before` bytes free have shrunk by, for each of `count` things.
static void report_bytes(const char *name, uint64_t before, uint64_t count)
{
	uint64_t after = free_memory();
	uint64_t each = before > after ? (before - after + count / 2) / count : 0;

	printf("%s %lu %lu %lu\n", name, each, each, each);
	fflush(stdout);
}

// Forks `count` children that wait for the pipe's end. From the first fork to the last neither
// side touches memory: all is in registers, so no page of ring 3 is copied or made, and what
// free memory loses is the kernel's own. Returns how many there are.
static __attribute__((noinline)) long fork_idle(long count, long end_read, long end_write)
{
	long made = 0;

	asm volatile("1:	mov %[fork], %%eax\n"
		     "	syscall\n"
		     "	test %%rax, %%rax\n"
		     "	js 3f\n"
		     "	jz 2f\n"
		     "	inc %[made]\n"
		     "	cmp %[count], %[made]\n"
		     "	jb 1b\n"
		     "	jmp 3f\n"
		     "2:	mov %[end_write], %%rdi\n"
		     "	mov %[close], %%eax\n"
		     "	syscall\n"
		     "	mov %[end_read], %%rdi\n"
		     "	mov %%rsp, %%rsi\n"
		     "	mov $1, %%edx\n"
		     "	mov %[read], %%eax\n"
		     "	syscall\n"
		     "	xor %%edi, %%edi\n"
		     "	mov %[exit], %%eax\n"
		     "	syscall\n"
		     "3:"
		     : [made] "+r"(made)
		     : [count] "r"(count), [end_read] "r"(end_read), [end_write] "r"(end_write),
		       [fork] "i"(SYS_fork), [close] "i"(SYS_close), [read] "i"(SYS_read),
		       [exit] "i"(SYS_exit_group)
		     : "rax", "rcx", "r11", "rdi", "rsi", "rdx", "memory", "cc");
	return made;
}

void measure_process_bytes(void)
{
	struct timespec moment = {.tv_nsec = 200000000};
	long count = 256, made;
	uint64_t before;
	int ends[2];

	fork_exit_wait(8); // so that what the kernel sets up once is there
	discard_samples();
	if (pipe(ends))
		fail("pipe");
	before = free_memory();
	made = fork_idle(count, ends[0], ends[1]);
	call(SYS_nanosleep, (long)&moment, 0, 0, 0); // every child reaches its read
	if (made == count)
		report_bytes("process-bytes", before, count);
	close(ends[0]);
	close(ends[1]);
	for (long i = 0; i < made; i++)
		call(SYS_wait4, -1, 0, 0, 0);
	if (made != count)
		fail("fork");
}

// Neighbours of different protection cannot be merged; none of them is touched.
void measure_vma_bytes(void)
{
	uint64_t count = 16384, before;
	char *block =
		mmap(NULL, (count + 1) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		fail("mmap");
	before = free_memory();
	for (uint64_t i = 1; i < count; i += 2)
		if (call(SYS_mprotect, (long)(block + i * PAGE), PAGE, PROT_READ, 0))
			fail("mprotect");
	report_bytes("vma-bytes", before, count);
	munmap(block, (count + 1) * PAGE);
}

// The kernel's own account of its frames; on Linux there is none, and no line is printed.
void measure_frame_bytes(void)
{
	static char text[4096];
	unsigned long table = 0, total = 0, count;
	int file = open("/sys/kernel/debug/faultline/frames", O_RDONLY);
	char kind[32];
	int length;

	if (file < 0)
		return;
	length = read(file, text, sizeof text - 1);
	close(file);
	if (length <= 0)
		return;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%31s %lu", kind, &count) != 2)
			continue;
		if (!strcmp(kind, "total"))
			total = count;
		if (!strcmp(kind, "frame-table"))
			table = count;
	}
	if (total)
		printf("frame-bytes %lu %lu %lu\n", table * PAGE / total, table * PAGE / total,
		       table * PAGE / total);
}
