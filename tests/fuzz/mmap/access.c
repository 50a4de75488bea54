// SPDX-License-Identifier: MIT
//
// Operations of the mmap fuzzer: memory read, written and executed, by the program and by system
// calls. A fault that is not allowed comes back with its signal, code and address.

#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

static sigjmp_buf back;
static volatile sig_atomic_t expecting;
static siginfo_t caught;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (!expecting) {
		say("\nunexpected signal %d code %d", signal, info->si_code);
		say_flush();
		_exit(8);
	}
	caught = *info;
	siglongjmp(back, 1);
}

void catch_faults(void)
{
	static char stack[1 << 14];
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
}

int try_access(void (*access)(volatile char *), char *address, char **fault)
{
	int result = 0;

	expecting = true;
	if (sigsetjmp(back, 1)) {
		result = caught.si_signo << 8 | (caught.si_code & 255);
		*fault = caught.si_addr;
	} else {
		access(address);
	}
	expecting = false;
	return result;
}

static char value;

static void load(volatile char *address)
{
	value = *address;
}

static void store(volatile char *address)
{
	*address = value;
}

static void call(volatile char *address)
{
	((void (*)(void))address)();
}

static int try_and_say(void (*access)(volatile char *), char *address)
{
	char *fault = NULL;
	int result = try_access(access, address, &fault);

	if (result) {
		say(" signal %d code %d", result >> 8, result & 255);
		say_address("about", fault);
	}
	return result;
}

// A byte that is looked at elsewhere, too.
static char *random_byte(void)
{
	return random_page() + chance(5) * 1000;
}

static void do_load(void)
{
	char *address = random_byte();

	say_address("at", address);
	if (!try_and_say(load, address))
		say(" = %d", value);
}

static void do_store(void)
{
	char *address = random_byte();

	value = 1 + chance(127);
	say_address("at", address);
	say(" value=%d", value);
	try_and_say(store, address);
}

static void fill(void)
{
	struct range range = random_range();
	int result = 0;

	say_range(&range);
	for (size_t at = 0; at < range.size && !result; at += PAGE) {
		value = 1 + chance(127);
		result = try_and_say(store, range.start + at);
	}
}

// Below and above the window: a stack may grow there.
static void beside(void)
{
	bool below = chance(2);
	size_t distance = PAGE * (1 + chance(300));
	char *address = below ? window - distance : window + (window_pages - 1) * PAGE + distance;

	value = 1;
	say_address("at", address);
	try_and_say(chance(2) ? load : store, address);
}

// A `ret` is put there if need be; without that, nothing is called that is not one.
static void execute(void)
{
	char *address = random_page() + 8;
	bool readable;

	say_address("at", address);
	value = (char)0xc3;
	try_and_say(store, address);
	readable = !try_and_say(load, address);
	if (!readable || value == (char)0xc3)
		try_and_say(call, address);
}

// The address of a border: an access of eight bytes that reaches into the next page.
static void load_across(volatile char *address)
{
	value = (char)*(volatile uint64_t *)address;
}

static void store_across(volatile char *address)
{
	*(volatile uint64_t *)address = 0x0101010101010101ul * (uint64_t)value;
}

static void across(void)
{
	char *address = random_page() + PAGE - 4;

	say_address("at", address);
	value = 1 + chance(127);
	try_and_say(chance(2) ? load_across : store_across, address);
}

static void read_call(void)
{
	char *address = random_byte();
	int ends[2];

	say_address("at", address);
	if (pipe(ends) || write(ends[1], "x", 1) != 1)
		return;
	say_result(read(ends[0], address, 1));
	close(ends[0]);
	close(ends[1]);
}

static void write_call(void)
{
	char *address = random_byte();
	int ends[2];

	say_address("at", address);
	if (pipe(ends))
		return;
	say_result(write(ends[1], address, 1));
	close(ends[0]);
	close(ends[1]);
}

// A file's bytes into memory that may end in the midst of it.
static void read_many(void)
{
	struct range range = random_range();

	say_range(&range);
	say_result(pread(file, range.start, range.size, 64));
}

// Shorter or longer, with an end within a page: what is mapped beyond it is gone.
static void resize(void)
{
	off_t size = chance(4) ? (12 + chance(3)) * PAGE : chance(16) * 3000;

	say(" size=%ld", (long)size);
	say_result(ftruncate(writable_file, size));
}

static void write_file(void)
{
	char byte = 1 + chance(127);
	off_t at = chance(14) * PAGE + chance(5) * 1000;

	say(" file offset=%ld value=%d", (long)at, byte);
	say_result(pwrite(writable_file, &byte, 1, at));
}

static void read_file(void)
{
	char bytes[4] = {};
	off_t at = chance(14) * PAGE + chance(5) * 1000;

	say(" file offset=%ld", (long)at);
	say_result(pread(writable_file, bytes, 1, at));
	say(" %d", bytes[0]);
}

const struct operation access_operations[] = {
	{"load", do_load, 40},
	{"store", do_store, 90},
	{"fill", fill, 40},
	{"beside", beside, 10},
	{"execute", execute, 12},
	{"across", across, 12},
	{"read", read_call, 20},
	{"write", write_call, 12},
	{"pread", read_many, 6},
	{"ftruncate", resize, 10},
	{"pwrite", write_file, 20},
	{"pread-file", read_file, 12},
	{},
};
