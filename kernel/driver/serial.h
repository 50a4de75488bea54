// SPDX-License-Identifier: MIT
//
// COM1, a 16550 serial port: the console where there is no better one. Output waits for the
// device; input comes by interrupt.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Programs the port: 115200 8N1, FIFO on. A port that is not there swallows output.
void serial_init(void);

// Raw bytes, none added or changed. Any context; bytes of two callers may interleave.
void serial_write(const void *data, size_t count);

// For a panic: from now on output does not wait for whoever was writing.
void serial_break_lock(void);

// Starts input: each byte is offered to tty_input().
void serial_start_input(void);

// Offers bytes again that tty_input() had no room for. To be called when its reader has made room;
// until then they stay in the UART and the sender waits: nothing is lost.
void serial_poll_input(void);

// kernel/file/tty.c: takes up to `count` bytes, returns how many. Called with interrupts off, by
// one driver that holds its input lock: calls never overlap.
size_t tty_input(const uint8_t *data, size_t count);
