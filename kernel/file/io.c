// SPDX-License-Identifier: MIT
//
// Transfers between files and memory, see io.h. Ring 3's memory is copied page by page: then a
// copy that faults has moved whole pages or nothing, and the count of bytes moved is exact.
#include "kernel/file/io.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "lib/string.h"
#include <asm/errno.h>

int io_user(struct io *io, uintptr_t base, size_t count)
{
	if (!user_range_ok(base, count))
		return -EFAULT;
	if (count > IO_MAX)
		count = IO_MAX;
	*io = (struct io){.base = (char *)base, .piece = count, .left = count};
	return 0;
}

int io_vector(struct io *io, struct iovec *pieces, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		if ((int64_t)pieces[i].iov_len < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!user_range_ok((uintptr_t)pieces[i].iov_base, pieces[i].iov_len))
			return -EFAULT;
		if (pieces[i].iov_len > IO_MAX - total)
			pieces[i].iov_len = IO_MAX - total;
		total += pieces[i].iov_len;
	}
	*io = (struct io){.left = total, .next = pieces};
	return 0;
}

void io_kernel(struct io *io, void *base, size_t count)
{
	*io = (struct io){.base = base, .piece = count, .left = count, .kernel = true};
}

// Makes the current piece one with bytes left. io->left must not be 0.
static void next_piece(struct io *io)
{
	while (io->piece == 0) {
		io->base = io->next->iov_base;
		io->piece = io->next->iov_len;
		io->next++;
	}
}

static void advance(struct io *io, size_t count)
{
	io->base += count;
	io->piece -= count;
	io->left -= count;
}

// How many bytes may be copied in one go: within the current piece and, of ring 3, its page.
static size_t step_size(struct io *io, size_t count)
{
	size_t step = io->piece < count ? io->piece : count;
	size_t page = PAGE_SIZE - ((uintptr_t)io->base & (PAGE_SIZE - 1));

	if (!io->kernel && step > page)
		step = page;
	return step;
}

static int step_to(struct io *io, const char *from, size_t step)
{
	if (!io->kernel)
		return from ? copy_to_user((uintptr_t)io->base, from, step)
			    : clear_user((uintptr_t)io->base, step);
	if (from)
		memcpy(io->base, from, step);
	else
		memset(io->base, 0, step);
	return 0;
}

// `from` NULL: zeros.
static size_t move_to(struct io *io, const char *from, size_t count)
{
	size_t moved = 0;

	if (count > io->left)
		count = io->left;
	while (moved < count) {
		size_t step;

		next_piece(io);
		step = step_size(io, count - moved);
		if (step_to(io, from ? from + moved : NULL, step))
			break;
		advance(io, step);
		moved += step;
	}
	return moved;
}

size_t io_to(struct io *io, const void *from, size_t count)
{
	return move_to(io, from, count);
}

size_t io_zero(struct io *io, size_t count)
{
	return move_to(io, NULL, count);
}

size_t io_from(struct io *io, void *to, size_t count)
{
	size_t moved = 0;

	if (count > io->left)
		count = io->left;
	while (moved < count) {
		size_t step;
		char *target = (char *)to + moved;

		next_piece(io);
		step = step_size(io, count - moved);
		if (io->kernel)
			memcpy(target, io->base, step);
		else if (copy_from_user(target, (uintptr_t)io->base, step))
			break;
		advance(io, step);
		moved += step;
	}
	return moved;
}

void io_skip(struct io *io, size_t count)
{
	while (count) {
		size_t step;

		next_piece(io);
		step = io->piece < count ? io->piece : count;
		advance(io, step);
		count -= step;
	}
}

bool io_must_end(void)
{
	if (this_cpu()->work & WORK_RESCHED)
		schedule();
	return signal_fatal_pending();
}
