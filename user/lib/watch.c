// SPDX-License-Identifier: MIT
#include "user/lib/watch.h"
#include "user/lib/figures.h"
#include "user/lib/screen.h"
#include <stdio.h>
#include <stdlib.h>

#define RECORDS 2048

static struct trace_record records[RECORDS];

void watch(void)
{
	if (tracing_start())
		return;
	perror("the trace cannot be turned on");
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
