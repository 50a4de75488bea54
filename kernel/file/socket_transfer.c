// SPDX-License-Identifier: MIT
//
// Sending through a pair of sockets, and receiving: what waits for what, and in which order
// errors, data and the end are told. socket.c says what locks what.
#include "kernel/file/pipe.h"
#include "kernel/file/socket_internal.h"
#include <linux/errno.h>

#define STREAM_PIECE 36544 // bytes of one message of a stream, as on Linux

// ---- sending ----
static bool can_send(void *argument)
{
	const struct end *end = argument;

	return __atomic_load_n(&end->charged, __ATOMIC_ACQUIRE) < SOCKET_BUFFER || end->error ||
	       shut(end) & SHUT_SEND;
}

static int wait_for_room(struct file *file, unsigned flags)
{
	struct end *end = file->data;
	int error;

	for (;;) {
		error = take_error(end);
		if (error)
			return error;
		if (shut(end) & SHUT_SEND)
			return -EPIPE;
		if (can_send(end))
			return 0;
		if (!may_wait(file, flags))
			return -EAGAIN;
		error = wait_until(&end->changed, can_send, end);
		if (error)
			return error;
	}
}

// Puts the message into the other's queue, if there still is one.
static int enqueue(struct end *end, struct message *message)
{
	struct end *other = other_end(end);
	int error = 0;

	spin_lock(&end->pair->lock);
	if (end->disconnected)
		error = -ENOTCONN;
	else if (other->gone && end->pair->type == SOCKET_DATAGRAM)
		error = -ECONNREFUSED;
	else if (other->gone || other->shut & SHUT_RECEIVE)
		error = -EPIPE;
	if (error == -ECONNREFUSED)
		end->disconnected = true;
	if (!error) {
		list_add_tail(&other->queue, &message->link);
		other->queued += message->size;
		end->charged += message->charge;
	}
	spin_unlock(&end->pair->lock);
	if (!error)
		wake_all(&other->changed);
	return error;
}

static int send_one(struct file *file, struct io *io, size_t size, unsigned flags,
		    struct passed_files *files)
{
	struct message *message;
	int error = wait_for_room(file, flags);

	if (!error)
		error = message_create(io, size, &message);
	if (error)
		return error;
	error = passed_files_depart(files);
	if (!error) {
		message->files = files;
		error = enqueue(file->data, message);
	}
	if (error) {
		passed_files_arrive(files);
		message->files = NULL;
		message_free(message);
	}
	return error;
}

static long send_stream(struct file *file, struct io *io, unsigned flags,
			struct passed_files *files)
{
	struct end *end = file->data;
	long sent = 0;
	int error = shut(end) & SHUT_SEND ? -EPIPE : 0;

	while (!error && io->left) {
		size_t size = io->left < STREAM_PIECE ? io->left : STREAM_PIECE;

		error = send_one(file, io, size, flags, sent ? NULL : files);
		if (!error)
			sent += (long)size;
	}
	if (!sent && !error)
		passed_files_free(files); // there was nothing to send them with
	if (error == -EPIPE && !sent && !(flags & MESSAGE_NO_SIGNAL))
		pipe_send_signal();
	return sent ? sent : error;
}

long socket_send(struct file *file, struct io *io, unsigned flags, struct passed_files *files)
{
	const size_t size = io->left;
	int error;

	if (flags & MESSAGE_OUT_OF_BAND)
		return -EOPNOTSUPP;
	if (is_stream(file->data))
		return send_stream(file, io, flags, files);
	if (size > SOCKET_BUFFER - 32)
		return -EMSGSIZE;
	error = send_one(file, io, size, flags, files);
	return error ? error : (long)size;
}

// ---- receiving ----
static bool can_receive(void *argument)
{
	const struct end *end = argument;

	return !list_empty(&end->queue) || end->error || shut(end) & SHUT_RECEIVE;
}

static struct message *first_message(struct end *end)
{
	struct message *message = NULL;

	spin_lock(&end->pair->lock);
	if (!list_empty(&end->queue))
		message = list_first_entry(&end->queue, struct message, link);
	spin_unlock(&end->pair->lock);
	return message;
}

// The one behind it, NULL: none yet.
static struct message *message_after(struct end *end, struct message *message)
{
	struct message *next = NULL;

	spin_lock(&end->pair->lock);
	if (message->link.next != &end->queue)
		next = container_of(message->link.next, struct message, link);
	spin_unlock(&end->pair->lock);
	return next;
}

static void remove_message(struct end *end, struct message *message)
{
	struct end *other = other_end(end);

	spin_lock(&end->pair->lock);
	list_del(&message->link);
	end->queued -= message->size - message->start;
	other->charged -= message->charge;
	spin_unlock(&end->pair->lock);
	message_free(message);
	wake_all(&other->changed);
}

