// SPDX-License-Identifier: MIT
//
// The names by which events of the trace are chosen and shown.
#pragma once

#include "lib/trace_record.h"
#include <stdbool.h>
#include <stddef.h>

#define TRACE_ALL_EVENTS ((1ul << TRACE_EVENT_COUNT) - 2)
// Without the call stacks, which take the most room.
#define TRACE_DEFAULT_EVENTS (TRACE_ALL_EVENTS & ~(1ul << TRACE_STACK))

// "fault-begin" of TRACE_FAULT_BEGIN; "?" for other numbers.
const char *trace_event_name(unsigned event);

// Names of events, or of groups of them (fault, frame, table, vma, call, process, switch, signal,
// syscall, shootdown, program, stack), "all" or "default", with blanks or commas between them,
// into a set with bit n for event n. False where one is not known; *events is as it was then.
bool trace_events_parse(const char *text, size_t length, uint64_t *events);
