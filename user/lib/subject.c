// SPDX-License-Identifier: MIT
//
// Watching oneself; see subject.h.
#include "user/lib/subject.h"
#include "user/lib/figures.h"
#include "user/lib/maps.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_AHEAD 32768 // bytes of stack that may be used

static char zeroed; // somewhere in the data that starts as zeros

static bool touch_pages(const struct mapping *mapping, void *context)
{
	(void)context;
	if (mapping->name[0] != '/' || mapping->protection[0] != 'r')
		return true;
	for (uintptr_t at = mapping->start; at < mapping->end; at += page_size()) {
		volatile char *byte = (volatile char *)at;

		if (mapping->protection[1] == 'w')
			*byte = *byte;
		else
			(void)*byte;
	}
	return true;
}

// The data's zeroed part has no file's name in the map: it is found by one of its own variables.
static void touch_bss(void)
{
	struct mapping mapping;

	if (!maps_find(&zeroed, &mapping))
		return;
	snprintf(mapping.name, sizeof(mapping.name), "/");
	touch_pages(&mapping, NULL);
}

// From the lowest place that the first call expects to be used, so that later ones, from other
// depths, touch the same pages.
static void touch_stack(void)
{
	static uintptr_t lowest;
	struct mapping stack;

	if (!maps_named("[stack]", &stack))
		return;
	if (!lowest)
		lowest = (uintptr_t)__builtin_frame_address(0) - STACK_AHEAD;
	for (uintptr_t at = lowest; at < stack.end; at += page_size())
		*(volatile char *)at = *(volatile char *)at;
}

void settle(void)
{
	struct figures figures;

	maps_each(touch_pages, NULL);
	touch_bss();
	touch_stack();
	figures_read(0, &figures);
}

char *reserve(size_t size)
{
	char *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED)
		return memory;
	perror("mmap: no memory to show anything with");
	exit(2);
}

int child_start(void)
{
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child >= 0)
		return child;
	perror("fork: no child to show anything with");
	exit(2);
}

int in_child(int (*work)(void *context), void *context, int *pid)
{
	int status = 0;
	pid_t child = child_start();

	if (child == 0)
		_exit(work(context));
	waitpid(child, &status, 0);
	if (pid)
		*pid = child;
	return status;
}

unsigned long kib(unsigned long pages)
{
	return pages * page_size() / 1024;
}