static void consume(struct end *end, struct message *message, size_t count)
{
	spin_lock(&end->pair->lock);
	message->start += count;
	end->queued -= count;
	spin_unlock(&end->pair->lock);
}

// The message's files become the receiver's, or copies do who only peeks. 0 or -ENOMEM.
static int take_files(struct message *message, bool peeks, struct received *received)
{
	struct passed_files *files = message->files, *copy;

	if (!peeks) {
		passed_files_arrive(files);
		received->files = files;
		message->files = NULL;
		return 0;
	}
	copy = passed_files_alloc(files->count);
	if (!copy)
		return -ENOMEM;
	for (; copy->count < files->count; copy->count++)
		copy->file[copy->count] = file_get(files->file[copy->count]);
	received->files = copy;
	return 0;
}

// With `reader` held: moves out what is there, as far as a message that brings files. Bytes, or
// -EFAULT or -ENOMEM when it were none. *ends: nothing may be added to that.
static long take_bytes(struct end *end, struct io *io, bool peeks, struct received *received,
		       bool *ends)
{
	struct message *message = first_message(end), *next;
	long total = 0;
	int error = 0;

	for (; message && io->left && !*ends; message = next) {
		size_t left = message->size - message->start;
		size_t step = left < io->left ? left : io->left, moved;

		moved = message_copy(message, message->start, io, step);
		// As on Linux, a piece that faults half-way stays where it is, with its files.
		if (moved < step)
			error = -EFAULT;
		else if (message->files)
			error = take_files(message, peeks, received);
		if (error)
			moved = 0;
		total += (long)moved;
		*ends = error || received->files;
		next = message_after(end, message);
		if (!peeks)
			consume(end, message, moved);
		if (!peeks && message->start == message->size)
			remove_message(end, message);
	}
	*ends |= error != 0;
	return total ? total : error;
}

// Waits for something to receive: 0, 1 at the end, or -errno. `total`: bytes had already.
static int wait_for_message(struct file *file, unsigned flags, long total)
{
	struct end *end = file->data;
	int error = total ? 0 : take_error(end);

	if (error)
		return error;
	if (shut(end) & SHUT_RECEIVE)
		return 1;
	if (!may_wait(file, flags))
		return -EAGAIN;
	return wait_until(&end->changed, can_receive, end);
}

static long receive_stream(struct file *file, struct io *io, unsigned flags,
			   struct received *received)
{
	struct end *end = file->data;
	const long wanted = flags & MESSAGE_WAIT_ALL && io->left ? (long)io->left : 1;
	long total = 0, moved;
	bool ends = false;
	int result;

	for (;;) {
		result = sleep_lock_take(&end->reader);
		if (result)
			return total ? total : result;
		moved = take_bytes(end, io, flags & MESSAGE_PEEK, received, &ends);
		sleep_lock_release(&end->reader);
		if (moved < 0)
			return total ? total : moved;
		total += moved;
		if (total >= wanted || ends || (total && flags & MESSAGE_PEEK))
			return total;
		result = wait_for_message(file, flags, total);
		// What came before the end is not missed.
		if (result == 1 && !list_empty(&end->queue))
			continue;
		if (result)
			return total || result == 1 ? total : result;
	}
}

static long take_datagram(struct end *end, struct message *message, struct io *io, unsigned flags,
			  struct received *received)
{
	const size_t size = message->size, count = size < io->left ? size : io->left;
	long result = flags & MESSAGE_TRUNCATED ? (long)size : (long)count;

	if (count < size)
		received->flags |= MESSAGE_TRUNCATED;
	if (message->files && take_files(message, flags & MESSAGE_PEEK, received))
		result = -ENOMEM;
	if (message_copy(message, 0, io, count) < count)
		result = -EFAULT;
	if (!(flags & MESSAGE_PEEK))
		remove_message(end, message);
	return result;
}

static long receive_datagram(struct file *file, struct io *io, unsigned flags,
			     struct received *received)
{
	struct end *end = file->data;
	struct message *message;
	long result;

	for (;;) {
		result = take_error(end);
		if (!result)
			result = sleep_lock_take(&end->reader);
		if (result)
			return result;
		message = first_message(end);
		if (message)
			result = take_datagram(end, message, io, flags, received);
		sleep_lock_release(&end->reader);
		if (message)
			return result;
		result = wait_for_message(file, flags, 0);
		if (result == 1 && !list_empty(&end->queue))
			continue;
		if (result == 1)
			return end->pair->type == SOCKET_DATAGRAM && !may_wait(file, flags)
				       ? -EAGAIN
				       : 0;
		if (result)
			return result;
	}
}

long socket_receive(struct file *file, struct io *io, unsigned flags, struct received *received)
{
	*received = (struct received){0};
	if (flags & MESSAGE_OUT_OF_BAND)
		return -EOPNOTSUPP;
	if (is_stream(file->data))
		return receive_stream(file, io, flags, received);
	return receive_datagram(file, io, flags, received);
}
