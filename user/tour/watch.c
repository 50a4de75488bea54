// SPDX-License-Identifier: MIT
//
// What all stations of the tour need in order to watch: a quiet start, the trace between two
// moments, and children.
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS     2048
#define STACK_AHEAD 32768 // bytes of stack that a station may use

static struct trace_record records[RECORDS];

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

	if (!maps_find(records, &mapping))
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

void watch(void)
{
	if (tracing_start())
		return;
	perror("tour: the trace can not be turned on");
	exit(2);
}

struct watch watched(void)
{
	struct watch watch = {.records = records};

	tracing_stop();
	while (watch.count < RECORDS) {
		size_t taken = tracing_take(records + watch.count, RECORDS - watch.count);

		if (taken == 0)
			break;
		watch.count += taken;
	}
	return watch;
}

const struct trace_record *next_record(struct watch watch, size_t *at, enum trace_event event,
				       int task)
{
	while (*at < watch.count) {
		const struct trace_record *record = &watch.records[(*at)++];

		if (record->event == event && (!task || record->task == task))
			return record;
	}
	return NULL;
}

static const struct trace_record *record_at_page(struct watch watch, enum trace_event event,
						 const void *address)
{
	const struct trace_record *record;
	size_t at = 0;

	while ((record = next_record(watch, &at, event, 0)))
		if ((record->a ^ (uintptr_t)address) < page_size())
			return record;
	return NULL;
}

const struct trace_record *fault_record(struct watch watch, const void *address)
{
	return record_at_page(watch, TRACE_FAULT, address);
}

const struct trace_record *frame_record(struct watch watch, const void *address)
{
	return record_at_page(watch, TRACE_FAULT_FRAME, address);
}

void show_record(const struct trace_record *record)
{
	char text[200];

	show("%s", trace_text(record, text, sizeof(text)));
}

char *reserve(size_t size)
{
	char *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED)
		return memory;
	perror("tour: mmap");
	exit(2);
}

int in_child(int (*work)(void *context), void *context, int *pid)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0) {
		perror("tour: fork");
		exit(2);
	}
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
