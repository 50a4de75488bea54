// SPDX-License-Identifier: MIT
//
// Formatted output, for both rings. Conversions d i u x X o c s p %, lengths hh h l ll z j t,
// flags - + space 0 #, width and precision as numbers or '*'. No floating point (the kernel must
// not touch the FPU) and no %n; an unknown conversion is printed as it stands.
#pragma once

#include <stdarg.h>
#include <stddef.h>

// Receives the output in pieces that are not NUL-terminated.
typedef void (*format_sink)(void *context, const char *text, size_t length);

// Returns the number of bytes given to `sink`, or -1 when that does not fit in an int.
int format_to(format_sink sink, void *context, const char *format, va_list arguments);

// As in ISO C: at most `size` bytes are written, a NUL among them when size > 0; the result is
// the length the whole text would have had.
int snprintf(char *restrict buffer, size_t size, const char *restrict format, ...)
	__attribute__((format(printf, 3, 4)));
int vsnprintf(char *restrict buffer, size_t size, const char *restrict format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
