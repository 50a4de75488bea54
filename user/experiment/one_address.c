// SPDX-License-Identifier: MIT
//
// N2.7: many programs at one address: three processes of one program that is linked to fixed
// addresses. What they write lies at the same address in all, in a frame of its own in each; what
// none of them can write lies in one frame for all.
#include "user/experiment/experiment.h"
#include "user/experiment/member.h"
#include "user/lib/kernel_files.h"
#include "user/lib/maps.h"
#include "user/lib/pagemap.h"
#include "user/lib/screen.h"
#include <stdio.h>
#include <string.h>

#define MEMBERS 3
#define ADDRESS 32 // bits below which the program's own pages lie
#define NOBODYS ((uint64_t)-1)

static struct member members[MEMBERS];
static struct member_answer answers[MEMBERS];
static uint64_t frames[MEMBERS], code_frames[MEMBERS];

static uint64_t frame_of(int pid, uintptr_t address)
{
	uint64_t word = 0;

	if (!pagemap_read(pid, address, &word, 1) || !(word & PAGEMAP_PRESENT))
		return NOBODYS;
	return word & PAGEMAP_FRAME;
}

static void show_members(void)
{
	for (int i = 0; i < MEMBERS; i++) {
		frames[i] = frame_of(members[i].pid, answers[i].address);
		code_frames[i] = frame_of(members[i].pid, answers[i].code);
		show("process %d: address %#lx, frame %#lx, holds \"%s\"", members[i].pid,
		     answers[i].address, frames[i], answers[i].text);
	}
}

static bool all_same(const uint64_t *values)
{
	return values[0] == values[1] && values[1] == values[2];
}

static bool all_different(const uint64_t *values)
{
	return values[0] != values[1] && values[1] != values[2] && values[0] != values[2];
}

static bool texts_differ(void)
{
	return strcmp(answers[0].text, answers[1].text) != 0 &&
	       strcmp(answers[1].text, answers[2].text) != 0 &&
	       strcmp(answers[0].text, answers[2].text) != 0;
}

static int current; // of the members, while its pages are written out

// The program's pages that are in memory, not the stack and what was mapped later.
static bool write_pages(const struct mapping *mapping, void *context)
{
	(void)context;
	for (uintptr_t at = mapping->start; at < mapping->end && at >> ADDRESS == 0;
	     at += page_size()) {
		uint64_t frame = frame_of(members[current].pid, at);

		if (frame != NOBODYS)
			csv("%d,%d,%#lx,%lu,%d,%s", current, members[current].pid, at, frame,
			    mapping->protection[1] == 'w',
			    at == answers[current].address ? answers[current].text : "-");
	}
	return true;
}

static void start_all(void)
{
	char text[MEMBER_TEXT];
	bool answered = true;

	for (int i = 0; i < MEMBERS; i++) {
		member_start(&members[i]);
		snprintf(text, sizeof(text), "I am process %d", members[i].pid);
		answered &= member_ask(&members[i], text, &answers[i]);
	}
	check(answered, "three processes of one program run, and each has written to its page");
}

static void one_writes(void)
{
	struct member_answer before[MEMBERS];

	memcpy(before, answers, sizeof(before));
	say("The second one writes again:");
	member_ask(&members[1], "what I write is mine", &answers[1]);
	member_ask(&members[0], "", &answers[0]);
	member_ask(&members[2], "", &answers[2]);
	show_members();
	check(strcmp(answers[1].text, before[1].text) != 0 &&
		      strcmp(answers[0].text, before[0].text) == 0 &&
		      strcmp(answers[2].text, before[2].text) == 0,
	      "the others still read what they wrote themselves");
}

static void run(void)
{
	uint64_t addresses[MEMBERS];
	bool ended = true;

	start_all();
	show_members();
	for (int i = 0; i < MEMBERS; i++)
		addresses[i] = answers[i].address;
	check(all_same(addresses) && texts_differ(), "one address, three contents");
	check(all_different(frames), "which lie in three frames: %#lx, %#lx and %#lx", frames[0],
	      frames[1], frames[2]);
	check(all_same(code_frames) && code_frames[0] != NOBODYS,
	      "the program's code, which none of them can write, is in one frame for all: %#lx",
	      code_frames[0]);
	csv("process,pid,address,frame,writable,text");
	for (current = 0; current < MEMBERS; current++)
		maps_each_of(members[current].pid, write_pages, NULL);
	one_writes();
	for (int i = 0; i < MEMBERS; i++)
		ended &= member_end(&members[i]) == 0;
	check(ended, "all three end as they should");
}

const struct station experiment_one_address = {
	.id = "one-address",
	.title = "One address in three processes",
	.claim = "every process has its own address space, so that no program has to care which "
		 "addresses another one uses.",
	.look_for = "the same address three times, with three frames and three contents.",
	.run = run,
	.seen = "an address means nothing without its process: each has tables of its own, which "
		"lead to its own frames, and to common ones where nobody can write.",
	.code = "mm/page_table.c: page_root_alloc() (each process's tables), "
		"kernel/process/exec.c "
		"(the program's mappings), mm/fault.c (whose frame).",
};
