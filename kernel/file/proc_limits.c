// SPDX-License-Identifier: MIT
//
// /proc/PID/limits.
#include "kernel/file/proc_internal.h"
#include "kernel/process/process.h"

static const struct {
	const char *name, *unit;
} rows[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = {"Max cpu time", "seconds"},
	[RLIMIT_FSIZE] = {"Max file size", "bytes"},
	[RLIMIT_DATA] = {"Max data size", "bytes"},
	[RLIMIT_STACK] = {"Max stack size", "bytes"},
	[RLIMIT_CORE] = {"Max core file size", "bytes"},
	[RLIMIT_RSS] = {"Max resident set", "bytes"},
	[RLIMIT_NPROC] = {"Max processes", "processes"},
	[RLIMIT_NOFILE] = {"Max open files", "files"},
	[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
	[RLIMIT_AS] = {"Max address space", "bytes"},
	[RLIMIT_LOCKS] = {"Max file locks", "locks"},
	[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
	[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
	[RLIMIT_NICE] = {"Max nice priority", NULL},
	[RLIMIT_RTPRIO] = {"Max realtime priority", NULL},
	[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
};

// What was printed since `start`, and spaces, make a column of that width and a space.
static size_t end_column(struct text *text, size_t start, size_t width)
{
	text_pad(text, start + width);
	text_print(text, " ");
	return text->length;
}

static size_t print_limit(struct text *text, size_t start, uint64_t limit)
{
	if (limit == RLIM64_INFINITY)
		text_print(text, "unlimited");
	else
		text_print(text, "%lu", limit);
	return end_column(text, start, 20);
}

int proc_show_limits(struct pseudo_open *open, struct text *text)
{
	text_print(text, "Limit                     Soft Limit           Hard Limit           "
			 "Units     \n");
	for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit64 limit = process_limit(open->process, i);
		size_t at = text->length;

		text_print(text, "%s", rows[i].name);
		at = end_column(text, at, 25);
		at = print_limit(text, at, limit.rlim_cur);
		at = print_limit(text, at, limit.rlim_max);
		if (rows[i].unit) {
			text_print(text, "%s", rows[i].unit);
			text_pad(text, at + 10);
		}
		text_print(text, "\n");
	}
	return 0;
}
