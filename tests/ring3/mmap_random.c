// SPDX-License-Identifier: MIT
//
// The mmap family at random, in one window of addresses: every result, every error and a hash of
// all contents go into the transcript, and Linux's transcript of the same seed is the right one.
// Addresses are given as page numbers of the window. Usage: mmap_random [SEED [STEPS]].

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define WINDOW ((char *)0x200000000)
#define PAGES  64
#define RW     (PROT_READ | PROT_WRITE)

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static uint64_t seed_state;
static int probe[2]; // a pipe: reading and writing through it tells what may be accessed
static int file;
static uint64_t transcript = 14695981039346656037ul;
static bool verbose;

static unsigned chance(unsigned below)
{
	seed_state = seed_state * 6364136223846793005ul + 1442695040888963407ul;
	return (seed_state >> 33) % below;
}

static void hash(uint64_t value)
{
	transcript = (transcript ^ value) * 1099511628211ul;
}

// An address of the window as its offset, everything else as it is.
static void record(const char *what, long result)
{
	long value = result == -1 ? -errno : result;

	if ((char *)value >= WINDOW && (char *)value <= WINDOW + PAGES * PAGE)
		value -= (long)WINDOW;
	hash(value);
	if (verbose)
		printf("# %s: %ld\n", what, value);
}

// A range of the window; now and then unaligned, empty, or reaching out of the address space.
struct range {
	char *start;
	size_t size;
};

static struct range random_range(void)
{
	unsigned first = chance(PAGES), count = 1 + chance(PAGES - first);
	struct range range = {WINDOW + first * PAGE, count * PAGE};

	if (count > 8 && chance(2))
		range.size = (1 + chance(8)) * PAGE;
	if (chance(24) == 0)
		range.size -= chance(PAGE);
	if (chance(40) == 0)
		range.start += 1 + chance(PAGE - 1);
	if (chance(60) == 0)
		range.size = 0;
	if (chance(80) == 0)
		range.size = -PAGE - chance(2);
	return range;
}

static int random_prot(void)
{
	return chance(3) ? RW : (int)chance(8);
}

static void map(int flags, int descriptor)
{
	struct range range = random_range();

	record("mmap", (long)mmap(range.start, range.size, random_prot(), flags, descriptor,
				  descriptor < 0 ? 0 : chance(3) * PAGE));
}

static void op_map_private(void)
{
	map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
}

static void op_map_shared(void)
{
	map(MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1);
}

static void op_map_file(void)
{
	map(MAP_PRIVATE | MAP_FIXED, file);
}

static void op_map_keep(void)
{
	map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
}

static void op_map_populated(void)
{
	map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1);
}

static void op_map_wrong(void)
{
	static const int flags[] = {0, MAP_FIXED, MAP_ANONYMOUS, MAP_SHARED | MAP_PRIVATE,
				    MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN};

	map(flags[chance(5)], -1);
}

static void op_unmap(void)
{
	struct range range = random_range();

	record("munmap", munmap(range.start, range.size));
}

static void op_protect(void)
{
	struct range range = random_range();
	int prot = chance(30) ? random_prot() : 0x100 | RW;

	record("mprotect", mprotect(range.start, range.size, prot));
}

static void remap(struct range from, size_t size, int flags, char *to)
{
	if (verbose)
		printf("# mremap(%ld, %#lx, %#lx, %d, %ld)\n", (long)(from.start - WINDOW),
		       from.size, size, flags, to ? (long)(to - WINDOW) : 0);
	record("mremap", syscall(SYS_mremap, from.start, from.size, size, flags, to));
}

// Kernels differ in which neighbours are one mapping, and more than one mremap refuses to enlarge:
// either the old size or the new one is a page.
static void random_sizes(struct range *from, struct range *to)
{
	*from = random_range();
	*to = random_range();
	if (chance(2))
		from->size = PAGE;
	else
		to->size = PAGE;
}

static void op_remap_in_place(void)
{
	struct range from, to;

	random_sizes(&from, &to);
	remap(from, to.size, 0, NULL);
}

static void op_remap_to(void)
{
	struct range from, to;

	random_sizes(&from, &to);
	if (to.start + to.size <= WINDOW + PAGES * PAGE)
		remap(from, to.size, MREMAP_MAYMOVE | MREMAP_FIXED, to.start);
}

static void op_remap_keeping(void)
{
	struct range from = random_range(), to = random_range();

	from.size = PAGE;
	if (to.start + PAGE <= WINDOW + PAGES * PAGE)
		remap(from, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to.start);
}

