// SPDX-License-Identifier: MIT
//
// Trace records in words: one function for what happens to memory, one for address spaces, one
// for processes.
#include "lib/memory_words.h"
#include "lib/syscall_name.h"
#include "user/lib/tracing.h"
#include <stdio.h>
#include <string.h>

#define ENTRY_WRITABLE 2ul // bit 1 of a page-table entry: Intel SDM vol. 3A, 4.5

static const char *access_name(uint64_t access)
{
	switch (access & 0xff) {
	case ACCESS_WRITE:
		return "write";
	case ACCESS_EXECUTE:
		return "execution";
	default:
		return "read";
	}
}

static int frame_text(const struct trace_record *r, char *text, size_t size)
{
	switch (r->event) {
	case TRACE_FAULT:
		return snprintf(text, size, "page fault: %s at %#lx, answered: %s (%lu %s)",
				access_name(r->b), r->a, fault_result_name(r->c), r->d,
				time_unit());
	case TRACE_FAULT_FRAME:
		return snprintf(text, size, "page %#lx: frame %#lx, %s; entry %#lx, before %#lx",
				r->a & ~0xffful, r->d,
				r->b & ENTRY_WRITABLE ? "writable" : "read-only", r->b, r->c);
	case TRACE_FRAME_ALLOC:
	case TRACE_FRAME_FREE:
		return snprintf(text, size, "frame %#lx %s (%s, %lu in a row)", r->a,
				r->event == TRACE_FRAME_ALLOC ? "taken" : "given back",
				frame_kind_name(r->c), 1ul << r->b);
	case TRACE_TABLE_ALLOC:
	case TRACE_TABLE_FREE:
		return snprintf(text, size, "level-%lu page table for %#lx %s: frame %#lx", r->b,
				r->a, r->event == TRACE_TABLE_ALLOC ? "made" : "given back", r->c);
	default:
		return -1;
	}
}

static const char *call_name(uint64_t number)
{
	const char *name = syscall_name((unsigned)number);

	return name ? name : "(unknown)";
}

// Addresses read better in hexadecimal, small numbers and errors in decimal.
static const char *result_text(long result)
{
	static char text[24];

	snprintf(text, sizeof(text), result > 0xffff ? "%#lx" : "%ld", result);
	return text;
}

static const char *vma_change_name(uint64_t change)
{
	static const char *const names[] = {"added", "removed", "resized", "protected"};

	return change < sizeof(names) / sizeof(names[0]) ? names[change] : "changed";
}

static int space_text(const struct trace_record *r, char *text, size_t size)
{
	switch (r->event) {
	case TRACE_VMA:
		return snprintf(text, size, "VMA %s: %#lx-%#lx %c%c%c", vma_change_name(r->d),
				r->a, r->b, r->c & ACCESS_READ ? 'r' : '-',
				r->c & ACCESS_WRITE ? 'w' : '-',
				r->c & ACCESS_EXECUTE ? 'x' : '-');
	case TRACE_BRK:
		return snprintf(text, size, "brk: asked for %#lx; was %#lx, is %#lx", r->a, r->b,
				r->c);
	case TRACE_MMAP:
		return snprintf(text, size, "mmap: %lu bytes at %#lx", r->b, r->a);
	case TRACE_MUNMAP:
		return snprintf(text, size, "munmap: %lu bytes at %#lx: %ld", r->b, r->a,
				(long)r->c);
	case TRACE_MPROTECT:
		return snprintf(text, size, "mprotect: %lu bytes at %#lx: %ld", r->b, r->a,
				(long)r->d);
	case TRACE_MREMAP:
		return snprintf(text, size, "mremap: %lu bytes at %#lx become %lu: %s", r->b, r->a,
				r->c, result_text((long)r->d));
	case TRACE_MADVISE:
		return snprintf(text, size, "madvise %lu: %lu bytes at %#lx: %ld", r->c, r->b,
				r->a, (long)r->d);
	case TRACE_FORK:
		return snprintf(text, size, "fork: %lu entries shared, %lu page tables made", r->b,
				r->c);
	default:
		return -1;
	}
}

