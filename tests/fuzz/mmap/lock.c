// SPDX-License-Identifier: MIT
//
// Operations of the mmap fuzzer: mlock and its relatives.

#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

static void lock(void)
{
	struct range range = random_range();

	say_range(&range);
	say_result(syscall(SYS_mlock, range.start, range.size));
}

static void lock_when_touched(void)
{
	struct range range = random_range();
	int flags = chance(4) ? 1 : chance(4);

	say_range(&range);
	say(" flags=%d", flags);
	say_result(syscall(SYS_mlock2, range.start, range.size, flags));
}

static void unlock(void)
{
	struct range range = random_range();

	say_range(&range);
	say_result(syscall(SYS_munlock, range.start, range.size));
}

static void wrong_lock(void)
{
	struct range range = wrong_range();
	long call = chance(2) ? SYS_mlock : SYS_munlock;

	say_range(&range);
	say(" call=%ld", call);
	say_result(syscall(call, range.start, range.size));
}

static void lock_all(void)
{
	int flags = chance(9);

	say(" flags=%d", flags);
	say_result(syscall(SYS_mlockall, flags));
}

static void unlock_all(void)
{
	say_result(syscall(SYS_munlockall));
}

const struct operation lock_operations[] = {
	{"mlock", lock, 15},
	{"mlock2", lock_when_touched, 10},
	{"munlock", unlock, 12},
	{"mlock-wrong", wrong_lock, 12},
	{"mlockall", lock_all, 4},
	{"munlockall", unlock_all, 5},
	{},
};