static void op_remap_wrong(void)
{
	remap(random_range(), random_range().size, chance(16) & ~MREMAP_MAYMOVE, WINDOW);
}

static void advise(int advice)
{
	struct range range = random_range();

	if (verbose)
		printf("# madvise(%ld, %#lx, %d)\n", (long)(range.start - WINDOW), range.size,
		       advice);
	record("madvise", madvise(range.start, range.size, advice));
}

static void op_dont_need(void)
{
	advise(MADV_DONTNEED);
}

static void op_fork_advice(void)
{
	static const int advices[] = {MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK,
				      MADV_KEEPONFORK};

	advise(advices[chance(4)]);
}

static void op_other_advice(void)
{
	static const int advices[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
				      77};

	advise(advices[chance(5)]);
}

static void op_sync(void)
{
	struct range range = random_range();

	record("msync", msync(range.start, range.size, chance(9)));
}

static void op_lock(void)
{
	struct range range = random_range();

	// Which error comes first for an absurd size depends on RLIMIT_MEMLOCK, so on who asks.
	if (range.size > PAGES * PAGE)
		return;
	record("mlock",
	       chance(2) ? mlock(range.start, range.size) : munlock(range.start, range.size));
}

// Which error mincore gives; what is resident is each kernel's own affair.
static void op_core(void)
{
	static unsigned char vector[PAGES + 1];
	struct range range = random_range();

	record("mincore", mincore(range.start, range.size, vector));
}

static void op_store(void)
{
	char byte = 1 + chance(255);
	char *to = WINDOW + chance(PAGES) * PAGE + chance(4) * 1000;

	if (write(probe[1], &byte, 1) != 1)
		_exit(3);
	record("store", read(probe[0], to, 1));
	if (errno == EFAULT) { // the byte is still there, or was lost: empty it either way
		fcntl(probe[0], F_SETFL, O_NONBLOCK);
		if (read(probe[0], &byte, 1) < 0)
			errno = 0;
		fcntl(probe[0], F_SETFL, 0);
	}
	errno = 0;
}

// The first word and one byte further on of every page that can be read.
static void look(void)
{
	for (unsigned page = 0; page < PAGES; page++) {
		char bytes[4] = {0};
		char *from = WINDOW + page * PAGE;
		bool readable = write(probe[1], from, 1) == 1;

		hash(readable);
		if (!readable)
			continue;
		if (write(probe[1], from + 1000, 1) != 1 || write(probe[1], from + 2000, 1) != 1 ||
		    write(probe[1], from + 3000, 1) != 1 || read(probe[0], bytes, 4) != 4) {
			// A page of a file's mapping may end in the midst of nothing.
			hash(2);
			if (read(probe[0], bytes, 1) < 0)
				hash(3);
			continue;
		}
		hash(*(uint32_t *)bytes);
	}
}

static void op_fork(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		look();
		for (int i = 0; i < 6; i++)
			op_store();
		look();
		_exit(transcript & 127);
	}
	waitpid(child, &status, 0);
	record("child", WEXITSTATUS(status));
}

static void op_brk(void)
{
	static long base;
	long to;

	if (!base)
		base = syscall(SYS_brk, 0);
	to = base + chance(40) * 1000;
	hash(syscall(SYS_brk, to) - base);
}

int main(int argc, char **argv)
{
	static void (*const operations[])(void) = {
		op_map_private,   op_map_private,   op_map_shared,     op_map_file,
		op_map_keep,      op_map_populated, op_map_wrong,      op_unmap,
		op_protect,       op_protect,       op_remap_in_place, op_remap_to,
		op_remap_keeping, op_remap_wrong,   op_dont_need,      op_fork_advice,
		op_other_advice,  op_sync,          op_lock,           op_core,
		op_store,         op_store,         op_store,          op_store,
		op_fork,          op_brk,           op_store,          op_remap_to,
	};
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	unsigned long steps = argc > 2 ? strtoul(argv[2], NULL, 0) : 3000;

	seed_state = seed;
	verbose = argc > 3;
	file = open("/proc/self/exe", O_RDONLY);
	printf("# repeat with: mmap_random %lu %lu\n", seed, steps);
	fflush(stdout);
	if (file < 0 || pipe(probe))
		return 1;
	for (unsigned long step = 0; step < steps; step++) {
		operations[chance(sizeof(operations) / sizeof(operations[0]))]();
		if (step % 16 == 0)
			look();
		if (step % 250 == 0 || verbose) {
			printf("# step %lu: %016lx\n", step, transcript);
			fflush(stdout);
		}
	}
	check(true, "the transcript is complete");
	return tap_end();
}
