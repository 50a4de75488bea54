// SPDX-License-Identifier: MIT
//
// poll, ppoll, select, pselect6: the same wait (kernel/file/poll.h) with different arguments.
#include "kernel/file/poll.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/signal_action.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/poll.h>
#include <linux/time_types.h>

#define SECOND      1000000000ul
#define MILLISECOND 1000000ul
#define NO_WAIT     0

// ---- time ----
static uint64_t deadline_in(uint64_t nanoseconds)
{
	uint64_t deadline;

	if (nanoseconds == 0)
		return NO_WAIT;
	if (__builtin_add_overflow(clock_monotonic(), nanoseconds, &deadline))
		return WAIT_FOREVER;
	return deadline;
}

// `seconds` and a fraction of less than `SECOND`: a deadline, or -EINVAL.
static int make_deadline(int64_t seconds, int64_t nanoseconds, uint64_t *deadline)
{
	uint64_t total;

	if (seconds < 0 || nanoseconds < 0 || nanoseconds >= (int64_t)SECOND)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)seconds, SECOND, &total) ||
	    __builtin_add_overflow(total, (uint64_t)nanoseconds, &total))
		total = UINT64_MAX;
	*deadline = deadline_in(total);
	return 0;
}

static uint64_t time_left(uint64_t deadline)
{
	uint64_t now = clock_monotonic();

	return deadline > now ? deadline - now : 0;
}

// A struct timespec of ring 3, 0: forever.
static int get_timespec(uintptr_t user, uint64_t *deadline)
{
	struct __kernel_timespec time;

	*deadline = WAIT_FOREVER;
	if (!user)
		return 0;
	if (copy_from_user(&time, user, sizeof(time)))
		return -EFAULT;
	return make_deadline(time.tv_sec, time.tv_nsec, deadline);
}

// Linux writes back what is left. That this may fail is of no consequence.
static void put_timespec(uintptr_t user, uint64_t deadline)
{
	uint64_t left = time_left(deadline);
	struct __kernel_timespec time = {
		.tv_sec = (int64_t)(left / SECOND),
		.tv_nsec = (int64_t)(left % SECOND),
	};

	if (user && deadline != WAIT_FOREVER)
		(void)copy_to_user(user, &time, sizeof(time));
}

// ---- poll ----
static void open_requests(const struct pollfd *files, struct poll_request *requests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct poll_request *request = &requests[i];

		request->wanted = (uint16_t)files[i].events;
		request->events = 0;
		request->file = files[i].fd < 0 ? NULL : get_open_file(files[i].fd);
		if (!request->file && files[i].fd >= 0)
			request->events = POLLNVAL;
	}
}

static void close_requests(struct poll_request *requests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		file_put(requests[i].file);
}

static long poll_copied(struct pollfd *files, struct poll_request *requests, size_t count,
			uint64_t deadline)
{
	long result;

	open_requests(files, requests, count);
	result = poll_files(requests, count, deadline);
	for (size_t i = 0; i < count; i++)
		files[i].revents = (short)requests[i].events;
	close_requests(requests, count);
	return result;
}

static long poll_until(uintptr_t user_files, uint32_t count, uint64_t deadline)
{
	size_t bytes = count * sizeof(struct pollfd);
	struct poll_request *requests = kmalloc(count * sizeof(*requests) + 1);
	struct pollfd *files = kmalloc(bytes + 1);
	long result = -ENOMEM;

	if (requests && files) {
		result = -EFAULT;
		if (copy_from_user(files, user_files, bytes) == 0)
			result = poll_copied(files, requests, count, deadline);
		if (result >= 0 && copy_to_user(user_files, files, bytes))
			result = -EFAULT;
	}
	kfree(files);
	kfree(requests);
	return result;
}

static long poll_or_restart(uintptr_t files, uint32_t count, uint64_t deadline);

static long restart_poll(struct restart *restart)
{
	return poll_or_restart(restart->address, (uint32_t)restart->value, restart->deadline);
}

