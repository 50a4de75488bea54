// SPDX-License-Identifier: MIT
//
// The trace's ring: see mm/trace.h. One writer at a time; what is not read in time is overwritten
// and counted.

#include "mm/trace.h"
#include "lib/spinlock.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include <linux/errno.h>

#define RING_ORDER   8 // 1 MiB
#define RING_RECORDS ((PAGE_SIZE << RING_ORDER) / sizeof(struct trace_record))

bool trace_enabled;

static struct spinlock lock;         // guards the rest
static struct trace_record *ring;    // allocated on first use, then kept
static uint64_t written, read_up_to; // records, since trace_start
static uint64_t lost;
static int only_task;

void trace_write(enum trace_event event, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	int task = machine_task_id();

	if (only_task && task != only_task)
		return;
	spin_lock(&lock);
	if (written - read_up_to == RING_RECORDS) {
		read_up_to++;
		lost++;
	}
	ring[written++ % RING_RECORDS] = (struct trace_record){
		.time = machine_time(),
		.event = event,
		.cpu = machine_cpu(),
		.task = task,
		.a = a,
		.b = b,
		.c = c,
		.d = d,
	};
	spin_unlock(&lock);
}

int trace_start(int task)
{
	struct frame *frames;

	if (!ring) {
		frames = frame_alloc(RING_ORDER, FRAME_KERNEL);
		if (!frames)
			return -ENOMEM;
		ring = frame_to_virt(frames);
	}
	spin_lock(&lock);
	written = read_up_to = lost = 0;
	only_task = task;
	trace_enabled = true;
	spin_unlock(&lock);
	return 0;
}

void trace_stop(void)
{
	trace_enabled = false;
}

size_t trace_read(struct trace_record *records, size_t count)
{
	size_t taken = 0;

	spin_lock(&lock);
	while (taken < count && read_up_to < written)
		records[taken++] = ring[read_up_to++ % RING_RECORDS];
	spin_unlock(&lock);
	return taken;
}

uint64_t trace_lost(void)
{
	return lost;
}
