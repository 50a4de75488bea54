// SPDX-License-Identifier: MIT
//
// The transcript of the mmap fuzzer. Kept in memory and written when there is much of it; what a
// child of a seed's process has to say goes on where its parent was.

#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/fuzz/mmap/fuzz.h"

static char text[1 << 15];
static size_t length;

void say_flush(void)
{
	size_t done = 0;

	while (done < length) {
		ssize_t count = write(1, text + done, length - done);

		if (count <= 0)
			_exit(9);
		done += count;
	}
	length = 0;
}

void say(const char *format, ...)
{
	va_list arguments;

	if (sizeof(text) - length < 1024)
		say_flush();
	va_start(arguments, format);
	length += vsnprintf(text + length, sizeof(text) - length, format, arguments);
	va_end(arguments);
}

// What is far from the window is as it was asked for, or the kernel's choice.
static bool near_window(const char *address)
{
	return address >= window - 4096 * PAGE && address <= window + 4096 * PAGE;
}

void say_address(const char *name, const void *address)
{
	long offset = (const char *)address - window;

	if (!near_window(address))
		say(" %s=%p", name, address);
	else if (offset % (long)PAGE)
		say(" %s=%ld%+ld", name, offset / (long)PAGE, offset % (long)PAGE);
	else
		say(" %s=%ld", name, offset / (long)PAGE);
}

void say_result(long result)
{
	if (result == -1)
		say(" = -%d", errno);
	else if (near_window((char *)result))
		say_address("=", (char *)result);
	else if (result > 1 << 20)
		say(" = elsewhere");
	else
		say(" = %ld", result);
}
