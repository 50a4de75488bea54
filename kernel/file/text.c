// SPDX-License-Identifier: MIT
//
// Text that grows: for pseudo files. Short texts need no allocation at all, so that reading
// /proc/PID/fail-nth does not count as one.
#include "kernel/file/pseudo.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <stdarg.h>

#define LINE_MAX_SIZE 256 // longest piece one text_print can add

void text_init(struct text *text)
{
	text->bytes = text->space;
	text->capacity = TEXT_INLINE;
	text->length = 0;
	text->failed = false;
}

static unsigned block_order(size_t capacity)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < capacity)
		order++;
	return order;
}

static char *block_alloc(size_t capacity)
{
	struct frame *frame;

	if (capacity <= KMALLOC_MAX)
		return kmalloc(capacity);
	if (capacity > PAGE_SIZE << FRAME_ORDER_MAX)
		return NULL;
	frame = frame_alloc(block_order(capacity), FRAME_KERNEL);
	return frame ? frame_to_virt(frame) : NULL;
}

void text_free(struct text *text)
{
	if (text->bytes == text->space)
		return;
	if (text->capacity <= KMALLOC_MAX)
		kfree(text->bytes);
	else
		frame_free(phys_to_frame(virt_to_phys(text->bytes)), block_order(text->capacity));
	text_init(text);
}

static bool make_room(struct text *text, size_t count)
{
	size_t capacity = text->capacity;
	char *bytes;

	if (count <= capacity - text->length)
		return true;
	if (capacity < 512)
		capacity = 512;
	while (capacity - text->length < count)
		capacity *= 2;
	bytes = block_alloc(capacity);
	if (!bytes) {
		text->failed = true;
		return false;
	}
	memcpy(bytes, text->bytes, text->length);
	size_t length = text->length;
	text_free(text);
	text->bytes = bytes;
	text->capacity = capacity;
	text->length = length;
	return true;
}

void text_append(struct text *text, const void *bytes, size_t count)
{
	if (text->failed || !make_room(text, count))
		return;
	memcpy(text->bytes + text->length, bytes, count);
	text->length += count;
}

void text_print(struct text *text, const char *format, ...)
{
	char line[LINE_MAX_SIZE];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	if (length > 0)
		text_append(text, line, (size_t)length);
}

void text_pad(struct text *text, size_t length)
{
	while (text->length < length && !text->failed)
		text_append(text, " ", 1);
}
