// SPDX-License-Identifier: MIT
//
// Messages of sockets. Locks: none; who has one has it alone, or holds what guards its queue.
#include "kernel/file/message.h"

#include "kernel/file/file.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/user.h"
#include "mm/layout.h"
#include "mm/slab.h"
#include <linux/errno.h>

#define PIECE_BYTES (PAGE_SIZE - sizeof(struct message_piece *))

// What Linux keeps beside the bytes of a small message and of each: so as many fit.
#define HEAD_ROOM   320
#define HEAD_MIN    512
#define DESCRIPTION 256

struct message_piece {
	struct message_piece *next;
	char bytes[];
};

struct passed_files *passed_files_alloc(unsigned count)
{
	struct passed_files *files = kmalloc(sizeof(*files) + count * sizeof(files->file[0]));

	if (files) {
		files->sender = NULL;
		files->count = 0;
	}
	return files;
}

int passed_files_depart(struct passed_files *files)
{
	struct user *user;

	if (!files)
		return 0;
	user = current_credentials()->user;
	if (__atomic_load_n(&user->in_flight, __ATOMIC_RELAXED) >
		    process_limit(current_process(), RLIMIT_NOFILE).rlim_cur &&
	    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	__atomic_add_fetch(&user->in_flight, files->count, __ATOMIC_RELAXED);
	files->sender = user_get(user);
	return 0;
}

void passed_files_arrive(struct passed_files *files)
{
	if (!files || !files->sender)
		return;
	__atomic_sub_fetch(&files->sender->in_flight, files->count, __ATOMIC_RELAXED);
	user_put(files->sender);
	files->sender = NULL;
}

void passed_files_free(struct passed_files *files)
{
	passed_files_arrive(files);
	for (unsigned i = 0; files && i < files->count; i++)
		file_put(files->file[i]);
	kfree(files);
}

// As Linux counts: what is more than fits into a page is in pages of its own.
static size_t charge_of(size_t size)
{
	size_t in_pages =
		size > PAGE_SIZE - HEAD_ROOM ? PAGE_ALIGN_UP(size - (PAGE_SIZE - HEAD_ROOM)) : 0;
	size_t head = size > in_pages ? size - in_pages : 0, room = HEAD_MIN;

	while (room < head + HEAD_ROOM)
		room *= 2;
	return DESCRIPTION + room + in_pages;
}

static int fill(struct message *message, struct io *io, size_t size)
{
	struct message_piece **end = &message->pieces;

	while (message->size < size) {
		size_t step =
			size - message->size < PIECE_BYTES ? size - message->size : PIECE_BYTES;

		*end = kmalloc(sizeof(**end) + step);
		if (!*end)
			return -ENOBUFS;
		(*end)->next = NULL;
		if (io_from(io, (*end)->bytes, step) < step)
			return -EFAULT;
		message->size += step;
		end = &(*end)->next;
	}
	return 0;
}

int message_create(struct io *io, size_t size, struct message **message)
{
	struct message *new = kzalloc(sizeof(*new));
	int error;

	if (!new)
		return -ENOBUFS;
	list_init(&new->link);
	new->charge = charge_of(size);
	error = fill(new, io, size);
	if (error)
		message_free(new);
	else
		*message = new;
	return error;
}

void message_free(struct message *message)
{
	struct message_piece *piece = message->pieces, *next;

	for (; piece; piece = next) {
		next = piece->next;
		kfree(piece);
	}
	passed_files_free(message->files);
	kfree(message);
}

size_t message_copy(const struct message *message, size_t start, struct io *io, size_t count)
{
	const struct message_piece *piece = message->pieces;
	size_t copied = 0;

	for (; start >= PIECE_BYTES; start -= PIECE_BYTES)
		piece = piece->next;
	while (copied < count) {
		size_t step = count - copied < PIECE_BYTES - start ? count - copied
								   : PIECE_BYTES - start;
		size_t moved = io_to(io, piece->bytes + start, step);

		copied += moved;
		if (moved < step)
			break;
		start = 0;
		piece = piece->next;
	}
	return copied;
}
