// SPDX-License-Identifier: MIT
//
// The console as plain streams of bytes: for a program whose input and output are files or pipes
// on the reader's machine. Input may be framed, so that it can end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

void stream_start(bool framed, bool empty);

// The console's input from the interrupt handler; how many bytes there was room for.
size_t stream_input(const uint8_t *bytes, size_t count);

// Where a writable stream leads: the console, or what tools/run keeps apart for errors.
enum stream_sink { STREAM_CONSOLE, STREAM_ERRORS };

// The readable stream, a writable one. 0 or -ENOMEM.
int stream_open_input(struct file **file);
int stream_open_output(enum stream_sink sink, struct file **file);
