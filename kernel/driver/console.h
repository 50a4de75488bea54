// SPDX-License-Identifier: MIT
//
// The console's bytes, by whichever way there is: a virtio console when QEMU gives one (tools/run
// does, for programs whose input and output are not a terminal: it moves kilobytes at a time),
// COM1 otherwise.
#pragma once

#include <stddef.h>

// Starts input: what comes is offered to tty_input().
void console_start_input(void);

// Raw bytes, none added or changed, and none of another writer between them. May sleep.
void console_write(const void *data, size_t count);
// The same without sleeping, for the terminal's echo: with interrupts off, under the terminal's
// lock, which keeps it to one at a time. May come between the bytes of a writer.
void console_echo(const void *data, size_t count);

// Offers bytes again that tty_input() had no room for. To be called when its reader has made room;
// until then the sender waits: nothing is lost.
void console_poll_input(void);
