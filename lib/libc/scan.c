// SPDX-License-Identifier: MIT
//
// Formatted input: scanf and its family. Conversions d i u x X o c s [ p n %, with widths, '*' and
// the lengths hh h l ll z j t. No floating point, no wide characters, no %m. A number that does
// not fit is the largest or smallest long, cut to its type, as strtol has it.
#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// Characters from a stream or from a text, with one read ahead.
struct source {
	FILE *file; // or NULL
	const char *text;
	int ahead; // EOF at the end
	bool loaded;
	int taken; // characters that were consumed
};

struct conversion {
	bool kept;          // there is no '*'
	unsigned int width; // UINT_MAX where there is none
	int length;         // in bytes, of what an integer goes to
	const char *set;    // of %[, behind the bracket
	char kind;
};

static int peek(struct source *source)
{
	if (!source->loaded) {
		if (source->file)
			source->ahead = fgetc(source->file);
		else
			source->ahead = *source->text ? (unsigned char)*source->text++ : EOF;
		source->loaded = true;
	}
	return source->ahead;
}

static int take(struct source *source)
{
	int character = peek(source);

	if (character != EOF) {
		source->loaded = false;
		source->taken++;
	}
	return character;
}

static void skip_spaces(struct source *source)
{
	while (peek(source) != EOF && isspace(peek(source)))
		take(source);
}

// -- the format

static const char *read_length(const char *at, struct conversion *conversion)
{
	conversion->length = sizeof(int);
	if (at[0] == 'h' && at[1] == 'h') {
		conversion->length = sizeof(char);
		return at + 2;
	}
	if (at[0] == 'h') {
		conversion->length = sizeof(short);
		return at + 1;
	}
	if (*at && strchr("lzjtq", *at)) {
		conversion->length = sizeof(long);
		return at + (at[0] == 'l' && at[1] == 'l' ? 2 : 1);
	}
	return at;
}

// Behind '%'. Returns what follows the conversion.
static const char *read_conversion(const char *at, struct conversion *conversion)
{
	unsigned int width = 0;

	conversion->kept = *at != '*';
	at += *at == '*';
	for (; isdigit((unsigned char)*at); at++)
		if (width < UINT_MAX / 16)
			width = width * 10 + (unsigned int)(*at - '0');
	conversion->width = width ? width : UINT_MAX;
	at = read_length(at, conversion);
	conversion->kind = *at;
	conversion->set = "";
	if (*at == '[') {
		conversion->set = ++at;
		at += *at == '^';
		at += *at == ']'; // is a member, where it comes first
		while (*at && *at != ']')
			at++;
	}
	return *at ? at + 1 : at;
}

// -- integers

static int digit_of(int character)
{
	if (character == EOF || !isalnum(character))
		return INT_MAX;
	return isdigit(character) ? character - '0' : tolower(character) - 'a' + 10;
}

struct integer {
	unsigned long value;
	bool negative, large, any; // does not fit; has digits
};

static int base_of(char kind)
{
	return kind == 'i' ? 0 : kind == 'o' ? 8 : strchr("xXp", kind) ? 16 : 10;
}

// A sign, "0x" where the base allows it, digits; as many characters as the width lets through.
static struct integer read_integer(struct source *source, int base, unsigned int width)
{
	struct integer read = {0};

	if (width > 0 && (peek(source) == '-' || peek(source) == '+')) {
		read.negative = take(source) == '-';
		width--;
	}
	if ((base == 0 || base == 16) && width > 0 && peek(source) == '0') {
		take(source);
		width--;
		read.any = true;
		if (width > 0 && tolower(peek(source)) == 'x') {
			take(source);
			width--;
			read.any = false;
			base = 16;
		} else if (base == 0) {
			base = 8;
		}
	}
	base = base ? base : 10;
	for (; width > 0 && digit_of(peek(source)) < base; width--) {
		unsigned long digit = (unsigned long)digit_of(take(source));

		read.any = true;
		read.large |= __builtin_mul_overflow(read.value, (unsigned long)base, &read.value);
		read.large |= __builtin_add_overflow(read.value, digit, &read.value);
	}
	return read;
}

static unsigned long value_of(const struct integer *read, bool has_sign)
{
	unsigned long limit = (unsigned long)LONG_MAX + (has_sign && read->negative);

	if (has_sign && (read->large || read->value > limit))
		return limit;
	if (read->large)
		return ULONG_MAX;
	return read->negative ? -read->value : read->value;
}

static void store(void *to, int length, unsigned long value)
{
	if (length == sizeof(char))
		*(unsigned char *)to = (unsigned char)value;
	else if (length == sizeof(short))
		*(unsigned short *)to = (unsigned short)value;
	else if (length == sizeof(int))
		*(unsigned int *)to = (unsigned int)value;
	else
		*(unsigned long *)to = value;
}

