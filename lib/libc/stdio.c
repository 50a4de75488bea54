// SPDX-License-Identifier: MIT
//
// Streams. A stream either holds output that was not yet written or input that was not yet
// asked for; a read on one that holds output writes that first. The three standard ones have
// static buffers, so that printf does not disturb the heap that a program may be looking at.
// No locks (a program has one thread), no seeking, no wide characters.
#include "lib/libc/system_call.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODE_UNKNOWN (-1) // decided at the first output: by lines at a terminal, else fully

struct stream {
	int fd;
	int mode; // _IOFBF, _IOLBF, _IONBF or MODE_UNKNOWN
	bool failed, ended;
	char *buffer;
	size_t size;
	size_t pending;           // bytes of output in the buffer
	size_t next, available;   // input: buffer[next] up to buffer[available]
	struct stream *following; // all open streams, for exit
};

static char input_buffer[BUFSIZ], output_buffer[BUFSIZ];
static struct stream error_stream = {.fd = STDERR_FILENO, .mode = _IONBF};
static struct stream output_stream = {.fd = STDOUT_FILENO,
				      .mode = MODE_UNKNOWN,
				      .buffer = output_buffer,
				      .size = BUFSIZ,
				      .following = &error_stream};
static struct stream input_stream = {.fd = STDIN_FILENO,
				     .mode = _IOFBF,
				     .buffer = input_buffer,
				     .size = BUFSIZ,
				     .following = &output_stream};
static struct stream *all_streams = &input_stream;

FILE *const stdin = &input_stream;
FILE *const stdout = &output_stream;
FILE *const stderr = &error_stream;

// Writes all of it, however many calls that takes.
static bool write_fully(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, text, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		length -= (size_t)done;
	}
	return true;
}

static int flush_one(FILE *file)
{
	size_t length = file->pending;

	file->pending = 0;
	if (length == 0 || write_fully(file->fd, file->buffer, length))
		return 0;
	file->failed = true;
	return EOF;
}

int fflush(FILE *file)
{
	int result = 0;

	if (file)
		return flush_one(file);
	for (file = all_streams; file; file = file->following)
		if (flush_one(file) < 0)
			result = EOF;
	return result;
}

void libc_flush_all(void)
{
	fflush(NULL);
}

static void choose_mode(FILE *file)
{
	int saved = errno;

	if (file->mode == MODE_UNKNOWN)
		file->mode = isatty(file->fd) ? _IOLBF : _IOFBF;
	errno = saved;
}

// Puts bytes into the buffer, or past it when they would not fit.
static void put_bytes(FILE *file, const char *text, size_t length)
{
	if (length > file->size - file->pending)
		flush_one(file);
	if (length >= file->size) {
		if (!write_fully(file->fd, text, length))
			file->failed = true;
		return;
	}
	memcpy(file->buffer + file->pending, text, length);
	file->pending += length;
}

static size_t length_to_last_newline(const char *text, size_t length)
{
	while (length > 0 && text[length - 1] != '\n')
		length--;
	return length;
}

static void put_text(void *context, const char *text, size_t length)
{
	FILE *file = context;
	size_t lines = file->mode == _IOLBF ? length_to_last_newline(text, length) : 0;

	if (lines > 0) {
		put_bytes(file, text, lines);
		flush_one(file);
	}
	put_bytes(file, text + lines, length - lines);
}

size_t fwrite(const void *block, size_t size, size_t count, FILE *file)
{
	size_t length;

	if (__builtin_mul_overflow(size, count, &length) || length == 0)
		return 0;
	choose_mode(file);
	file->failed = false;
	put_text(file, block, length);
	return file->failed ? 0 : count;
}

int fputs(const char *text, FILE *file)
{
	size_t length = strlen(text);

	return fwrite(text, 1, length, file) == length ? 0 : EOF;
}

int puts(const char *text)
{
	return fputs(text, stdout) < 0 ? EOF : putchar('\n') < 0 ? EOF : 0;
}

int fputc(int character, FILE *file)
{
	char byte = (char)character;

	return fwrite(&byte, 1, 1, file) == 1 ? (unsigned char)byte : EOF;
}

int putc(int character, FILE *file)
{
	return fputc(character, file);
}

int putchar(int character)
{
	return fputc(character, stdout);
}

// An unbuffered stream gets a buffer while it formats: one write a call and not one a piece.
int vfprintf(FILE *file, const char *format, va_list arguments)
{
	char temporary[256];
	bool unbuffered = file->size == 0;
	int length;

	choose_mode(file);
	file->failed = false;
	if (unbuffered) {
		file->buffer = temporary;
		file->size = sizeof(temporary);
	}
	length = format_to(put_text, file, format, arguments);
	if (unbuffered) {
		flush_one(file);
		file->buffer = NULL;
		file->size = 0;
	}
	return file->failed ? -1 : length;
}

int vprintf(const char *format, va_list arguments)
{
	return vfprintf(stdout, format, arguments);
}

int printf(const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vfprintf(stdout, format, arguments);
	va_end(arguments);
	return length;
}

int fprintf(FILE *file, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vfprintf(file, format, arguments);
	va_end(arguments);
	return length;
}

int vdprintf(int fd, const char *format, va_list arguments)
{
	struct stream direct = {.fd = fd, .mode = _IONBF};

	return vfprintf(&direct, format, arguments);
}

int dprintf(int fd, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vdprintf(fd, format, arguments);
	va_end(arguments);
	return length;
}

