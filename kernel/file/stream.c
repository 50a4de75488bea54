// SPDX-License-Identifier: MIT
//
// Plain streams over the console, and out over a debug console.
//
// Framed input (boot option stdin=framed) is a sequence of frames: two bytes of length, the lower
// first, and that many bytes. A length of 0 is the end of the file, for good.
//
// Locks: the input ring has one producer at a time, the holder of the driver's input lock, which
// alone moves `head`, and one consumer, the holder of `reader` (may sleep), which alone moves
// `tail`. Bytes are copied to ring 3 straight out of the ring, so that a read that faults loses
// none. Output goes out in pieces of PIPE_BUF or less that nobody else's bytes come between:
// console.c sees to it for the console, `error_writer` for the debug console.
#include "kernel/file/stream.h"
#include "kernel/driver/console.h"
#include "kernel/driver/debugcon.h"
#include "kernel/file/device.h"
#include "kernel/file/file.h"
#include "kernel/file/poll.h"
#include "kernel/process/sleep_lock.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/signal.h"
#include "lib/string.h"
#include "mm/frame.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/stat.h>

#define RING_SIZE   65536
#define HEADER_SIZE 2
#define SMALL       256 // bytes on the stack on their way out

static struct {
	uint32_t head, tail; // counters of all bytes ever
	uint8_t bytes[RING_SIZE];
	bool framed;  // constant
	bool refused; // input waits in the device for room; atomic
	struct sleep_lock reader;
	// Written in the hold of `reader`, looked at by who waits:
	uint32_t frame_left; // bytes of the current frame still to be read
	bool ended;
	struct wait_queue arrived;
} input;

static struct sleep_lock error_writer;

void stream_start(bool framed, bool empty)
{
	input.ended = empty;
	input.framed = framed;
	sleep_lock_init(&input.reader);
	sleep_lock_init(&error_writer);
	wait_queue_init(&input.arrived);
}

// ---- the ring ----
static uint32_t ring_used(void)
{
	return __atomic_load_n(&input.head, __ATOMIC_ACQUIRE) - input.tail;
}

static size_t fill_ring(const uint8_t *bytes, size_t count)
{
	uint32_t room = RING_SIZE - (input.head - __atomic_load_n(&input.tail, __ATOMIC_SEQ_CST));
	size_t taken = count < room ? count : room;
	uint32_t place = input.head % RING_SIZE;
	size_t before_end = RING_SIZE - place < taken ? RING_SIZE - place : taken;

	memcpy(input.bytes + place, bytes, before_end);
	memcpy(input.bytes, bytes + before_end, taken - before_end);
	__atomic_store_n(&input.head, input.head + (uint32_t)taken, __ATOMIC_RELEASE);
	return taken;
}

// Between finding no room and saying so, a reader may have emptied the ring, who then has let
// nobody on: hence the second look.
size_t stream_input(const uint8_t *bytes, size_t count)
{
	size_t taken = fill_ring(bytes, count);

	if (taken < count) {
		__atomic_store_n(&input.refused, true, __ATOMIC_SEQ_CST);
		taken += fill_ring(bytes + taken, count - taken);
	}
	if (taken)
		wake_all(&input.arrived);
	return taken;
}

static void consume(uint32_t count)
{
	__atomic_store_n(&input.tail, input.tail + count, __ATOMIC_SEQ_CST);
}

// The sender is let on only when a good part of the ring is empty.
static void let_sender_on(void)
{
	if (__atomic_load_n(&input.refused, __ATOMIC_SEQ_CST) && ring_used() < RING_SIZE / 2) {
		__atomic_store_n(&input.refused, false, __ATOMIC_RELEASE);
		console_poll_input();
	}
}

// ---- frames ----
static uint32_t peek_length(void)
{
	return input.bytes[input.tail % RING_SIZE] |
	       (uint32_t)input.bytes[(input.tail + 1) % RING_SIZE] << 8;
}

// Without changing anything: whether a read would return at once.
static bool can_read(void *unused)
{
	uint32_t used = ring_used();

	(void)unused;
	if (input.ended || !input.framed || input.frame_left)
		return input.ended || used > 0;
	return used > HEADER_SIZE || (used == HEADER_SIZE && peek_length() == 0);
}

// Bytes of contents at the tail; steps over a frame's header first.
static uint32_t contents_ready(void)
{
	uint32_t used = ring_used();

	if (!input.framed || input.ended)
		return input.ended ? 0 : used;
	if (input.frame_left == 0 && used >= HEADER_SIZE) {
		input.frame_left = peek_length();
		input.ended = input.frame_left == 0;
		consume(HEADER_SIZE);
		used -= HEADER_SIZE;
	}
	return used < input.frame_left ? used : input.frame_left;
}