static int process_text(const struct trace_record *r, char *text, size_t size)
{
	switch (r->event) {
	case TRACE_EXEC:
		return snprintf(text, size, "exec: starts at %#lx with its stack at %#lx", r->a,
				r->b);
	case TRACE_EXIT:
		return snprintf(text, size, "exit: wait status %#lx", r->a);
	case TRACE_SWITCH:
		return snprintf(text, size, "processor switched from task %lu to task %lu", r->a,
				r->b);
	case TRACE_SIGNAL:
		return snprintf(text, size, "signal %lu (%s), code %ld, address %#lx", r->a,
				strsignal((int)r->a), (long)r->b, r->c);
	case TRACE_SHOOTDOWN:
		return snprintf(text, size,
				"shootdown of %#lx-%#lx on the CPUs of mask %#lx (%lu %s)", r->a,
				r->b, r->c, r->d, time_unit());
	case TRACE_SHOOTDOWN_ANSWER:
		return snprintf(text, size, "forgot translations of %#lx-%#lx for CPU %lu", r->a,
				r->b, r->c);
	case TRACE_TASK:
		return snprintf(text, size, "%s %lu made", r->a == r->b ? "process" : "thread",
				r->a);
	case TRACE_SYSCALL:
		return snprintf(text, size, "system call %s(%#lx, %#lx, ...)", call_name(r->a),
				r->b, r->c);
	case TRACE_SYSCALL_END:
		return snprintf(text, size, "system call %s returns %s", call_name(r->a),
				result_text((long)r->b));
	default:
		return -1;
	}
}

static int name_text(const struct trace_record *r, char *text, size_t size)
{
	static const char *const kinds[] = {"", "task's name", "program", "mapping of", "mark:"};
	unsigned kind = r->a & 0xffff;
	char part[TRACE_NAME_BYTES + 1] = "";

	memcpy(part, &r->c, TRACE_NAME_BYTES);
	return snprintf(text, size, "%s %s",
			kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[kind] : "name", part);
}

static const char *heap_name(uint64_t operation)
{
	static const char *const names[] = {"?",    "malloc", "calloc", "realloc", "aligned_alloc",
					    "free", "search", "grow",   "shrink"};

	return names[operation < sizeof(names) / sizeof(names[0]) ? operation : 0];
}

// What programs wrote, and what the trace says of itself.
static int other_text(const struct trace_record *r, char *text, size_t size)
{
	switch (r->event) {
	case TRACE_MARK:
		return snprintf(text, size, "mark %lu %lu", r->a, r->b);
	case TRACE_HEAP:
		return snprintf(text, size, "heap: %s, %lu bytes at %#lx", heap_name(r->a), r->c,
				r->b);
	case TRACE_STACK:
		return snprintf(text, size, "called from %#lx %#lx %#lx %#lx %#lx %#lx", r->a,
				r->b, r->c, r->d, r->e, r->f);
	case TRACE_NAME:
		return name_text(r, text, size);
	case TRACE_LOST:
		return snprintf(text, size, "%lu records lost", r->a);
	case TRACE_START:
		return snprintf(text, size, "trace begins: %lu of %lu frames free", r->e, r->d);
	case TRACE_FAULT_BEGIN:
		if (!r->c)
			return snprintf(text, size, "fault at %#lx, which no VMA has", r->a);
		return snprintf(text, size, "fault at %#lx in the VMA %#lx-%#lx", r->a, r->b,
				r->c);
	default:
		return -1;
	}
}

const char *trace_text(const struct trace_record *record, char *text, size_t size)
{
	if (frame_text(record, text, size) < 0 && space_text(record, text, size) < 0 &&
	    process_text(record, text, size) < 0 && other_text(record, text, size) < 0)
		snprintf(text, size, "event %u", record->event);
	return text;
}