static bool scan_integer(struct source *source, const struct conversion *conversion, void *to)
{
	struct integer read = read_integer(source, base_of(conversion->kind), conversion->width);
	int length = conversion->kind == 'p' ? (int)sizeof(void *) : conversion->length;

	if (!read.any)
		return false;
	if (to)
		store(to, length, value_of(&read, strchr("di", conversion->kind) != NULL));
	return true;
}

// -- characters

// Of %[, with ranges.
static bool in_set(const char *set, int character)
{
	bool inverted = *set == '^', found = false;
	const char *at = set + inverted, *first = at;

	for (; *at && (*at != ']' || at == first); at++) {
		if (at[1] == '-' && at[2] && at[2] != ']') {
			found |= character >= (unsigned char)at[0] &&
				 character <= (unsigned char)at[2];
			at += 2;
		} else {
			found |= character == (unsigned char)*at;
		}
	}
	return found != inverted;
}

static bool accepted(const struct conversion *conversion, int character)
{
	if (conversion->kind == 's')
		return !isspace(character);
	return conversion->kind == 'c' || in_set(conversion->set, character);
}

static bool scan_characters(struct source *source, const struct conversion *conversion, char *to)
{
	unsigned int width = conversion->width, count = 0;

	if (conversion->kind == 'c' && width == UINT_MAX)
		width = 1;
	for (; count < width && peek(source) != EOF && accepted(conversion, peek(source));
	     count++) {
		int character = take(source);

		if (to)
			to[count] = (char)character;
	}
	if (conversion->kind == 'c')
		return count == width;
	if (to && count > 0)
		to[count] = '\0';
	return count > 0;
}

// -- the family

enum outcome { MATCHED, STORED, FAILED, ENDED };

static enum outcome convert(struct source *source, const struct conversion *conversion, void *to)
{
	bool done;

	if (conversion->kind == 'n') {
		if (to)
			store(to, conversion->length, (unsigned long)source->taken);
		return MATCHED;
	}
	if (!strchr("c[", conversion->kind))
		skip_spaces(source);
	if (peek(source) == EOF)
		return ENDED;
	if (conversion->kind == '%')
		return take(source) == '%' ? MATCHED : FAILED;
	if (strchr("cs[", conversion->kind))
		done = scan_characters(source, conversion, to);
	else if (strchr("diuxXop", conversion->kind))
		done = scan_integer(source, conversion, to);
	else
		done = false;
	return !done ? FAILED : to ? STORED : MATCHED;
}

static enum outcome match(struct source *source, int wanted)
{
	if (isspace(wanted)) {
		skip_spaces(source);
		return MATCHED;
	}
	if (peek(source) == EOF)
		return ENDED;
	if (peek(source) != wanted)
		return FAILED;
	take(source);
	return MATCHED;
}

static int scan(struct source *source, const char *format, va_list arguments)
{
	struct conversion conversion;
	enum outcome outcome = MATCHED;
	int stored = 0;
	bool any = false; // conversions that were done

	while (*format && outcome <= STORED) {
		void *to = NULL;

		if (*format != '%') {
			outcome = match(source, (unsigned char)*format++);
			continue;
		}
		format = read_conversion(format + 1, &conversion);
		if (conversion.kept && conversion.kind != '%')
			to = va_arg(arguments, void *);
		outcome = convert(source, &conversion, to);
		stored += outcome == STORED;
		any |= outcome <= STORED && !strchr("n%", conversion.kind);
	}
	if (source->file && source->loaded && source->ahead != EOF)
		ungetc(source->ahead, source->file);
	return outcome == ENDED && !any ? EOF : stored;
}

int vfscanf(FILE *file, const char *format, va_list arguments)
{
	struct source source = {.file = file};

	return scan(&source, format, arguments);
}

int vsscanf(const char *text, const char *format, va_list arguments)
{
	struct source source = {.text = text};

	return scan(&source, format, arguments);
}

int vscanf(const char *format, va_list arguments)
{
	return vfscanf(stdin, format, arguments);
}

int scanf(const char *format, ...)
{
	va_list arguments;
	int stored;

	va_start(arguments, format);
	stored = vfscanf(stdin, format, arguments);
	va_end(arguments);
	return stored;
}

int fscanf(FILE *file, const char *format, ...)
{
	va_list arguments;
	int stored;

	va_start(arguments, format);
	stored = vfscanf(file, format, arguments);
	va_end(arguments);
	return stored;
}

int sscanf(const char *text, const char *format, ...)
{
	va_list arguments;
	int stored;

	va_start(arguments, format);
	stored = vsscanf(text, format, arguments);
	va_end(arguments);
	return stored;
}
