// SPDX-License-Identifier: MIT
//
// N1.5: addresses and memory are two things. The same mapping is reserved, read, written and given
// back, with VSZ and RSS after each step.
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <stdio.h>
#include <sys/mman.h>

#define RESERVED (64ul << 20)
#define USED     (16ul << 20)

static struct figures figures;
static unsigned long anonymous; // frames that are some process's own memory

// One line of the plot; the figures stay for the checks.
static void line(const char *when)
{
	figures_read(0, &figures);
	anonymous = frames_of_kind("anonymous");
	show("%-16s VSZ %6lu KiB %s", when, kib(figures.size), bar(kib(figures.size), 2048));
	show("%-16s RSS %6lu KiB %s", "", kib(figures.resident), bar(kib(figures.resident), 2048));
}

static void read_pages(const char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += page_size())
		(void)*(const volatile char *)(memory + at);
}

static void write_pages(char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += page_size())
		*(volatile char *)(memory + at) = 1;
}

static void run(void)
{
	unsigned long pages = RESERVED / page_size(), used = USED / page_size();
	struct figures start, reserved, read;
	unsigned long anonymous_start;
	char *memory;

	line("at first");
	start = figures;
	anonymous_start = anonymous;
	memory = reserve(RESERVED);
	line("after mmap");
	reserved = figures;
	read_pages(memory, USED);
	line("a quarter read");
	read = figures;
	write_pages(memory, USED);
	line("and written");
	check(reserved.size - start.size == pages && reserved.resident == start.resident &&
		      reserved.minor == start.minor,
	      "mmap: VSZ %lu KiB more; RSS %lu KiB more; %lu faults",
	      kib(reserved.size - start.size), kib(reserved.resident - start.resident),
	      reserved.minor - start.minor);
	check(read.minor - reserved.minor == used && read.resident == reserved.resident,
	      "reading: %lu faults, all answered with the one frame of zeros; RSS %lu KiB more",
	      read.minor - reserved.minor, kib(read.resident - reserved.resident));
	check(figures.resident - read.resident == used && figures.minor - read.minor == used,
	      "writing: %lu faults; RSS %lu KiB more", figures.minor - read.minor,
	      kib(figures.resident - read.resident));
	check(anonymous - anonymous_start == used,
	      "the kernel's ledger of frames says the same: %lu more hold a process's memory",
	      anonymous - anonymous_start);
	munmap(memory, RESERVED);
	line("after munmap");
	check(figures.size == start.size && figures.resident == start.resident &&
		      anonymous == anonymous_start,
	      "all of it is back: VSZ, RSS and the ledger are where they were");
}

const struct station station_reserve = {
	.id = "N1.5",
	.title = "Reserving is not using",
	.claim = "allocating addresses and allocating memory are separate steps.",
	.look_for =
		"VSZ, the addresses in use, jumps at once; RSS, the memory in use, follows only "
		"what is written.",
	.run = run,
	.seen = "a process can hold far more addresses than memory; each page of memory came with "
		"a fault, and not before.",
	.code = "mm/mmap.c (addresses), mm/fault.c: demand_zero() (memory).",
};
