// SPDX-License-Identifier: MIT
//
// What /proc has of core files: /proc/sys/kernel/core_pattern, /proc/PID/coredump_filter.
#include "kernel/file/proc_internal.h"
#include "kernel/process/core.h"
#include "kernel/process/process.h"
#include "lib/parse.h"
#include <asm/errno.h>

int proc_show_core_pattern(struct pseudo_open *open, struct text *text)
{
	char pattern[CORE_PATTERN_SIZE];

	(void)open;
	core_pattern_get(pattern);
	text_print(text, "%s\n", pattern);
	return 0;
}

// What is behind a line's end is ignored.
int proc_store_core_pattern(struct pseudo_open *open, const char *bytes, size_t length)
{
	size_t line = 0;

	(void)open;
	while (line < length && bytes[line] && bytes[line] != '\n')
		line++;
	core_pattern_set(bytes, line);
	return 0;
}

int proc_show_core_filter(struct pseudo_open *open, struct text *text)
{
	text_print(text, "%08x\n", (unsigned)open->process->core_filter);
	return 0;
}

int proc_store_core_filter(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t filter;
	size_t digits = parse_unsigned(bytes, length, 0, &filter);

	if (!digits || (digits < length && (bytes[digits] != '\n' || digits + 1 < length)))
		return -EINVAL;
	if (filter > UINT32_MAX)
		return -ERANGE;
	open->process->core_filter = filter & CORE_FILTER_ALL;
	return 0;
}
