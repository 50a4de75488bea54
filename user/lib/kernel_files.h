// SPDX-License-Identifier: MIT
//
// The kernel's own files, under /sys/kernel/debug/faultline: what it counts and what it can be
// asked. They are this kernel's alone; on another every function here fails with ENOENT.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_FILES "/sys/kernel/debug/faultline/"

// Where the kernel has all of RAM mapped for itself, from physical address 0 on: mm/layout.h.
#define DIRECT_MAP 0xffff800000000000ul

// Times that page faults ended with this result (a name of lib/memory_words.h) since boot.
unsigned long counter(const char *name);

// Frames of RAM of this kind right now.
unsigned long frames_of_kind(const char *kind);

// Lines `name value` of one of those files, one call of `visit` each. Whether it could be read.
bool ledger_each(const char *file, void (*visit)(const char *name, unsigned long value));

// Makes the kernel recount everything, and gives its verdict: one line.
bool audit_line(char *line, size_t size);

// One address of the caller, through the page tables.
struct walk_level {
	char name[8];   // "PML4" to "PT"
	unsigned index; // in that table
	uint64_t entry; // what the table holds there
	char text[160]; // the kernel's line: every bit by its name
};

struct walk {
	unsigned levels; // how many tables the processor reads
	struct walk_level level[4];
	bool present;                    // there is a page at the end
	bool writable, user, executable; // that page, as its last entry says
	unsigned long frame;             // its number
	unsigned long references;        // how many hold that frame
	char kind[24];                   // what kind of owner it has
};
bool walk_address(const void *address, struct walk *walk);

// The last line of the kernel's log that holds `part`. False when there is none.
bool log_find(const char *part, char *line, size_t size);
