// SPDX-License-Identifier: MIT
//
// Process-context identifiers (SDM vol. 3A, 4.10.1): the processor marks translations with the
// identifier that CR3 named when it made them, and uses only those of the present one. So those of
// an address space can stay while others run, and are there when it comes back.
//
// A CPU has a few identifiers, which go round among the address spaces that ran on it lately; 0 is
// the kernel's own. What changes while an address space is not loaded here costs no interrupt:
// mm->flushes counts the changes, and a CPU that comes back and finds the count another one than
// the one up to which it has forgotten, forgets everything. tests/model/shootdown.pml has the
// order in which all that happens, tests/unit/test_context.c a processor that remembers.
//
// None of this is called where features.pcid is false.
#pragma once

#include <stdint.h>

struct mm;

#define CONTEXTS 6

// What a CPU keeps. Its own, used with interrupts off.
struct contexts {
	struct context {
		uint64_t space;   // whose translations: mm->context; 0: nobody's
		uint64_t flushes; // the changes up to this one are forgotten, or came before
	} kept[CONTEXTS];         // under the identifiers from 1 on
	uint8_t loaded;           // the identifier; 0: the kernel's
	uint8_t next;             // to be taken from its address space next
};

// What to load into CR3 for `mm` (NULL: the kernel's own table), at once and with interrupts off:
// a request that came in between would be answered without forgetting anything, as if the root
// brought the change along. The CPU's bit in mm->cpus is set already.
uint64_t context_root(struct contexts *mine, struct mm *mm);

// Counts a change of translations of `mm`: after the entries were changed, before mm->cpus is
// read. The change's number, not 0.
uint64_t context_change(struct mm *mm);

// This CPU has forgotten what change number `change` of the address space it has loaded was about.
void context_forgot(struct contexts *mine, uint64_t change);
