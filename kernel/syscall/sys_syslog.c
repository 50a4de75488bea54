// SPDX-License-Identifier: MIT
//
// syslog: the kernel's log for dmesg. Left out: waiting for lines (reading when there are none
// gives none), and each line's level and time.
#include "kernel/driver/log.h"
#include "kernel/file/io.h"
#include "kernel/process/credentials.h"
#include "kernel/syscall/calls.h"
#include <linux/capability.h>
#include <linux/errno.h>

// Linux has these names in a header of its own, for itself.
enum {
	LOG_CLOSE,
	LOG_OPEN,
	LOG_READ,
	LOG_READ_ALL,
	LOG_READ_CLEAR,
	LOG_CLEAR,
	LOG_CONSOLE_OFF,
	LOG_CONSOLE_ON,
	LOG_CONSOLE_LEVEL,
	LOG_SIZE_UNREAD,
	LOG_SIZE_BUFFER,
};

// Bytes since boot: where LOG_READ goes on, and what LOG_READ_ALL does not show any more. Two
// readers at a time may see a line twice.
static uint64_t unread, cleared;

static long copy_log(uint64_t *position, struct io *io)
{
	char piece[256];
	long total = 0;

	while (io->left) {
		size_t room = io->left < sizeof(piece) ? io->left : sizeof(piece);
		size_t count = log_read(position, piece, room);

		if (io_to(io, piece, count) < count)
			return -EFAULT;
		total += (long)count;
		if (count == 0)
			break;
	}
	return total;
}

static long read_unread(struct io *io)
{
	uint64_t position = __atomic_load_n(&unread, __ATOMIC_RELAXED);
	long result = copy_log(&position, io);

	if (result > 0)
		__atomic_store_n(&unread, position, __ATOMIC_RELAXED);
	return result;
}

static void clear(void)
{
	__atomic_store_n(&cleared, log_written(), __ATOMIC_RELAXED);
}

// The last lines that fit, of those that came since LOG_CLEAR.
static long read_last(struct io *io, bool and_clear)
{
	uint64_t position = log_last_lines(__atomic_load_n(&cleared, __ATOMIC_RELAXED), io->left);
	long result = copy_log(&position, io);

	if (and_clear && result >= 0)
		clear();
	return result;
}

static long read_log(int type, uintptr_t buffer, int count)
{
	struct io io;

	if (!buffer || count < 0)
		return -EINVAL;
	if (count == 0)
		return 0;
	if (io_user(&io, buffer, (size_t)count))
		return -EFAULT;
	return type == LOG_READ ? read_unread(&io) : read_last(&io, type == LOG_READ_CLEAR);
}

long sys_syslog(int type, uintptr_t buffer, int count)
{
	if (type != LOG_READ_ALL && type != LOG_SIZE_BUFFER && !capable(CAP_SYSLOG))
		return -EPERM;
	switch (type) {
	case LOG_CLOSE:
	case LOG_OPEN:
	case LOG_CONSOLE_OFF:
	case LOG_CONSOLE_ON:
		return 0;
	case LOG_READ:
	case LOG_READ_ALL:
	case LOG_READ_CLEAR:
		return read_log(type, buffer, count);
	case LOG_CLEAR:
		clear();
		return 0;
	case LOG_CONSOLE_LEVEL:
		return count < 1 || count > 8 ? -EINVAL : 0;
	case LOG_SIZE_UNREAD:
		return (long)(log_written() - log_last_lines(unread, LOG_SIZE));
	case LOG_SIZE_BUFFER:
		return LOG_SIZE;
	default:
		return -EINVAL;
	}
}
