// SPDX-License-Identifier: MIT
//
// Turning the kernel's trace on and off, and putting its records into words.
#pragma once

#include "lib/trace_record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Forgets older records. False, with errno, when there is no trace here.
bool tracing_start(void);

// Stops recording. The records stay until the next start.
void tracing_stop(void);

// The oldest records not yet taken, up to `room`: how many. Call until 0.
size_t tracing_take(struct trace_record *records, size_t room);

// One record in words, without its time and task. Returns `text`.
const char *trace_text(const struct trace_record *record, char *text, size_t size);

// The processor's time-stamp counter, which records carry too.
static inline uint64_t time_stamp(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

// "instructions" when the counter counts exactly those (QEMU's -icount), else "ticks".
const char *time_unit(void);
