// SPDX-License-Identifier: MIT
//
// The console's bytes: see console.h.
//
// `writer` (may sleep) keeps the writes of several tasks apart.
#include "kernel/driver/console.h"
#include "kernel/driver/serial.h"
#include "kernel/driver/virtio_console.h"
#include "kernel/process/sleep_lock.h"

enum { BUFFER_WRITER, BUFFER_ECHO };

static struct sleep_lock writer;

void console_start_input(void)
{
	sleep_lock_init(&writer);
	if (!virtio_console_start())
		serial_start_input();
}

void console_write(const void *data, size_t count)
{
	sleep_lock_take_uninterruptible(&writer);
	if (virtio_console_present())
		virtio_console_write(BUFFER_WRITER, data, count);
	else
		serial_write(data, count);
	sleep_lock_release(&writer);
}

void console_echo(const void *data, size_t count)
{
	if (virtio_console_present())
		virtio_console_write(BUFFER_ECHO, data, count);
	else
		serial_write(data, count);
}

void console_poll_input(void)
{
	if (virtio_console_present())
		virtio_console_poll_input();
	else
		serial_poll_input();
}