// ---- reading ----
// Moves out what is there. Bytes moved; *fault when ring 3's memory was not there.
static long take_bytes(struct io *io, bool *fault)
{
	long total = 0;
	uint32_t ready;

	*fault = false;
	while (io->left && (ready = contents_ready()) > 0) {
		uint32_t place = input.tail % RING_SIZE;
		uint32_t step = RING_SIZE - place < ready ? RING_SIZE - place : ready;
		size_t moved;

		if (step > io->left)
			step = (uint32_t)io->left;
		moved = io_to(io, input.bytes + place, step);
		consume((uint32_t)moved);
		if (input.framed)
			input.frame_left -= (uint32_t)moved;
		total += (long)moved;
		let_sender_on();
		if (moved < step) {
			*fault = true;
			break;
		}
	}
	return total;
}

static long stream_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)offset;
	if (io->left == 0)
		return 0;
	for (;;) {
		bool fault, ended;
		long moved;
		int result = sleep_lock_take(&input.reader);

		if (result)
			return result;
		moved = take_bytes(io, &fault);
		ended = input.ended;
		sleep_lock_release(&input.reader);
		// Who looked while the tail moved may have seen less than there is.
		if (moved && can_read(NULL))
			wake_all(&input.arrived);
		if (moved || fault || ended)
			return moved || !fault ? moved : -EFAULT;
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		result = wait_until(&input.arrived, can_read, NULL);
		if (result)
			return result;
	}
}

// ---- writing ----
// The ports are slow: others get the CPU in between, and a signal ends a long write.
static bool interrupted(void)
{
	if (this_cpu()->work & WORK_RESCHED)
		schedule();
	return signal_pending();
}

static void write_bytes(enum stream_sink sink, const uint8_t *bytes, size_t count)
{
	if (sink == STREAM_CONSOLE) {
		console_write(bytes, count);
		return;
	}
	sleep_lock_take_uninterruptible(&error_writer);
	debugcon_write(DEBUGCON_ERRORS, bytes, count);
	sleep_lock_release(&error_writer);
}

static long write_all(enum stream_sink sink, struct io *io, uint8_t *bytes, size_t size)
{
	long total = 0;

	while (io->left) {
		size_t step = io->left < size ? io->left : size;
		size_t moved = io_from(io, bytes, step);

		write_bytes(sink, bytes, moved);
		total += (long)moved;
		if (moved < step)
			return total ? total : -EFAULT;
		if (io->left && interrupted())
			break;
	}
	return total;
}

static long stream_write(struct file *file, struct io *io, uint64_t *offset)
{
	enum stream_sink sink = (enum stream_sink)(uintptr_t)file->data;
	uint8_t small[SMALL];
	struct frame *page = io->left > SMALL ? frame_alloc(0, FRAME_KERNEL) : NULL;
	long result;

	(void)offset;
	if (!page) // little to write, or no memory: then it goes in small pieces
		return write_all(sink, io, small, SMALL);
	result = write_all(sink, io, frame_to_virt(page), PAGE_SIZE);
	frame_put(page);
	return result;
}

// ---- the rest ----
static unsigned input_poll(struct file *file, struct poll_table *table)
{
	(void)file;
	poll_wait(table, &input.arrived);
	return can_read(NULL) ? POLLIN | POLLRDNORM : 0;
}

static long input_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	int ready;
	int result;

	(void)file;
	if (command != FIONREAD)
		return -ENOTTY;
	result = sleep_lock_take(&input.reader);
	if (result)
		return result;
	ready = (int)contents_ready();
	sleep_lock_release(&input.reader);
	return copy_to_user(argument, &ready, sizeof(ready));
}

static void stream_stat(struct file *file, struct stat *status)
{
	memset(status, 0, sizeof(*status));
	status->st_dev = PIPE_DEVICE;
	status->st_ino = (file_readable(file) ? 1000000u : 1000001u) + (uintptr_t)file->data;
	status->st_nlink = 1;
	status->st_mode = S_IFIFO | 0600;
	status->st_blksize = 4096;
}

static const struct file_ops input_ops = {
	.read = stream_read,
	.ioctl = input_ioctl,
	.poll = input_poll,
	.stat = stream_stat,
};
static unsigned output_poll(struct file *file, struct poll_table *table)
{
	(void)file, (void)table;
	return POLLOUT | POLLWRNORM;
}

static const struct file_ops output_ops = {
	.write = stream_write,
	.poll = output_poll,
	.stat = stream_stat,
};

int stream_open_input(struct file **file)
{
	*file = file_create(&input_ops, NULL, O_RDONLY);
	return *file ? 0 : -ENOMEM;
}

int stream_open_output(enum stream_sink sink, struct file **file)
{
	*file = file_create(&output_ops, NULL, O_WRONLY);
	if (!*file)
		return -ENOMEM;
	(*file)->data = (void *)(uintptr_t)sink;
	return 0;
}
