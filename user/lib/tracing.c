// SPDX-License-Identifier: MIT
//
// The trace's two files, and what the time in its records counts.
#include "user/lib/tracing.h"
#include "user/lib/file_text.h"
#include "user/lib/kernel_files.h"
#include <fcntl.h>
#include <unistd.h>

bool tracing_start(void)
{
	return file_write(KERNEL_FILES "trace_on", "1");
}

void tracing_stop(void)
{
	file_write(KERNEL_FILES "trace_on", "0");
}

size_t tracing_take(struct trace_record *records, size_t room)
{
	int fd = open(KERNEL_FILES "trace", O_RDONLY);
	size_t size = room * sizeof(*records), length = 0;
	ssize_t step;

	if (fd < 0)
		return 0;
	while (length < size) {
		step = read(fd, (char *)records + length, size - length);
		if (step <= 0)
			break;
		length += (size_t)step;
	}
	close(fd);
	return length / sizeof(*records);
}

static uint64_t time_of_thousand_instructions(void)
{
	uint64_t began = time_stamp();

	__asm__ volatile(".rept 1000\n\tnop\n\t.endr");
	return time_stamp() - began;
}

// Two runs in a row that both took a thousand and a few are no coincidence.
const char *time_unit(void)
{
	for (int i = 0; i < 2; i++) {
		uint64_t took = time_of_thousand_instructions();

		if (took < 1000 || took > 1020)
			return "ticks";
	}
	return "instructions";
}
