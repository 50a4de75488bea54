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

#include <fcntl.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define PAGE    4096ul
#define SAMPLES 256

static uint64_t samples[SAMPLES];
static unsigned sample_count;
static uint64_t clock_cost; // of two readings one after the other
static const char *selection;
static const char *program = "/bin/nothing"; // what is executed: main() and nothing in it

static inline uint64_t now(void)
{
	uint64_t ticks;

	asm volatile("rdtsc\n\tshl $32, %%rdx\n\tor %%rdx, %%rax" : "=a"(ticks)::"rdx", "memory");
	return ticks;
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

static __attribute__((noreturn)) void fail(const char *what)
{
	dprintf(2, "bench: %s failed\n", what);
	_exit(1);
}

static void sample(uint64_t since, uint64_t until)
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

// Prints what was sampled, each divided by `units`, and starts anew.
static void report(const char *name, uint64_t units)
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

// Private anonymous memory, nothing in it yet.
static char *reserve(uint64_t pages)
{
	char *block = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (block == MAP_FAILED)
		fail("mmap");
	return block;
}

static char *reserve_touched(uint64_t pages)
{
	char *block = reserve(pages);

	for (uint64_t i = 0; i < pages; i++)
		write_to(block + i * PAGE);
	return block;
}

// One fault for each page of `block`, by writing or by reading.
static void fault_each(char *block, bool write)
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

static void measure_getppid(void)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t since = now();

		call(SYS_getppid, 0, 0, 0, 0);
		sample(since, now());
	}
	report("getppid", 1);
}

static void measure_demand_zero(void)
{
	char *block = reserve(SAMPLES);

	fault_each(block, true);
	report("demand-zero", 1);
	munmap(block, SAMPLES * PAGE);
}

static void measure_zero_frame(void)
{
	char *block = reserve(SAMPLES);

	fault_each(block, false);
	report("zero-frame", 1);
	fault_each(block, true);
	report("write-after-read", 1);
	munmap(block, SAMPLES * PAGE);
}

// A child that holds its parent's pages until the other end of the pipe is closed.
static long fork_holder(int ends[2])
{
	long child;
	char byte;

	if (pipe(ends))
		fail("pipe");
	child = call(SYS_fork, 0, 0, 0, 0);
	if (child < 0)
		fail("fork");
	if (!child) {
		call(SYS_close, ends[1], 0, 0, 0);
		call(SYS_read, ends[0], (long)&byte, 1, 0);
		call(SYS_exit_group, 0, 0, 0, 0);
	}
	call(SYS_close, ends[0], 0, 0, 0);
	return child;
}

static void release_holder(long child, int ends[2])
{
	call(SYS_close, ends[1], 0, 0, 0);
	call(SYS_wait4, child, 0, 0, 0);
}

// The child still has every page: the parent's write copies. Then the child ends while it
// shares every page again: the parent's write finds itself the last owner.
static void measure_copy_on_write(void)
{
	char *block = reserve_touched(SAMPLES);
	int ends[2];
	long child = fork_holder(ends);

	fault_each(block, true);
	release_holder(child, ends);
	report("copy-on-write", 1);
	child = fork_holder(ends);
	release_holder(child, ends);
	fault_each(block, true);
	report("last-owner", 1);
	munmap(block, SAMPLES * PAGE);
}

// Downwards from where the stack ends. The first pages only leave what exec made of it behind.
static void measure_stack_growth(void)
{
	char *page;

	asm volatile("mov %%rsp, %0" : "=r"(page));
	page = (char *)((uintptr_t)page & -PAGE);
	for (unsigned i = 0; i < 64; i++, page -= PAGE)
		write_to(page);
	for (unsigned i = 0; i < SAMPLES; i++, page -= PAGE) {
		uint64_t since = now();

		write_to(page);
		sample(since, now());
	}
	report("stack-growth", 1);
}

static void move_brk(long from, long step)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		long wanted = from + step * (i + 1);
		uint64_t since = now();
		long got = call(SYS_brk, wanted, 0, 0, 0);

		sample(since, now());
		if (got != wanted)
			fail("brk");
	}
}

static void measure_brk(void)
{
	long start = (call(SYS_brk, 0, 0, 0, 0) + PAGE) & -PAGE;

	call(SYS_brk, start, 0, 0, 0);
	move_brk(start, PAGE);
	report("brk-up", 1);
	move_brk(start + SAMPLES * PAGE, -PAGE);
	report("brk-down", 1);
}

static void fork_exit_wait(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		uint64_t since = now();
		long child = call(SYS_fork, 0, 0, 0, 0);

		if (!child)
			call(SYS_exit_group, 0, 0, 0, 0);
		if (call(SYS_wait4, child, 0, 0, 0) != child)
			fail("fork");
		sample(since, now());
	}
}

static void measure_fork(void)
{
	fork_exit_wait(32);
	report("fork-exit-wait", 1);
}

static void measure_fork_large(void)
{
	uint64_t pages = (64ul << 20) / PAGE;
	char *block = reserve_touched(pages);

	fork_exit_wait(8);
	report("fork-64MiB", 1);
	munmap(block, pages * PAGE);
}

static void measure_exec(void)
{
	char *arguments[] = {(char *)program, NULL}, *environment[] = {NULL};

	for (unsigned i = 0; i < 32; i++) {
		int status = -1;
		uint64_t since = now();
		long child = call(SYS_fork, 0, 0, 0, 0);

		if (!child) {
			call(SYS_execve, (long)program, (long)arguments, (long)environment, 0);
			call(SYS_exit_group, 127, 0, 0, 0);
		}
		call(SYS_wait4, child, (long)&status, 0, 0);
		sample(since, now());
		if (status)
			fail(program);
	}
	report("fork-exec-wait", 1);
}

static void measure_munmap(void)
{
	uint64_t pages = 1024;

	for (unsigned i = 0; i < 16; i++) {
		char *block = reserve_touched(pages);
		uint64_t since = now();

		call(SYS_munmap, (long)block, pages * PAGE, 0, 0);
		sample(since, now());
	}
	report("munmap-page", pages);
}

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

static void measure_process_bytes(void)
{
	struct timespec moment = {.tv_nsec = 200000000};
	long count = 256, made;
	uint64_t before;
	int ends[2];

	fork_exit_wait(8); // so that what the kernel sets up once is there
	sample_count = 0;
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
static void measure_vma_bytes(void)
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
static void measure_frame_bytes(void)
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
	{"brk", measure_brk},
	{"munmap", measure_munmap},
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
