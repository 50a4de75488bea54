// SPDX-License-Identifier: MIT
//
// The console as plain streams of bytes: for a program whose input and output are files or pipes
// on the reader's machine. Input may be framed, so that it can end.
#pragma once

#include "kernel/driver/serial.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

void stream_start(bool framed);

// COM1's input from the interrupt handler; how many bytes there was room for.
size_t stream_input(const uint8_t *bytes, size_t count);

// The readable stream on COM1, a writable one on any port. 0 or -ENOMEM.
int stream_open_input(struct file **file);
int stream_open_output(enum serial_port port, struct file **file);

// Writes a transfer to a port, unchanged: bytes written or -errno.
struct io;
long stream_write_port(enum serial_port port, struct io *io);
