// SPDX-License-Identifier: MIT
//
// A virtio console (Virtio 1.2, 5.3) by its legacy interface in I/O ports (4.1.4.8): one
// serial port of the device, one queue in each direction.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Finds and starts the device. False when there is none, or no memory for it.
bool virtio_console_start(void);
bool virtio_console_present(void);

// Through one of two buffers, 0 or 1; the caller sees to it that each has one user at a time.
void virtio_console_write(unsigned buffer, const void *data, size_t count);
void virtio_console_poll_input(void);
