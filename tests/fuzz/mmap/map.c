// SPDX-License-Identifier: MIT
//
// Operations of the mmap fuzzer: mmap, munmap, mprotect, brk.

#define _GNU_SOURCE
#include <errno.h>
#include <linux/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED  (MAP_SHARED | MAP_ANONYMOUS)

static long call_mmap(struct range range, int protection, int flags, int descriptor, long offset)
{
	say_range(&range);
	say(" prot=%d flags=%#x", protection, flags);
	if (descriptor >= 0)
		say(" file offset=%ld", offset / (long)PAGE);
	return syscall(SYS_mmap, range.start, range.size, protection, flags, descriptor, offset);
}

static void map(int flags, int descriptor)
{
	long offset = descriptor < 0 ? 0 : chance(14) * PAGE;
	int protection = random_protection();

	say_result(call_mmap(random_range(), protection, flags, descriptor, offset));
}

static void fixed_private(void)
{
	map(PRIVATE | MAP_FIXED, -1);
}

static void fixed_shared(void)
{
	map(SHARED | MAP_FIXED, -1);
}

static void file_private(void)
{
	map(MAP_PRIVATE | MAP_FIXED, chance(2) ? file : writable_file);
}

// Not to be written: the program's file is open for reading only.
static void file_shared(void)
{
	map((chance(2) ? MAP_SHARED : MAP_SHARED_VALIDATE) | MAP_FIXED, file);
}

static void writable_shared(void)
{
	map(MAP_SHARED | MAP_FIXED, writable_file);
}

static void no_replace(void)
{
	map((chance(3) ? PRIVATE : SHARED) | MAP_FIXED_NOREPLACE, -1);
}

static void grows_down(void)
{
	map(PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1);
}

static void no_reserve(void)
{
	map((chance(3) ? PRIVATE : SHARED) | MAP_FIXED | MAP_NORESERVE, -1);
}

static void populated(void)
{
	map((chance(2) ? PRIVATE : SHARED) | MAP_FIXED | MAP_POPULATE |
		    (chance(4) ? 0 : MAP_NONBLOCK),
	    -1);
}

static void populated_file(void)
{
	map(MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, chance(2) ? file : writable_file);
}

static void locked(void)
{
	map((chance(2) ? PRIVATE : SHARED) | MAP_FIXED | MAP_LOCKED, -1);
}

static void no_access(void)
{
	say_result(call_mmap(random_range(), PROT_NONE, PRIVATE | MAP_FIXED, -1, 0));
}

static void stack_flags(void)
{
	map(PRIVATE | MAP_FIXED | MAP_STACK | (chance(2) ? MAP_GROWSDOWN : 0), -1);
}

// Taken when nothing is in the way. Elsewhere is the kernel's choice; that is let go again.
static void hinted(void)
{
	struct range range = random_range();
	long result;

	if (chance(4) == 0)
		range.start += chance(PAGE);
	result = call_mmap(range, random_protection(), chance(3) ? PRIVATE : SHARED, -1, 0);
	say_result(result);
	if (result > 0 &&
	    ((char *)result < window || (char *)result >= window + window_pages * PAGE))
		syscall(SYS_munmap, result, range.size);
}

static const int wrong_flags[] = {
	0,
	MAP_FIXED,
	MAP_ANONYMOUS,
	MAP_ANONYMOUS | MAP_FIXED,
	MAP_SHARED_VALIDATE | MAP_ANONYMOUS | MAP_FIXED,
	MAP_SHARED_VALIDATE | 0x8000000,
	SHARED | MAP_GROWSDOWN,
	MAP_PRIVATE | MAP_GROWSDOWN | MAP_FIXED,
	MAP_SHARED | MAP_GROWSDOWN | MAP_FIXED,
	MAP_SHARED | MAP_FIXED,
	MAP_PRIVATE | MAP_FIXED,
	0xf,
	4 | MAP_FIXED,
	4 | MAP_FIXED | MAP_ANONYMOUS,
	0x8000000 | PRIVATE | MAP_FIXED,
	MAP_SHARED | MAP_PRIVATE | 0x200000,
	MAP_SHARED_VALIDATE | MAP_FIXED_NOREPLACE,
};

