// SPDX-License-Identifier: MIT
//
// Serial ports (16550). COM1 is the program's input and output, COM2 its errors when tools/run
// keeps them apart. Output waits for the device; input comes by interrupt.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum serial_port { SERIAL_COM1, SERIAL_COM2 };

// Programs both ports: 115200 8N1, FIFO on. Ports that are not there swallow output.
void serial_init(void);
bool serial_present(enum serial_port port);

// Raw bytes, none added or changed. Any context; bytes of two callers may interleave.
void serial_write(enum serial_port port, const void *data, size_t count);

// Starts input on COM1: each byte is offered to tty_input().
void serial_start_input(void);

// Offers bytes again that tty_input() had no room for. To be called when its reader has made room;
// until then they stay in the UART and the sender waits: nothing is lost.
void serial_poll_input(void);

// kernel/file/tty.c: takes up to `count` bytes, returns how many. Called with interrupts off, from
// the interrupt handler or from serial_poll_input().
size_t tty_input(const uint8_t *data, size_t count);
