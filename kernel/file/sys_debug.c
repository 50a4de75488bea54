// SPDX-License-Identifier: MIT
//
// /sys/kernel/debug/faultline: what the kernel's memory subsystem tells of itself.
//
// trace: struct trace_record after struct trace_record (lib/trace_record.h); 0 bytes: none now.
//
// trace_on: 1, 0, or "1 TID" to record one task only.
//
// trace_events: which events: names and names of groups (lib/trace_events.h), "all", "default".
//
// trace_pid: which processes: numbers or names; nothing: all.
//
// trace_stream: which events go to the host (tools/run --trace); nothing: none.
//
// trace_mark: a line written here stands in the trace.
//
// trace_records: what programs record themselves (user/lib/tracing.h): MARK, HEAP, STACK and NAME
// records, 4032 bytes at most in one write. Their time is kept if it has passed, 0: now.
//
// audit: reading recounts all of memory: "N facts, M wrong", and the first wrong one.
//
// frames: how many frames each kind of owner has.
//
// frame_map: struct frame_record (lib/frame_map.h) for each frame of RAM, by number; with gaps
// between ranges of RAM as FRAME_ABSENT.
//
// counters: results of faults by name, processes, sleeps on futexes, records lost, system calls
// that are missing.
//
// picture: writing a name marks a moment at which tools/run --picture=FILE keeps the screen.
//
// walk: write an address of the writer's, read its way through the page tables and what is there.
//
// log: the kernel's log, as far as it is still kept.
//
// And /sys/kernel/mm/ksm: by the directory programs see that MADV_MERGEABLE is accepted. Nothing
// is ever merged, as on Linux before someone writes to `run`, which is left out.
#include "kernel/driver/log.h"
#include "kernel/driver/snapshot.h"
#include "kernel/file/proc_internal.h"
#include "kernel/process/futex.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/process/trace_select.h"
#include "kernel/syscall/syscall.h"
#include "lib/string.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "lib/syscall_name.h"
#include "lib/trace_events.h"
#include "mm/audit.h"
#include "mm/frame.h"
#include "mm/frame_map.h"
#include "mm/mm.h"
#include "mm/page_table.h"
#include "mm/trace.h"
#include <asm/errno.h>

// ---- the trace ----
static long stream_trace(void *buffer, size_t size)
{
	size_t count = size / sizeof(struct trace_record);

	if (count == 0)
		return size ? -EINVAL : 0;
	return (long)(trace_read(buffer, count) * sizeof(struct trace_record));
}

static int show_trace_on(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%d\n", trace_started());
	return 0;
}

static int store_trace_on(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t task = 0;
	int result = 0;

	(void)open;
	if (length == 0 || (bytes[0] != '0' && bytes[0] != '1'))
		return -EINVAL;
	if (length > 2 && bytes[1] == ' ' &&
	    (!parse_unsigned(bytes + 2, length - 2, 10, &task) || task >= PID_LIMIT))
		return -EINVAL;
	if (bytes[0] == '1')
		result = trace_start((int)task);
	else
		trace_stop();
	return result;
}

static int show_events(struct text *text, uint64_t events)
{
	for (unsigned event = 1; event < TRACE_EVENT_COUNT; event++)
		if (events >> event & 1)
			text_print(text, "%s\n", trace_event_name(event));
	return 0;
}

static int show_trace_events(struct pseudo_open *open, struct text *text)
{
	(void)open;
	return show_events(text, trace_chosen());
}

static int show_trace_stream(struct pseudo_open *open, struct text *text)
{
	(void)open;
	return show_events(text, trace_streamed());
}

static int store_trace_stream(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t events;

	(void)open;
	if (!trace_events_parse(bytes, length, &events))
		return -EINVAL;
	return trace_stream(events);
}

static int store_trace_events(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t events;

	(void)open;
	if (!trace_events_parse(bytes, length, &events))
		return -EINVAL;
	trace_choose(events);
	return 0;
}

static int show_trace_pid(struct pseudo_open *open, struct text *text)
{
	struct trace_selection selection;

	(void)open;
	trace_selection_get(&selection);
	for (unsigned i = 0; i < selection.count; i++)
		if (selection.list[i].pid)
			text_print(text, "%d\n", selection.list[i].pid);
		else
			text_print(text, "%s\n", selection.list[i].name);
	return 0;
}

