// SPDX-License-Identifier: MIT
//
// The cpio "newc" format: a header of 110 characters (a magic and 13 numbers of 8 hexadecimal
// digits), the name with its NUL, zeros up to a multiple of 4, the data, zeros up to a multiple of
// 4. An entry named TRAILER!!! ends an archive; another may follow. Offsets count from the start
// of each archive, which Linux's loader and cpio keep at multiples of 4 of the whole.
//
// Left out: the old binary and "odc" formats, the checksum of 070702 (Linux ignores it too), and
// compressed archives.
#include "kernel/file/cpio.h"
#include "lib/string.h"

#define HEADER_SIZE   110
#define MAGIC_LENGTH  6
#define NUMBER_DIGITS 8
#define NAME_MAX_SIZE 4097 // PATH_MAX and the NUL

// The header's numbers, in their order.
enum {
	FIELD_INODE,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_LINKS,
	FIELD_MTIME,
	FIELD_SIZE,
	FIELD_DEVICE_MAJOR,
	FIELD_DEVICE_MINOR,
	FIELD_SPECIAL_MAJOR,
	FIELD_SPECIAL_MINOR,
	FIELD_NAME_SIZE,
	FIELD_CHECKSUM,
	FIELD_COUNT,
};

static const char trailer[] = "TRAILER!!!";

void cpio_open(struct cpio_reader *reader, const void *start, size_t size)
{
	reader->start = start;
	reader->size = size;
	reader->position = 0;
	reader->archive = 0;
}

static int digit_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

static bool parse_number(const uint8_t *digits, uint32_t *number)
{
	*number = 0;
	for (unsigned i = 0; i < NUMBER_DIGITS; i++) {
		int value = digit_value(digits[i]);

		if (value < 0)
			return false;
		*number = *number << 4 | (uint32_t)value;
	}
	return true;
}

static bool parse_header(const uint8_t *header, uint32_t fields[FIELD_COUNT])
{
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (!parse_number(header + MAGIC_LENGTH + i * NUMBER_DIGITS, &fields[i]))
			return false;
	return true;
}

static bool magic_good(const uint8_t *header)
{
	return memcmp(header, "07070", 5) == 0 && (header[5] == '1' || header[5] == '2');
}

// `position` is at most `size`, and sizes are below 2^33: none of this wraps on 64 bits.
static size_t align_up(size_t position)
{
	return (position + 3) & ~(size_t)3;
}

static void skip_zeros(struct cpio_reader *reader)
{
	while (reader->position < reader->size && reader->start[reader->position] == 0)
		reader->position++;
}

static void fill_entry(struct cpio_entry *entry, const uint32_t fields[FIELD_COUNT])
{
	entry->inode = fields[FIELD_INODE];
	entry->mode = fields[FIELD_MODE];
	entry->uid = fields[FIELD_UID];
	entry->gid = fields[FIELD_GID];
	entry->links = fields[FIELD_LINKS];
	entry->mtime = fields[FIELD_MTIME];
	entry->device_major = fields[FIELD_DEVICE_MAJOR];
	entry->device_minor = fields[FIELD_DEVICE_MINOR];
	entry->special_major = fields[FIELD_SPECIAL_MAJOR];
	entry->special_minor = fields[FIELD_SPECIAL_MINOR];
}

// The name and the data behind the header at reader->position. Moves the reader behind them.
static enum cpio_result take_body(struct cpio_reader *reader, struct cpio_entry *entry,
				  uint32_t name_size, uint32_t data_size)
{
	size_t name = reader->position + HEADER_SIZE;
	size_t data = align_up(name + name_size);

	if (name_size > reader->size - name)
		return CPIO_TRUNCATED;
	if (name_size < 2 || name_size > NAME_MAX_SIZE || reader->start[name + name_size - 1])
		return CPIO_BAD_NAME;
	// The padding behind the last name of a file may be cut off, when no data follow.
	if (data_size && (data > reader->size || data_size > reader->size - data))
		return CPIO_TRUNCATED;

	entry->name = (const char *)reader->start + name;
	entry->name_length = strlen(entry->name);
	if (entry->name_length == 0)
		return CPIO_BAD_NAME;
	entry->size = data_size;
	entry->data = data_size ? reader->start + data : NULL;
	entry->archive = reader->archive;

	reader->position = align_up(data + data_size);
	if (reader->position > reader->size)
		reader->position = reader->size;
	return CPIO_ENTRY;
}

static enum cpio_result read_entry(struct cpio_reader *reader, struct cpio_entry *entry)
{
	uint32_t fields[FIELD_COUNT];
	const uint8_t *header = reader->start + reader->position;
	size_t left = reader->size - reader->position;

	if (left < MAGIC_LENGTH || !magic_good(header))
		return CPIO_BAD_MAGIC;
	if (left < HEADER_SIZE)
		return CPIO_TRUNCATED;
	if (!parse_header(header, fields))
		return CPIO_BAD_NUMBER;
	fill_entry(entry, fields);
	return take_body(reader, entry, fields[FIELD_NAME_SIZE], fields[FIELD_SIZE]);
}

enum cpio_result cpio_next(struct cpio_reader *reader, struct cpio_entry *entry)
{
	for (;;) {
		enum cpio_result result;

		skip_zeros(reader);
		if (reader->position == reader->size)
			return CPIO_END;
		result = read_entry(reader, entry);
		if (result != CPIO_ENTRY || strcmp(entry->name, trailer) != 0)
			return result;
		reader->archive++;
	}
}

const char *cpio_result_name(enum cpio_result result)
{
	switch (result) {
	case CPIO_ENTRY:
		return "an entry";
	case CPIO_END:
		return "the end";
	case CPIO_BAD_MAGIC:
		return "no cpio header where one must be";
	case CPIO_BAD_NUMBER:
		return "a header with something else than hexadecimal digits";
	case CPIO_TRUNCATED:
		return "an archive that is cut off";
	case CPIO_BAD_NAME:
		return "an entry without a usable name";
	}
	return "?";
}
