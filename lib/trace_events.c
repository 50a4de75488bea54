// SPDX-License-Identifier: MIT
//
// Names of the trace's events and of groups of them.
#include "lib/trace_events.h"
#include "lib/string.h"

#define EVENT(event) (1ul << (TRACE_##event))

static const char *const names[TRACE_EVENT_COUNT] = {
	[TRACE_FAULT_BEGIN] = "fault-begin",
	[TRACE_FAULT_FRAME] = "fault-frame",
	[TRACE_FAULT] = "fault-end",
	[TRACE_FRAME_ALLOC] = "frame-alloc",
	[TRACE_FRAME_FREE] = "frame-free",
	[TRACE_TABLE_ALLOC] = "table-alloc",
	[TRACE_TABLE_FREE] = "table-free",
	[TRACE_VMA] = "vma",
	[TRACE_BRK] = "brk",
	[TRACE_MMAP] = "mmap",
	[TRACE_MUNMAP] = "munmap",
	[TRACE_MPROTECT] = "mprotect",
	[TRACE_MREMAP] = "mremap",
	[TRACE_MADVISE] = "madvise",
	[TRACE_FORK] = "fork",
	[TRACE_TASK] = "task",
	[TRACE_EXEC] = "exec",
	[TRACE_EXIT] = "exit",
	[TRACE_SWITCH] = "switch",
	[TRACE_SIGNAL] = "signal",
	[TRACE_SYSCALL] = "syscall-begin",
	[TRACE_SYSCALL_END] = "syscall-end",
	[TRACE_SHOOTDOWN] = "shootdown-sent",
	[TRACE_SHOOTDOWN_ANSWER] = "shootdown-answer",
	[TRACE_MARK] = "mark",
	[TRACE_HEAP] = "heap",
	[TRACE_STACK] = "stack",
	[TRACE_NAME] = "name",
	[TRACE_LOST] = "lost",
	[TRACE_START] = "start",
};

static const struct {
	const char *name;
	uint64_t events;
} groups[] = {
	{"all", TRACE_ALL_EVENTS},
	{"default", TRACE_DEFAULT_EVENTS},
	{"fault", EVENT(FAULT_BEGIN) | EVENT(FAULT_FRAME) | EVENT(FAULT)},
	{"frame", EVENT(FRAME_ALLOC) | EVENT(FRAME_FREE)},
	{"table", EVENT(TABLE_ALLOC) | EVENT(TABLE_FREE)},
	{"call", EVENT(BRK) | EVENT(MMAP) | EVENT(MUNMAP) | EVENT(MPROTECT) | EVENT(MREMAP) |
			 EVENT(MADVISE)},
	{"process", EVENT(FORK) | EVENT(TASK) | EVENT(EXEC) | EVENT(EXIT)},
	{"syscall", EVENT(SYSCALL) | EVENT(SYSCALL_END)},
	{"shootdown", EVENT(SHOOTDOWN) | EVENT(SHOOTDOWN_ANSWER)},
	{"program", EVENT(MARK) | EVENT(HEAP)},
};

const char *trace_event_name(unsigned event)
{
	return event < TRACE_EVENT_COUNT && names[event] ? names[event] : "?";
}

static bool is(const char *name, const char *word, size_t length)
{
	return strlen(name) == length && memcmp(name, word, length) == 0;
}

static bool parse_one(const char *word, size_t length, uint64_t *events)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (is(groups[i].name, word, length)) {
			*events |= groups[i].events;
			return true;
		}
	for (unsigned event = 1; event < TRACE_EVENT_COUNT; event++)
		if (is(names[event], word, length)) {
			*events |= 1ul << event;
			return true;
		}
	return false;
}

static bool separates(char c)
{
	return c == ' ' || c == ',' || c == '\n' || c == '\t';
}

bool trace_events_parse(const char *text, size_t length, uint64_t *events)
{
	uint64_t chosen = 0;
	size_t at = 0;

	while (at < length) {
		size_t end = at;

		while (end < length && !separates(text[end]))
			end++;
		if (end > at && !parse_one(text + at, end - at, &chosen))
			return false;
		at = end + 1;
	}
	*events = chosen;
	return true;
}
