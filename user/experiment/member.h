// SPDX-License-Identifier: MIT
//
// What `experiment` is when an experiment starts it once more, by execve: one of several processes
// that run the same program, each with one page of data at the same address, and one page more at
// an address where nobody else has any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MEMBER       "--member"
#define MEMBER_TEXT  64
#define MEMBER_ALONE (1ul << 44) // the address of the page that only members have

struct member {
	int pid;
	int ask, answer; // pipes, this process's ends
};

struct member_answer {
	uintptr_t address; // of the page
	uintptr_t code;    // of a function of the program
	char text[MEMBER_TEXT];
};

// Ends the program when there can be no other.
void member_start(struct member *member);

// Has it write `text` into both of its pages, or with "" nothing, and tell what is in the first
// one. False when it has ended.
bool member_ask(const struct member *member, const char *text, struct member_answer *answer);

// Its wait status.
int member_end(struct member *member);

// A member's main: the exit status.
int member_main(void);
