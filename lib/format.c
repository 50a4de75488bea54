// SPDX-License-Identifier: MIT
//
// One conversion at a time: parse its specification into a struct, turn the argument into digits
// or a string, then put out padding, prefix, zeros and text. Keeps no state between calls, so
// any number of CPUs may be in it; its stack use is bounded, so that a panic may call it.
#include "lib/format.h"
#include "lib/string.h"
#include <stdbool.h>
#include <stdint.h>

struct output {
	format_sink sink;
	void *context;
	size_t length; // bytes put out so far
};

struct conversion {
	bool left, plus, space, zero, alternate; // flags - + ' ' 0 #
	int width;                               // 0: none
	int precision;                           // -1: none
	int size;                                // of the integer argument, in bytes
	char type;
};

// 64 bits in octal.
#define DIGITS_MAX 22

// Not from <limits.h>: GCC's own passes on to the C library's, which the kernel has none of.
#define INT_LARGEST  __INT_MAX__
#define INT_SMALLEST (-__INT_MAX__ - 1)

static void put(struct output *out, const char *text, size_t length)
{
	if (length == 0)
		return;
	out->sink(out->context, text, length);
	out->length += length;
}

static void put_repeated(struct output *out, char character, int count)
{
	char run[16];

	if (count <= 0)
		return;
	memset(run, character, sizeof(run));
	for (; count > (int)sizeof(run); count -= sizeof(run))
		put(out, run, sizeof(run));
	put(out, run, (size_t)count);
}

static const char *parse_flags(const char *at, struct conversion *spec)
{
	for (;; at++) {
		switch (*at) {
		case '-':
			spec->left = true;
			break;
		case '+':
			spec->plus = true;
			break;
		case ' ':
			spec->space = true;
			break;
		case '0':
			spec->zero = true;
			break;
		case '#':
			spec->alternate = true;
			break;
		default:
			return at;
		}
	}
}

// A decimal number, held at INT_LARGEST when it is larger.
static const char *parse_number(const char *at, int *number)
{
	long value = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		if (value < INT_LARGEST)
			value = value * 10 + (*at - '0');
	*number = value < INT_LARGEST ? (int)value : INT_LARGEST;
	return at;
}

static const char *parse_width(const char *at, struct conversion *spec, va_list *arguments)
{
	if (*at != '*')
		return parse_number(at, &spec->width);
	spec->width = va_arg(*arguments, int);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = spec->width == INT_SMALLEST ? INT_LARGEST : -spec->width;
	}
	return at + 1;
}

static const char *parse_precision(const char *at, struct conversion *spec, va_list *arguments)
{
	spec->precision = -1;
	if (*at != '.')
		return at;
	if (at[1] != '*')
		return parse_number(at + 1, &spec->precision);
	spec->precision = va_arg(*arguments, int);
	if (spec->precision < 0)
		spec->precision = -1;
	return at + 2;
}

static const char *parse_size(const char *at, struct conversion *spec)
{
	bool doubled = at[0] && at[0] == at[1];

	spec->size = sizeof(int);
	switch (*at) {
	case 'h':
		spec->size = doubled ? sizeof(char) : sizeof(short);
		return at + 1 + doubled;
	case 'l':
		spec->size = sizeof(long);
		return at + 1 + doubled;
	case 'z':
	case 'j':
	case 't':
		spec->size = sizeof(long);
		return at + 1;
	default:
		return at;
	}
}

// Writes digits backwards from `end`; no digit at all for zero.
static char *write_digits(char *end, uint64_t value, unsigned int base, bool capital)
{
	const char *digits = capital ? "0123456789ABCDEF" : "0123456789abcdef";

	for (; value != 0; value /= base)
		*--end = digits[value % base];
	return end;
}

// Puts prefix (sign or 0x) and digits, with the zeros and spaces the specification asks for.
static void put_number(struct output *out, const struct conversion *spec, const char *prefix,
		       const char *digits, int count)
{
	int prefix_length = (int)strlen(prefix);
	int least = spec->precision < 0 ? 1 : spec->precision;
	int zeros = least > count ? least - count : 0;
	int padding = spec->width - prefix_length - count;

	if (spec->type == 'o' && spec->alternate && zeros == 0)
		if (count == 0 || *digits != '0')
			zeros = 1;
	padding = padding > zeros ? padding - zeros : 0;
	if (spec->zero && !spec->left && spec->precision < 0) {
		zeros += padding;
		padding = 0;
	}
	if (!spec->left)
		put_repeated(out, ' ', padding);
	put(out, prefix, (size_t)prefix_length);
	put_repeated(out, '0', zeros);
	put(out, digits, (size_t)count);
	if (spec->left)
		put_repeated(out, ' ', padding);
}

static void put_signed(struct output *out, const struct conversion *spec, int64_t value)
{
	char buffer[DIGITS_MAX], *end = buffer + sizeof(buffer);
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char *digits = write_digits(end, magnitude, 10, false);
	const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_number(out, spec, sign, digits, (int)(end - digits));
}

