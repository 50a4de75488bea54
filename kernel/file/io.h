// SPDX-License-Identifier: MIT
//
// A transfer: the bytes one read or write still has to move, wherever they are: one or several
// pieces of ring 3's memory (read, readv) or a buffer of the kernel's (sendfile). Files move bytes
// through it and never see the difference.
#pragma once

#include <linux/types.h>
#include <linux/uio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Linux's limit of one transfer, in bytes: INT_MAX rounded down to a page.
#define IO_MAX 0x7ffff000ul

struct io {
	char *base;               // where the current piece goes on
	size_t piece;             // bytes left in the current piece
	size_t left;              // bytes left in all pieces, the current one included
	const struct iovec *next; // the pieces after it, in kernel memory
	bool kernel;              // the pieces are the kernel's own memory
};

// One piece of ring 3's memory; `count` is cut to IO_MAX. -EFAULT when it is not ring 3's.
int io_user(struct io *io, uintptr_t base, size_t count);
// Several: `pieces` is kernel memory and outlives the transfer; what goes beyond IO_MAX in all is
// cut off them. Same errors, and -EINVAL for a negative length.
int io_vector(struct io *io, struct iovec *pieces, size_t count);
void io_kernel(struct io *io, void *base, size_t count);

// Moves up to `count` bytes into (io_to) or out of (io_from) the transfer's memory and goes on
// behind them. Bytes moved: fewer than min(count, io->left) when ring 3's memory faulted.
size_t io_to(struct io *io, const void *from, size_t count);
size_t io_from(struct io *io, void *to, size_t count);
// The same with zeros as the source.
size_t io_zero(struct io *io, size_t count);
// To be asked after each piece of a transfer that may be long: lets others run whose turn it is.
// Whether the transfer has to end here, because the task is being ended.
bool io_must_end(void);
// Leaves out `count` bytes (at most io->left).
void io_skip(struct io *io, size_t count);
