// SPDX-License-Identifier: MIT
//
// Arguments and environment, taken out of the caller's memory before anything is changed. They go
// into a chain of frames, filled one after the other: no size is needed in advance, and nothing is
// read twice, so that another thread can not change a string between measuring and copying it.
#include "kernel/machine/user_copy.h"
#include "kernel/process/exec_internal.h"
#include "kernel/process/process.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <linux/errno.h>

#define STRING_MAX 131072 // Linux's MAX_ARG_STRLEN
#define TOTAL_MAX  (6ul << 20)
#define TOTAL_MIN  131072
#define CHUNK      sizeof(((struct string_page *)0)->bytes)

static size_t strings_limit(void)
{
	uint64_t limit = process_limit(current_process(), RLIMIT_STACK).rlim_cur / 4;

	if (limit > TOTAL_MAX)
		return TOTAL_MAX;
	return limit < TOTAL_MIN ? TOTAL_MIN : limit;
}

// Room for at least one more byte at the chain's end: how many there are, or -ENOMEM.
static long room(struct exec_strings *strings, char **where)
{
	size_t within = strings->used % CHUNK;

	if (!within) {
		struct frame *frame = frame_alloc(0, FRAME_KERNEL);
		struct string_page *page;

		if (!frame)
			return -ENOMEM;
		page = frame_to_virt(frame);
		page->next = NULL;
		if (strings->last)
			strings->last->next = page;
		else
			strings->first = page;
		strings->last = page;
	}
	*where = strings->last->bytes + within;
	return (long)(CHUNK - within);
}

// One string with its NUL.
static int append_user(struct exec_strings *strings, uintptr_t from)
{
	size_t length = 0;

	for (;;) {
		char *where;
		long size = room(strings, &where), copied;

		if (size < 0)
			return -ENOMEM;
		copied = strncpy_from_user(where, from + length, (size_t)size);
		if (copied >= 0)
			size = copied + 1;
		else if (copied != -ENAMETOOLONG)
			return (int)copied;
		strings->used += (size_t)size;
		length += (size_t)size;
		if (length > STRING_MAX || strings->used > strings->limit)
			return -E2BIG;
		if (copied >= 0)
			return 0;
	}
}

static int append_kernel(struct exec_strings *strings, const char *from, size_t count,
			 unsigned *strings_seen)
{
	*strings_seen = 0;
	while (count) {
		char *where;
		long size = room(strings, &where);

		if (size < 0)
			return -ENOMEM;
		if ((size_t)size > count)
			size = (long)count;
		memcpy(where, from, (size_t)size);
		for (long i = 0; i < size; i++)
			*strings_seen += !from[i];
		strings->used += (size_t)size;
		if (strings->used > strings->limit)
			return -E2BIG;
		from += size;
		count -= (size_t)size;
	}
	return 0;
}

// An array of pointers up to its NULL; a NULL array is an empty one, as on Linux.
static int append_array(struct exec_strings *strings, uintptr_t array, unsigned *count)
{
	uintptr_t pointer;
	int error;

	for (*count = 0; array; ++*count, array += sizeof(pointer)) {
		error = copy_from_user(&pointer, array, sizeof(pointer));
		if (error || !pointer)
			return error;
		// The pointers to the strings will need room on the stack as well.
		if (*count * sizeof(pointer) > strings->limit)
			return -E2BIG;
		error = append_user(strings, pointer);
		if (error)
			return error;
		if (!strings->first_size)
			strings->first_size = strings->used; // argv comes first
	}
	return 0;
}

int strings_from_user(struct exec_strings *strings, uintptr_t argv, uintptr_t envp)
{
	int error;

	*strings = (struct exec_strings){.limit = strings_limit()};
	error = append_array(strings, argv, &strings->argument_count);
	// Programs rely on argv[0]: without one they get an empty string, as on Linux.
	if (!error && !strings->argument_count) {
		error = append_kernel(strings, "", 1, &strings->argument_count);
		strings->first_size = 1;
	}
	strings->argument_bytes = strings->used;
	if (error)
		return error;
	return append_array(strings, envp, &strings->environment_count);
}

int strings_from_kernel(struct exec_strings *strings, const char *argv, size_t argv_size,
			const char *envp, size_t envp_size)
{
	int error;

	*strings = (struct exec_strings){.limit = strings_limit()};
	error = append_kernel(strings, argv, argv_size, &strings->argument_count);
	strings->first_size = strlen(argv) + 1;
	strings->argument_bytes = strings->used;
	if (error)
		return error;
	return append_kernel(strings, envp, envp_size, &strings->environment_count);
}

void strings_free(struct exec_strings *strings)
{
	struct string_page *page = strings->first;

	while (page) {
		struct string_page *next = page->next;

		frame_free(phys_to_frame(virt_to_phys(page)), 0);
		page = next;
	}
	kfree(strings->prefix);
}
