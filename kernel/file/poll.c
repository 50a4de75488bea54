// SPDX-License-Identifier: MIT
//
// Polling: joins the wait queue of each file once, then looks at all files each time something
// wakes it. A file's poll operation joins two queues at most.
#include "kernel/file/poll.h"
#include "kernel/file/epoll.h"
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

struct poll_extra {
	struct poll_waiter waiter;
	struct file *file; // held
	struct poll_extra *next;
};

static struct poll_waiter *add_extra(struct poll_table *table)
{
	struct poll_extra *extra = kmalloc(sizeof(*extra));

	if (!extra) {
		table->failed = true;
		return NULL;
	}
	extra->file = epoll_hold(table->holding);
	extra->next = table->extra;
	table->extra = extra;
	return &extra->waiter;
}

void poll_wait(struct poll_table *table, struct wait_queue *queue)
{
	struct poll_waiter *waiter;

	if (!table)
		return;
	table->wakes += __atomic_load_n(&queue->wakes, __ATOMIC_ACQUIRE);
	if (!table->waiters)
		return;
	if (table->holding)
		waiter = add_extra(table);
	else
		waiter = table->used < table->size ? &table->waiters[table->used++] : NULL;
	if (!waiter)
		return;
	waiter->queue = queue;
	wait_join(queue, &waiter->waiter);
}

unsigned poll_look(struct file *file, struct poll_table *table)
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
			request->events = poll_look(request->file, table) &
					  (request->wanted | POLLERR | POLLHUP);
		ready += request->events != 0;
	}
	return ready;
}

static void leave_all(struct poll_table *table);

// Files inside of others are let go each time something happens: they may have been closed, and
// are to end then.
static long look_anew(struct poll_request *requests, size_t count, struct poll_table *table)
{
	long ready;

	leave_all(table);
	table->used = 0;
	table->extra = NULL;
	table->wakes = 0;
	ready = look(requests, count, table);
	return table->failed ? -ENOMEM : ready;
}

// What has been missed, by who holds files that are to be let go, is seen from how often the
// queues were woken.
static long look_or_sleep(struct poll_request *requests, size_t count, uint64_t deadline,
			  struct poll_table *table, int *result)
{
	struct poll_table glance = {0};
	long ready;

	wait_prepare();
	ready = look(requests, count, &glance);
	if (ready || (table->extra && glance.wakes != table->wakes))
		wait_cancel();
	else
		*result = wait_sleep(deadline);
	if (table->extra && !*result && !ready)
		ready = look_anew(requests, count, table);
	return ready;
}

static long poll_loop(struct poll_request *requests, size_t count, uint64_t deadline,
		      struct poll_table *table)
{
	long ready = look(requests, count, table);
	int result = 0;

	if (table->failed)
		return -ENOMEM;
	while (ready == 0 && result == 0 && deadline)
		ready = look_or_sleep(requests, count, deadline, table, &result);
	if (result)
		ready = look(requests, count, NULL);
	if (ready || result == -ETIMEDOUT)
		return ready;
	return result ? -ERESTARTNOHAND : 0;
}

int poll_table_start(struct poll_table *table, size_t count)
{
	*table = (struct poll_table){.size = count * QUEUES_PER_FILE};
	table->waiters = kmalloc(table->size * sizeof(struct poll_waiter));
	return table->waiters ? 0 : -ENOMEM;
}

static void leave_all(struct poll_table *table)
{
	struct poll_extra *extra = table->extra, *next;

	for (size_t i = 0; i < table->used; i++)
		wait_leave(table->waiters[i].queue, &table->waiters[i].waiter);
	for (; extra; extra = next) {
		next = extra->next;
		wait_leave(extra->waiter.queue, &extra->waiter.waiter);
		epoll_let_go(extra->file);
		kfree(extra);
	}
}

void poll_table_end(struct poll_table *table)
{
	leave_all(table);
	kfree(table->waiters);
}

long poll_files(struct poll_request *requests, size_t count, uint64_t deadline)
{
	struct poll_waiter on_stack[SMALL * QUEUES_PER_FILE];
	struct poll_table table = {.waiters = on_stack, .size = SMALL * QUEUES_PER_FILE};
	long result;

	if (count > SMALL && poll_table_start(&table, count))
		return -ENOMEM;
	result = poll_loop(requests, count, deadline, &table);
	leave_all(&table);
	if (table.waiters != on_stack)
		kfree(table.waiters);
	return result;
}