static int store_trace_pid(struct pseudo_open *open, const char *bytes, size_t length)
{
	(void)open;
	return trace_select(bytes, length);
}

static int store_trace_mark(struct pseudo_open *open, const char *bytes, size_t length)
{
	(void)open;
	while (length > 0 && bytes[length - 1] == '\n')
		length--;
	trace_name(TRACE_NAME_MARK, 0, bytes, length);
	return 0;
}

#define FROM_PROGRAMS                                                \
	(TRACE_EVENT_BIT(TRACE_MARK) | TRACE_EVENT_BIT(TRACE_HEAP) | \
	 TRACE_EVENT_BIT(TRACE_STACK) | TRACE_EVENT_BIT(TRACE_NAME))

static int store_trace_records(struct pseudo_open *open, const char *bytes, size_t length)
{
	struct trace_record record;

	(void)open;
	if (length % sizeof(record))
		return -EINVAL;
	for (size_t at = 0; at < length; at += sizeof(record)) {
		memcpy(&record, bytes + at, sizeof(record));
		if (record.event >= TRACE_EVENT_COUNT || !(FROM_PROGRAMS >> record.event & 1))
			return -EINVAL;
		trace_put(&record);
	}
	return 0;
}

// ---- counts ----
static int show_audit(struct pseudo_open *open, struct text *text)
{
	struct audit_report report;

	(void)open;
	mm_audit(&report);
	text_print(text, "%lu facts, %lu wrong\n", report.checked, report.wrong);
	if (report.wrong)
		text_print(text, "%s\n", report.first);
	return 0;
}

// All counts first: the text that is made of them takes memory itself.
static int show_frames(struct pseudo_open *open, struct text *text)
{
	uint64_t counts[FRAME_KIND_COUNT];

	(void)open;
	for (unsigned kind = 0; kind < FRAME_KIND_COUNT; kind++)
		counts[kind] = frame_kind_count(kind);
	for (unsigned kind = FRAME_ABSENT + 1; kind < FRAME_KIND_COUNT; kind++)
		text_print(text, "%s %lu\n", frame_kind_name(kind), counts[kind]);
	text_print(text, "total %lu\n", frame_total());
	return 0;
}

// `size` is at most a page: 1024 frames.
static long read_frame_map(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size)
{
	size_t record = sizeof(struct frame_record);

	(void)open;
	if (offset % record || size % record)
		return -EINVAL;
	return (long)(frame_map_read(offset / record, size / record, buffer) * record);
}

// System calls that programs have asked for and that are not there.
static void print_missing_calls(struct text *text)
{
	for (unsigned number = 0; number < SYSCALL_LIMIT; number++) {
		uint64_t count = syscall_missing_count(number);

		if (count && syscall_name(number))
			text_print(text, "missing_%s %lu\n", syscall_name(number), count);
		else if (count)
			text_print(text, "missing_%u %lu\n", number, count);
	}
}

static int show_counters(struct pseudo_open *open, struct text *text)
{
	struct process_counts counts = process_counts();

	(void)open;
	for (unsigned result = 0; result < FAULT_RESULT_COUNT; result++)
		text_print(text, "fault_%s %lu\n", fault_result_name(result),
			   fault_result_count(result));
	text_print(text, "processes %lu\ntasks %lu\n", counts.processes, counts.tasks);
	text_print(text, "forks %lu\nexecs %lu\nexits %lu\n", counts.forks, counts.execs,
		   counts.exits);
	text_print(text, "futex_waits %lu\n", futex_wait_count());
	text_print(text, "trace_lost %lu\n", trace_lost());
	print_missing_calls(text);
	return 0;
}

// ---- one address ----
static int store_walk(struct pseudo_open *open, const char *bytes, size_t length)
{
	size_t prefix = length > 2 && bytes[0] == '0' && (bytes[1] | 32) == 'x' ? 2 : 0;
	uint64_t address;

	if (!parse_unsigned(bytes + prefix, length - prefix, 16, &address))
		return -EINVAL;
	open->value = address;
	return 0;
}

