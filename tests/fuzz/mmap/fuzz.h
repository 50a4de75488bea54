// SPDX-License-Identifier: MIT
//
// What the files of the mmap fuzzer share. It does operations of the mmap family at random in a
// window of addresses and writes a transcript: what each call gave, which mappings there are
// afterwards, and what the pages hold. Linux's transcript of the same seed is the right one.
//
// Step N of seed S is always the same operation with the same arguments, whatever was done before
// it: that is what lets a failing sequence be shrunk by leaving steps out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE       4096ul
#define MOST_PAGES 1024

// One range of pages, in or about the window.
struct range {
	char *start;
	size_t size;
};

// What may be done in a step. An operation that is to come more often has a larger weight.
struct operation {
	const char *name;
	void (*run)(void);
	unsigned weight;
};
extern const struct operation map_operations[], change_operations[], remap_operations[],
	advise_operations[], lock_operations[], access_operations[], process_operations[];

// ---- main.c ----
extern unsigned window_pages;   // 64, or 1024 with ranges in steps of 16: room for guard gaps
extern char *window;            // its first byte; a border of page tables is in the midst of it
extern int file, writable_file; // the program itself, for reading; one of 12 pages and a half
extern int unmappable[4];       // both ends of a pipe, a directory, a file of /proc
extern bool verbose;
unsigned chance(unsigned below); // 0 to below-1, by seed and step
uint64_t chance_bits(void);
void reseed(uint64_t seed, uint64_t step);
void random_step(unsigned long step); // one operation, recorded

// ---- record.c: the transcript ----
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_address(const char *name, const void *address); // as pages of the window
void say_result(long result);                            // -1 stands for errno; addresses as above
void say_flush(void);

// ---- range.c: choosing arguments ----
struct range random_range(void); // whole pages of the window
struct range wrong_range(void);  // unaligned, empty, too long, elsewhere: one of these or all
char *random_page(void);
int random_protection(void);
void say_range(const struct range *range);

// ---- look.c: what there is ----
enum kind { KIND_NONE, KIND_PRIVATE, KIND_SHARED, KIND_FILE };
struct page_info {
	enum kind kind;
	int protection;
};
extern struct page_info pages[MOST_PAGES]; // as of the last look_at_mappings()
uint64_t look_at_mappings(void);           // hash of the window's part of /proc/self/smaps
uint64_t look_at_contents(void);           // hash of what can be read
uint64_t mix(uint64_t hash, uint64_t value);

// ---- access.c ----
void catch_faults(void);
// Does `access` at `address`; 0, or signal << 8 | si_code. The address it was about in *fault.
int try_access(void (*access)(volatile char *), char *address, char **fault);
