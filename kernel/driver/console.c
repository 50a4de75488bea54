// SPDX-License-Identifier: MIT
//
// The console's bytes: see console.h.
#include "kernel/driver/console.h"
#include "kernel/driver/serial.h"
#include "kernel/driver/virtio_console.h"

void console_start_input(void)
{
	if (!virtio_console_start())
		serial_start_input();
}

void console_write(const void *data, size_t count)
{
	if (virtio_console_present())
		virtio_console_write(data, count);
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
