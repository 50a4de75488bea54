// SPDX-License-Identifier: MIT
//
// The kernel's log: lines of text to QEMU's debug console, or to the first serial port where there
// is none, and into a ring that keeps the latest 32 KiB. Usable from the first instruction in
// 64-bit mode, from interrupt handlers and from a panic.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

// One line, printf's format (lib/format.h); the line's end is added. Longer lines are cut at 400.
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_vline(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

// Copies what the ring still holds from byte `*position` on, counted since boot (0: the oldest),
// and moves it past that. Bytes copied.
size_t log_read(uint64_t *position, char *buffer, size_t size);

#define LOG_SIZE 32768 // bytes that the ring keeps

// Bytes since boot.
uint64_t log_written(void);
// Where the last whole lines begin that are together `size` bytes at most, and not before `from`.
uint64_t log_last_lines(uint64_t from, size_t size);

// From now on lines go out even if somebody holds the log's lock: a panic may have hit its holder.
void log_break_lock(void);