static void put_unsigned(struct output *out, const struct conversion *spec, uint64_t value)
{
	char buffer[DIGITS_MAX], *end = buffer + sizeof(buffer);
	bool hexadecimal = spec->type == 'x' || spec->type == 'X';
	unsigned int base = hexadecimal ? 16 : spec->type == 'o' ? 8 : 10;
	char *digits = write_digits(end, value, base, spec->type == 'X');
	const char *prefix = "";

	if (hexadecimal && spec->alternate && value != 0)
		prefix = spec->type == 'X' ? "0X" : "0x";
	put_number(out, spec, prefix, digits, (int)(end - digits));
}

static void put_pointer(struct output *out, const struct conversion *spec, void *pointer)
{
	struct conversion as_number = *spec;

	as_number.type = 'x';
	as_number.alternate = true;
	put_unsigned(out, &as_number, (uintptr_t)pointer);
}

static void put_string(struct output *out, const struct conversion *spec, const char *text)
{
	size_t limit = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;
	size_t length = strnlen(text, limit);
	int padding = length < (size_t)spec->width ? spec->width - (int)length : 0;

	if (!spec->left)
		put_repeated(out, ' ', padding);
	put(out, text, length);
	if (spec->left)
		put_repeated(out, ' ', padding);
}

static void put_character(struct output *out, const struct conversion *spec, char character)
{
	if (!spec->left)
		put_repeated(out, ' ', spec->width - 1);
	put(out, &character, 1);
	if (spec->left)
		put_repeated(out, ' ', spec->width - 1);
}

static int64_t signed_argument(int size, va_list *arguments)
{
	if (size == sizeof(long))
		return va_arg(*arguments, long);
	if (size == sizeof(char))
		return (signed char)va_arg(*arguments, int);
	if (size == sizeof(short))
		return (short)va_arg(*arguments, int);
	return va_arg(*arguments, int);
}

static uint64_t unsigned_argument(int size, va_list *arguments)
{
	if (size == sizeof(long))
		return va_arg(*arguments, unsigned long);
	if (size == sizeof(char))
		return (unsigned char)va_arg(*arguments, int);
	if (size == sizeof(short))
		return (unsigned short)va_arg(*arguments, int);
	return va_arg(*arguments, unsigned int);
}

// False for a conversion it does not know.
static bool convert(struct output *out, const struct conversion *spec, va_list *arguments)
{
	const char *text;

	switch (spec->type) {
	case 'd':
	case 'i':
		put_signed(out, spec, signed_argument(spec->size, arguments));
		return true;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(out, spec, unsigned_argument(spec->size, arguments));
		return true;
	case 'p':
		put_pointer(out, spec, va_arg(*arguments, void *));
		return true;
	case 's':
		text = va_arg(*arguments, const char *);
		put_string(out, spec, text ? text : "(null)");
		return true;
	case 'c':
		put_character(out, spec, (char)va_arg(*arguments, int));
		return true;
	case '%':
		put(out, "%", 1);
		return true;
	default:
		return false;
	}
}

int format_to(format_sink sink, void *context, const char *format, va_list arguments)
{
	struct output out = {sink, context, 0};
	va_list rest; // a va_list parameter is a pointer: its address is not a va_list *

	va_copy(rest, arguments);
	while (*format) {
		struct conversion spec = {0};
		const char *start = format, *at;

		while (*format && *format != '%')
			format++;
		put(&out, start, (size_t)(format - start));
		if (!*format)
			break;
		at = parse_flags(format + 1, &spec);
		at = parse_width(at, &spec, &rest);
		at = parse_precision(at, &spec, &rest);
		at = parse_size(at, &spec);
		spec.type = *at;
		at += *at != '\0';
		if (!convert(&out, &spec, &rest))
			put(&out, format, (size_t)(at - format));
		format = at;
	}
	va_end(rest);
	return out.length <= INT_LARGEST ? (int)out.length : -1;
}

struct buffer {
	char *at;
	size_t room; // bytes left, the one for the NUL not counted
};

static void put_to_buffer(void *context, const char *text, size_t length)
{
	struct buffer *buffer = context;
	size_t fits = length < buffer->room ? length : buffer->room;

	memcpy(buffer->at, text, fits);
	buffer->at += fits;
	buffer->room -= fits;
}

int vsnprintf(char *restrict buffer, size_t size, const char *restrict format, va_list arguments)
{
	char nowhere;
	struct buffer target = {size ? buffer : &nowhere, size ? size - 1 : 0};
	int length = format_to(put_to_buffer, &target, format, arguments);

	*target.at = '\0';
	return length;
}

int snprintf(char *restrict buffer, size_t size, const char *restrict format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(buffer, size, format, arguments);
	va_end(arguments);
	return length;
}