static long poll_or_restart(uintptr_t files, uint32_t count, uint64_t deadline)
{
	long result = poll_until(files, count, deadline);

	if (result != -ERESTARTNOHAND)
		return result;
	current_task()->restart = (struct restart){
		.function = restart_poll,
		.deadline = deadline,
		.address = files,
		.value = count,
	};
	return -ERESTART_RESTARTBLOCK;
}

long sys_poll(uintptr_t files, uint32_t count, int timeout)
{
	uint64_t deadline = WAIT_FOREVER;

	if (count > descriptor_limit())
		return -EINVAL;
	if (timeout >= 0)
		deadline = deadline_in((uint64_t)timeout * MILLISECOND);
	return poll_or_restart(files, count, deadline);
}

// ---- the signal mask of ppoll and pselect6: the old one is put back on the way to ring 3 ----
static int set_mask(uintptr_t user_mask, size_t size)
{
	uint64_t mask;

	if (!user_mask)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, user_mask, sizeof(mask)))
		return -EFAULT;
	signal_mask_set_temporarily(mask);
	return 0;
}

long sys_ppoll(uintptr_t files, uint32_t count, uintptr_t timeout, uintptr_t mask,
	       size_t mask_size)
{
	uint64_t deadline;
	long result = get_timespec(timeout, &deadline);

	if (result == 0 && count > descriptor_limit())
		result = -EINVAL;
	if (result == 0)
		result = set_mask(mask, mask_size);
	if (result)
		return result;
	result = poll_until(files, count, deadline);
	if (result != -ERESTARTNOHAND)
		signal_mask_restore();
	put_timespec(timeout, deadline);
	return result;
}

// ---- select ----
enum { SET_READ, SET_WRITE, SET_EXCEPT, SET_COUNT };

struct selection {
	unsigned count;                // descriptors looked at
	size_t words;                  // of each set
	uint64_t *sets[SET_COUNT];     // asked for; then the answer
	uintptr_t users[SET_COUNT];    // where they are in ring 3, 0: none
	struct poll_request *requests; // one for each descriptor in some set
	unsigned *descriptors;         // theirs
	size_t used;
};

static const unsigned set_events[SET_COUNT] = {
	POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
	POLLPRI,
};

static bool in_set(const uint64_t *set, unsigned descriptor)
{
	return set[descriptor / 64] >> descriptor % 64 & 1;
}

static unsigned wanted_events(const struct selection *selection, unsigned descriptor)
{
	unsigned events = 0;

	for (unsigned i = 0; i < SET_COUNT; i++)
		if (in_set(selection->sets[i], descriptor))
			events |= set_events[i];
	return events;
}

static void selection_free(struct selection *selection)
{
	kfree(selection->sets[0]);
	kfree(selection->requests);
	kfree(selection->descriptors);
}

// Memory for the sets, then for the files in them, and the sets copied in.
static int selection_create(struct selection *selection)
{
	size_t files = 0;

	selection->sets[0] = kzalloc(SET_COUNT * selection->words * 8 + 1);
	if (!selection->sets[0])
		return -ENOMEM;
	for (unsigned i = 0; i < SET_COUNT; i++) {
		selection->sets[i] = selection->sets[0] + i * selection->words;
		if (selection->users[i] &&
		    copy_from_user(selection->sets[i], selection->users[i], selection->words * 8))
			return -EFAULT;
	}
	for (unsigned i = 0; i < selection->count; i++)
		files += wanted_events(selection, i) != 0;
	selection->requests = kmalloc(files * sizeof(*selection->requests) + 1);
	selection->descriptors = kmalloc(files * sizeof(*selection->descriptors) + 1);
	return selection->requests && selection->descriptors ? 0 : -ENOMEM;
}

