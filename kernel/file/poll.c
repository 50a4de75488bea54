// SPDX-License-Identifier: MIT
//
// Polling: joins the wait queue of each file once, then looks at all files each time something
// wakes it. A file's poll operation joins two queues at most.
#include "kernel/file/poll.h"
#include "kernel/file/file.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/poll.h>

#define QUEUES_PER_FILE 2
#define SMALL           8 // files whose waiters fit on the stack

struct poll_waiter {
	struct waiter waiter;
	struct wait_queue *queue;
};

struct poll_table {
	struct poll_waiter *waiters;
	size_t used, size;
};

void poll_wait(struct poll_table *table, struct wait_queue *queue)
{
	struct poll_waiter *waiter;

	if (!table || table->used == table->size)
		return;
	waiter = &table->waiters[table->used++];
	waiter->queue = queue;
	wait_join(queue, &waiter->waiter);
}

static unsigned file_events(struct file *file, struct poll_table *table)
{
	if (file->ops->poll)
		return file->ops->poll(file, table);
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

// Looks at every file; how many have events.
static long look(struct poll_request *requests, size_t count, struct poll_table *table)
{
	long ready = 0;

	for (size_t i = 0; i < count; i++) {
		struct poll_request *request = &requests[i];

		if (request->file)
			request->events = file_events(request->file, table) &
					  (request->wanted | POLLERR | POLLHUP);
		ready += request->events != 0;
	}
	return ready;
}

static long poll_loop(struct poll_request *requests, size_t count, uint64_t deadline,
		      struct poll_table *table)
{
	long ready = look(requests, count, table);
	int result = 0;

	while (ready == 0 && result == 0 && deadline) {
		wait_prepare();
		ready = look(requests, count, NULL);
		if (ready)
			wait_cancel();
		else
			result = wait_sleep(deadline);
	}
	if (result)
		ready = look(requests, count, NULL);
	if (ready || result == -ETIMEDOUT)
		return ready;
	return result ? -ERESTARTNOHAND : 0;
}

static void leave_all(struct poll_table *table)
{
	for (size_t i = 0; i < table->used; i++)
		wait_leave(table->waiters[i].queue, &table->waiters[i].waiter);
}

long poll_files(struct poll_request *requests, size_t count, uint64_t deadline)
{
	struct poll_waiter on_stack[SMALL * QUEUES_PER_FILE];
	struct poll_table table = {.waiters = on_stack, .size = count * QUEUES_PER_FILE};
	long result;

	if (count > SMALL) {
		table.waiters = kmalloc(table.size * sizeof(struct poll_waiter));
		if (!table.waiters)
			return -ENOMEM;
	}
	result = poll_loop(requests, count, deadline, &table);
	leave_all(&table);
	if (table.waiters != on_stack)
		kfree(table.waiters);
	return result;
}