// Whatever is wrong with it, with and without a file.
static void wrong_map(void)
{
	static const long offsets[] = {0, PAGE, 100, -4096l, 1l << 62};
	struct range range = chance(2) ? random_range() : wrong_range();
	int flags = chance(2) ? wrong_flags[chance(sizeof(wrong_flags) / sizeof(int))]
			      : (int)(chance(2) ? PRIVATE : MAP_PRIVATE) | MAP_FIXED;
	int descriptors[] = {-1, file, writable_file, 999, unmappable[chance(4)]};
	int descriptor = descriptors[chance(5)];
	long offset = offsets[chance(5)], result;

	result = call_mmap(range, random_protection(), flags, descriptor, offset);
	say_result(result);
	if (result > 0 &&
	    ((char *)result < window || (char *)result >= window + window_pages * PAGE))
		syscall(SYS_munmap, result, range.size);
}

static void unmap(void)
{
	struct range range = random_range();

	say_range(&range);
	say_result(syscall(SYS_munmap, range.start, range.size));
}

static void wrong_unmap(void)
{
	struct range range = wrong_range();

	say_range(&range);
	say_result(syscall(SYS_munmap, range.start, range.size));
}

static void protect_range(struct range range, int protection)
{
	say_range(&range);
	say(" prot=%#x", protection);
	say_result(syscall(SYS_mprotect, range.start, range.size, protection));
}

static void protect(void)
{
	protect_range(random_range(), random_protection());
}

static void wrong_protect(void)
{
	static const int protections[] = {
		PROT_READ,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_SEM,
		PROT_READ | PROT_GROWSDOWN,
		PROT_READ | PROT_WRITE | PROT_GROWSDOWN,
		PROT_READ | PROT_GROWSUP,
		PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN,
		0x10,
		0x100 | PROT_READ,
		-1,
	};

	protect_range(chance(2) ? random_range() : wrong_range(), protections[chance(10)]);
}

// pkey_mprotect without a key is mprotect.
static void protect_without_key(void)
{
	struct range range = random_range();
	int protection = random_protection();

	say_range(&range);
	say(" prot=%d", protection);
	say_result(syscall(SYS_pkey_mprotect, range.start, range.size, protection, -1));
}

// The heap beside the window. Its first break is not aligned, and not the same everywhere.
static void heap(void)
{
	static long base;
	long to, result;

	if (!base)
		base = (syscall(SYS_brk, 0) + 8191) & -8192;
	to = chance(8) ? base + chance(40) * 1000 : base + (1l << (40 + chance(24)));
	result = syscall(SYS_brk, to);
	say(" %ld = %ld", to - base, result == to ? 0l : 1l);
	if (to - base < 1 << 20 && result == to && to > base + 8) {
		char *last = (char *)to - 1;

		say(" was %d", *last);
		*last = 1 + chance(100);
	}
}

const struct operation map_operations[] = {
	{"map-private", fixed_private, 60},
	{"map-shared", fixed_shared, 30},
	{"map-file-private", file_private, 25},
	{"map-file-shared", file_shared, 10},
	{"map-file-writable", writable_shared, 20},
	{"map-noreplace", no_replace, 15},
	{"map-growsdown", grows_down, 12},
	{"map-noreserve", no_reserve, 8},
	{"map-populate", populated, 12},
	{"map-populate-file", populated_file, 6},
	{"map-locked", locked, 6},
	{"map-none", no_access, 12},
	{"map-stack", stack_flags, 5},
	{"map-hint", hinted, 20},
	{"map-wrong", wrong_map, 30},
	{},
};

const struct operation change_operations[] = {
	{"munmap", unmap, 50},
	{"munmap-wrong", wrong_unmap, 12},
	{"mprotect", protect, 70},
	{"mprotect-wrong", wrong_protect, 20},
	{"pkey-mprotect", protect_without_key, 5},
	{"brk", heap, 15},
	{},
};