void perror(const char *prefix)
{
	const char *text = strerror(errno);

	if (prefix && *prefix)
		fprintf(stderr, "%s: %s\n", prefix, text);
	else
		fprintf(stderr, "%s\n", text);
}

// Fills the empty buffer, having shown first what a person at the terminal should see before
// typing. False at the end of the file or on an error.
static bool refill(FILE *file)
{
	ssize_t length;

	if (stdout->mode == _IOLBF)
		flush_one(stdout);
	flush_one(file);
	do {
		length = read(file->fd, file->buffer, file->size);
	} while (length < 0 && errno == EINTR);
	file->next = 0;
	file->available = length > 0 ? (size_t)length : 0;
	file->failed |= length < 0;
	file->ended |= length == 0;
	return length > 0;
}

int fgetc(FILE *file)
{
	if (file->next == file->available && !refill(file))
		return EOF;
	return (unsigned char)file->buffer[file->next++];
}

int getc(FILE *file)
{
	return fgetc(file);
}

int getchar(void)
{
	return fgetc(stdin);
}

// One character of push-back, which is all that is promised: the place it was read from.
int ungetc(int character, FILE *file)
{
	if (character == EOF || file->next == 0)
		return EOF;
	file->buffer[--file->next] = (char)character;
	file->ended = false;
	return (unsigned char)character;
}

size_t fread(void *block, size_t size, size_t count, FILE *file)
{
	size_t wanted, done = 0;

	if (__builtin_mul_overflow(size, count, &wanted) || wanted == 0)
		return 0;
	while (done < wanted) {
		size_t part = wanted - done;

		if (file->next == file->available && !refill(file))
			break;
		if (part > file->available - file->next)
			part = file->available - file->next;
		memcpy((char *)block + done, file->buffer + file->next, part);
		file->next += part;
		done += part;
	}
	return done / size;
}

char *fgets(char *line, int size, FILE *file)
{
	int length = 0, character = 0;

	while (length < size - 1 && character != '\n') {
		character = fgetc(file);
		if (character == EOF)
			break;
		line[length++] = (char)character;
	}
	if (size <= 0 || (length == 0 && size > 1))
		return NULL;
	line[length] = '\0';
	return line;
}

ssize_t getline(char **line, size_t *size, FILE *file)
{
	size_t length = 0;
	int character;

	do {
		if (!*line || length + 2 > *size) {
			size_t larger = *line && *size ? *size * 2 : 128;
			char *moved = realloc(*line, larger);

			if (!moved)
				return -1;
			*line = moved;
			*size = larger;
		}
		character = fgetc(file);
		if (character == EOF)
			break;
		(*line)[length++] = (char)character;
	} while (character != '\n');
	(*line)[length] = '\0';
	return length > 0 ? (ssize_t)length : -1;
}

static int open_flags(const char *mode)
{
	bool both = strchr(mode, '+') != NULL;

	switch (*mode) {
	case 'r':
		return both ? O_RDWR : O_RDONLY;
	case 'w':
		return (both ? O_RDWR : O_WRONLY) | O_CREAT | O_TRUNC;
	case 'a':
		return (both ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND;
	default:
		errno = EINVAL;
		return -1;
	}
}

FILE *fdopen(int fd, const char *mode)
{
	FILE *file;

	if (open_flags(mode) < 0)
		return NULL;
	file = malloc(sizeof(*file) + BUFSIZ);
	if (!file)
		return NULL;
	*file = (struct stream){.fd = fd,
				.mode = MODE_UNKNOWN,
				.buffer = (char *)(file + 1),
				.size = BUFSIZ,
				.following = all_streams};
	all_streams = file;
	return file;
}

FILE *fopen(const char *path, const char *mode)
{
	int flags = open_flags(mode), fd;
	FILE *file;

	if (flags < 0)
		return NULL;
	fd = open(path, flags, 0666);
	if (fd < 0)
		return NULL;
	file = fdopen(fd, mode);
	if (!file)
		close(fd);
	return file;
}

int fclose(FILE *file)
{
	struct stream **link = &all_streams;
	int result = flush_one(file);

	while (*link && *link != file)
		link = &(*link)->following;
	if (*link)
		*link = file->following;
	if (close(file->fd) < 0)
		result = EOF;
	if (file != stdin && file != stdout && file != stderr)
		free(file);
	return result;
}

int setvbuf(FILE *file, char *buffer, int mode, size_t size)
{
	if (file->pending || file->available || mode < _IOFBF || mode > _IONBF)
		return -1;
	file->mode = mode;
	if (mode == _IONBF) {
		file->size = file == stdin ? 1 : 0;
	} else if (buffer && size > 0) {
		file->buffer = buffer;
		file->size = size;
	}
	return 0;
}

void setbuf(FILE *file, char *buffer)
{
	setvbuf(file, buffer, buffer ? _IOFBF : _IONBF, BUFSIZ);
}

int fileno(FILE *file)
{
	return file->fd;
}

int feof(FILE *file)
{
	return file->ended;
}

int ferror(FILE *file)
{
	return file->failed;
}

void clearerr(FILE *file)
{
	file->failed = false;
	file->ended = false;
}

int sprintf(char *buffer, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(buffer, __INT_MAX__, format, arguments);
	va_end(arguments);
	return length;
}

int vasprintf(char **text, const char *format, va_list arguments)
{
	va_list again;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	*text = length < 0 ? NULL : malloc((size_t)length + 1);
	return *text ? vsnprintf(*text, (size_t)length + 1, format, arguments) : -1;
}

int asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(text, format, arguments);
	va_end(arguments);
	return length;
}