static int selection_open(struct selection *selection)
{
	for (unsigned i = 0; i < selection->count; i++) {
		struct poll_request *request = &selection->requests[selection->used];
		unsigned wanted = wanted_events(selection, i);

		if (!wanted)
			continue;
		request->file = get_open_file((int)i);
		if (!request->file)
			return -EBADF;
		request->wanted = wanted;
		selection->descriptors[selection->used++] = i;
	}
	return 0;
}

// Turns events into sets: how many bits are set.
static long selection_answer(struct selection *selection)
{
	long bits = 0;

	for (size_t i = 0; i < selection->used; i++) {
		unsigned descriptor = selection->descriptors[i];

		for (unsigned s = 0; s < SET_COUNT; s++) {
			uint64_t *word = &selection->sets[s][descriptor / 64];
			uint64_t bit = 1ul << descriptor % 64;

			if (selection->requests[i].events & set_events[s])
				bits += (*word & bit) != 0;
			else
				*word &= ~bit;
		}
	}
	return bits;
}

static int selection_copy_out(const struct selection *selection)
{
	for (unsigned i = 0; i < SET_COUNT; i++)
		if (selection->users[i] &&
		    copy_to_user(selection->users[i], selection->sets[i], selection->words * 8))
			return -EFAULT;
	return 0;
}

// Bits beyond Linux's smallest table, and beyond this process's, are not looked at.
static unsigned select_limit(unsigned count)
{
	unsigned limit = files_end(current_task()->files);

	if (limit < 64)
		limit = 64;
	return count < limit ? count : limit;
}

static long select_until(int count, const uintptr_t users[SET_COUNT], uint64_t deadline)
{
	struct selection selection = {0};
	long result;

	if (count < 0)
		return -EINVAL;
	selection.count = select_limit((unsigned)count);
	selection.words = (selection.count + 63) / 64;
	memcpy(selection.users, users, sizeof(selection.users));
	result = selection_create(&selection);
	if (result == 0)
		result = selection_open(&selection);
	if (result == 0)
		result = poll_files(selection.requests, selection.used, deadline);
	if (result >= 0) {
		result = selection_answer(&selection);
		if (selection_copy_out(&selection))
			result = -EFAULT;
	}
	close_requests(selection.requests, selection.used);
	selection_free(&selection);
	return result;
}

static void put_timeval(uintptr_t user, uint64_t deadline)
{
	uint64_t left = time_left(deadline);
	struct __kernel_old_timeval time = {
		.tv_sec = (long)(left / SECOND),
		.tv_usec = (long)(left % SECOND / 1000),
	};

	if (user)
		(void)copy_to_user(user, &time, sizeof(time));
}

long sys_select(int count, uintptr_t read, uintptr_t write, uintptr_t except, uintptr_t timeout)
{
	uintptr_t users[SET_COUNT] = {read, write, except};
	struct __kernel_old_timeval time;
	uint64_t deadline = WAIT_FOREVER;
	long result = 0;

	if (timeout) {
		if (copy_from_user(&time, timeout, sizeof(time)))
			return -EFAULT;
		if (time.tv_usec < 0 || time.tv_usec >= 1000000)
			return -EINVAL;
		result = make_deadline(time.tv_sec, time.tv_usec * 1000, &deadline);
	}
	if (result)
		return result;
	result = select_until(count, users, deadline);
	put_timeval(timeout, deadline);
	return result;
}

long sys_pselect6(int count, uintptr_t read, uintptr_t write, uintptr_t except, uintptr_t timeout,
		  uintptr_t user_mask)
{
	uintptr_t users[SET_COUNT] = {read, write, except};
	uint64_t mask[2] = {0, 0}; // the mask's address and its size
	uint64_t deadline;
	long result = get_timespec(timeout, &deadline);

	if (result == 0 && user_mask && copy_from_user(mask, user_mask, sizeof(mask)))
		result = -EFAULT;
	if (result == 0)
		result = set_mask(mask[0], mask[1]);
	if (result)
		return result;
	result = select_until(count, users, deadline);
	if (result != -ERESTARTNOHAND)
		signal_mask_restore();
	put_timespec(timeout, deadline);
	return result;
}