// "frame 0x1234: anonymous, 2 references": what the last entry leads to.
static void print_leaf(const struct page_walk *walk, struct text *text)
{
	uint64_t number = (walk->entry[walk->levels - 1] & PTE_ADDRESS) >> PAGE_SHIFT;
	const struct frame *frame;

	number += (walk->address & ((1ul << walk->shift) - 1)) >> PAGE_SHIFT;
	if (number >= frame_limit)
		return;
	frame = &frame_table[number];
	text_print(text, "frame %#lx: %s, %u references\n", number, frame_kind_name(frame->kind),
		   __atomic_load_n(&frame->references, __ATOMIC_RELAXED));
}

static int show_walk(struct pseudo_open *open, struct text *text)
{
	struct mm *mm = current_task()->mm;
	struct page_walk walk;
	char line[200];

	if (!mm)
		return -EINVAL;
	// The lock keeps the tables where they are while they are read.
	spin_lock(&mm->lock);
	page_table_walk(mm->root, open->value, &walk);
	spin_unlock(&mm->lock);
	for (unsigned i = 0; i < walk.levels; i++) {
		page_walk_describe(&walk, i, line, sizeof(line));
		text_print(text, "%s\n", line);
	}
	if (walk.present)
		print_leaf(&walk, text);
	return 0;
}

// ---- moments for pictures ----
static int store_picture(struct pseudo_open *open, const char *bytes, size_t length)
{
	char name[128];

	(void)open;
	strlcpy(name, bytes, sizeof(name));
	while (length > 0 && length < sizeof(name) && name[length - 1] == '\n')
		name[--length] = '\0';
	for (char *at = name; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	snapshot_mark(name);
	return 0;
}

// ---- the log ----
static int show_log(struct pseudo_open *open, struct text *text)
{
	uint64_t position = 0;
	char piece[256];
	size_t length;

	(void)open;
	while (!text->failed && (length = log_read(&position, piece, sizeof(piece))) > 0)
		text_append(text, piece, length);
	return 0;
}

static const struct pseudo_entry faultline_entries[] = {
	PSEUDO_TEXT("audit", show_audit),
	PSEUDO_TEXT("counters", show_counters),
	{.name = "frame_map", .permissions = 0444, .read_at = read_frame_map},
	PSEUDO_TEXT("frames", show_frames),
	PSEUDO_TEXT("log", show_log),
	{.name = "picture", .permissions = 0200, .store = store_picture},
	{.name = "trace", .permissions = 0444, .stream = stream_trace},
	{.name = "trace_events",
	 .permissions = 0644,
	 .show = show_trace_events,
	 .store = store_trace_events},
	{.name = "trace_mark", .permissions = 0222, .store = store_trace_mark},
	{.name = "trace_on", .permissions = 0644, .show = show_trace_on, .store = store_trace_on},
	{.name = "trace_pid",
	 .permissions = 0644,
	 .show = show_trace_pid,
	 .store = store_trace_pid},
	{.name = "trace_records", .permissions = 0222, .store = store_trace_records},
	{.name = "trace_stream",
	 .permissions = 0644,
	 .show = show_trace_stream,
	 .store = store_trace_stream},
	{.name = "walk", .permissions = 0644, .show = show_walk, .store = store_walk},
};
static const struct pseudo_entry debug_entries[] = {
	PSEUDO_DIRECTORY("faultline", faultline_entries),
};

static int show_nothing_merged(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "0\n");
	return 0;
}

static const struct pseudo_entry ksm_entries[] = {
	PSEUDO_TEXT("full_scans", show_nothing_merged),
	PSEUDO_TEXT("pages_shared", show_nothing_merged),
	PSEUDO_TEXT("pages_sharing", show_nothing_merged),
};
static const struct pseudo_entry mm_entries[] = {
	PSEUDO_DIRECTORY("ksm", ksm_entries),
};
static const struct pseudo_entry kernel_entries[] = {
	PSEUDO_DIRECTORY("debug", debug_entries),
	PSEUDO_DIRECTORY("mm", mm_entries),
};
static const struct pseudo_entry root_entries[] = {
	{.name = "devices",
	 .permissions = 0555,
	 .entries = sys_device_entries,
	 .count = SYS_DEVICE_COUNT},
	PSEUDO_DIRECTORY("kernel", kernel_entries),
};

const struct pseudo_entry sys_directory = PSEUDO_DIRECTORY("sys", root_entries);
