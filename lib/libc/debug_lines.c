// SPDX-License-Identifier: MIT
//
// DWARF's line tables (DWARF 5, 6.2; the tables of names changed with version 5). A table is a
// program for a small machine whose registers are address, file and line; it emits a row for every
// change. The row with the highest address that is not above the wanted one is the answer.
#include "lib/libc/debug_symbols.h"
#include <stdio.h>
#include <string.h>

struct reader {
	const uint8_t *at, *end;
};

static uint64_t number(struct reader *reader, size_t bytes)
{
	uint64_t value = 0;

	if ((size_t)(reader->end - reader->at) < bytes) {
		reader->at = reader->end;
		return 0;
	}
	memcpy(&value, reader->at, bytes);
	reader->at += bytes;
	return value;
}

static void skip(struct reader *reader, uint64_t bytes)
{
	uint64_t left = (uint64_t)(reader->end - reader->at);

	reader->at += bytes < left ? bytes : left;
}

// LEB128: seven bits a byte, the lowest first.
static uint64_t leb(struct reader *reader, bool has_sign)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)number(reader, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (has_sign && (byte & 0x40) && shift < 64)
		value |= -1ull << shift;
	return value;
}

static const char *string(struct reader *reader)
{
	const char *text = (const char *)reader->at;
	const uint8_t *nul = memchr(reader->at, 0, (size_t)(reader->end - reader->at));

	reader->at = nul ? nul + 1 : reader->end;
	return nul ? text : "";
}

struct unit {
	struct reader names, program;
	unsigned int version, address_size, offset_size;
	unsigned int minimum, operations, line_range, opcode_base;
	int line_base;
	const uint8_t *lengths; // operands of each standard opcode
	const struct debug_section *line_strings, *strings;
};

// Reads the head of the next unit, and leaves `reader` behind that unit.
static bool read_unit(struct reader *reader, struct unit *unit)
{
	struct reader body;
	uint64_t length = number(reader, 4);

	unit->offset_size = 4;
	if (length == 0xffffffff) {
		length = number(reader, 8);
		unit->offset_size = 8;
	}
	body = *reader;
	skip(reader, length);
	body.end = reader->at;
	unit->version = (unsigned int)number(&body, 2);
	if (unit->version < 2 || unit->version > 5)
		return false;
	unit->address_size = unit->version >= 5 ? (unsigned int)number(&body, 1) : 8;
	if (unit->version >= 5)
		number(&body, 1); // segment selectors
	length = number(&body, unit->offset_size);
	unit->program = body;
	skip(&unit->program, length);
	unit->minimum = (unsigned int)number(&body, 1);
	unit->operations = unit->version >= 4 ? (unsigned int)number(&body, 1) : 1;
	number(&body, 1); // whether rows are statements at first
	unit->line_base = (int8_t)number(&body, 1);
	unit->line_range = (unsigned int)number(&body, 1);
	unit->opcode_base = (unsigned int)number(&body, 1);
	unit->lengths = body.at;
	skip(&body, unit->opcode_base ? unit->opcode_base - 1 : 0);
	body.end = unit->program.at;
	unit->names = body;
	return unit->line_range != 0 && unit->address_size == 8;
}

// -- names of files

// Numbers of DWARF.
enum { CONTENT_PATH = 1, CONTENT_DIRECTORY = 2 };
enum {
	FORM_BLOCK = 0x09,
	FORM_DATA1 = 0x0b,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_DATA16 = 0x1e,
	FORM_STRING = 0x08,
	FORM_STRP = 0x0e,
	FORM_LINE_STRP = 0x1f,
	FORM_UDATA = 0x0f,
};

static const char *string_at(const struct debug_section *section, uint64_t offset)
{
	struct reader reader = {section->start + offset, section->start + section->size};

	return section->start && offset < section->size ? string(&reader) : "";
}

// One field of an entry: a text or a number.
static const char *read_form(const struct unit *unit, struct reader *reader, uint64_t form,
			     uint64_t *value)
{
	switch (form) {
	case FORM_STRING:
		return string(reader);
	case FORM_LINE_STRP:
		return string_at(unit->line_strings, number(reader, unit->offset_size));
	case FORM_STRP:
		return string_at(unit->strings, number(reader, unit->offset_size));
	case FORM_UDATA:
		*value = leb(reader, false);
		break;
	case FORM_DATA1:
		*value = number(reader, 1);
		break;
	case FORM_DATA2:
		*value = number(reader, 2);
		break;
	case FORM_DATA4:
		*value = number(reader, 4);
		break;
	case FORM_DATA8:
		*value = number(reader, 8);
		break;
	case FORM_DATA16:
		skip(reader, 16);
		break;
	case FORM_BLOCK:
		skip(reader, leb(reader, false));
		break;
	default:
		reader->at = reader->end;
	}
	return NULL;
}

// Version 5: a table says which fields each entry has. Leaves `reader` behind all entries.
static const char *entry5(const struct unit *unit, struct reader *reader, uint64_t wanted,
			  uint64_t *directory)
{
	unsigned int fields = (unsigned int)number(reader, 1);
	struct reader formats = *reader, format;
	const char *path = NULL, *text;
	uint64_t count, value, content;

	for (unsigned int i = 0; i < 2 * fields; i++)
		leb(reader, false);
	count = leb(reader, false);
	for (uint64_t i = 0; i < count && reader->at < reader->end; i++) {
		format = formats;
		for (unsigned int field = 0; field < fields; field++) {
			content = leb(&format, false);
			value = 0;
			text = read_form(unit, reader, leb(&format, false), &value);
			if (i == wanted && content == CONTENT_PATH)
				path = text;
			if (i == wanted && content == CONTENT_DIRECTORY)
				*directory = value;
		}
	}
	return path;
}

static const char *name5(const struct unit *unit, uint64_t file, const char **directory)
{
	struct reader reader = unit->names, files = reader;
	uint64_t number = 0, none;
	const char *path;

	entry5(unit, &files, UINT64_MAX, &none);
	path = entry5(unit, &files, file, &number);
	*directory = number ? entry5(unit, &reader, number, &none) : NULL;
	return path;
}

// Up to version 4: texts, an empty one after the last; the first has number 1.
static const char *name4(const struct unit *unit, uint64_t file, const char **directory)
{
	struct reader reader = unit->names, directories = reader;
	const char *name;
	uint64_t number = 0;

	while (*string(&reader))
		;
	for (uint64_t i = 1; *(name = string(&reader)); i++) {
		number = leb(&reader, false);
		leb(&reader, false);
		leb(&reader, false);
		if (i == file)
			break;
	}
	for (; number > 0; number--)
		*directory = string(&directories);
	return *name ? name : NULL;
}

// The name as the compiler was given it, without the directory that it ran in.
static void name_file(const struct unit *unit, uint64_t file, struct debug_place *place)
{
	const char *directory = NULL, *name;

	name = unit->version >= 5 ? name5(unit, file, &directory) : name4(unit, file, &directory);
	if (!name)
		return;
	if (directory && name[0] != '/')
		snprintf(place->file, sizeof(place->file), "%s/%s", directory, name);
	else
		snprintf(place->file, sizeof(place->file), "%s", name);
}

// -- the machine

struct machine {
	uint64_t address, file, line;
	uint64_t first; // address of the sequence; 0: thrown away by the linker
	uint64_t row_address, row_file, row; // the last row
	bool rows;                           // there was one in this sequence
};

static void restart(struct machine *machine)
{
	*machine = (struct machine){.file = 1, .line = 1};
}

// True: the wanted address is before this row, and the last one is the answer.
static bool emit(struct machine *machine, uint64_t wanted)
{
	if (!machine->rows)
		machine->first = machine->address;
	else if (machine->first && machine->row_address <= wanted && wanted < machine->address)
		return true;
	machine->rows = true;
	machine->row_address = machine->address;
	if (machine->line) {
		machine->row_file = machine->file;
		machine->row = machine->line;
	}
	return false;
}

enum {
	COPY = 1,
	ADVANCE_ADDRESS,
	ADVANCE_LINE,
	SET_FILE,
	CONST_ADD = 8,
	FIXED_ADVANCE = 9,
};
enum { END_SEQUENCE = 1, SET_ADDRESS = 2 };

static bool extended(struct machine *machine, struct reader *reader, uint64_t wanted)
{
	uint64_t length = leb(reader, false);
	struct reader body = *reader;
	bool found;

	skip(reader, length);
	if (length == 0)
		return false;
	body.end = reader->at;
	switch (number(&body, 1)) {
	case END_SEQUENCE:
		found = emit(machine, wanted);
		if (!found)
			restart(machine);
		return found;
	case SET_ADDRESS:
		machine->address = number(&body, 8);
		break;
	}
	return false;
}

static bool standard(const struct unit *unit, struct machine *machine, struct reader *reader,
		     unsigned int opcode, uint64_t wanted)
{
	switch (opcode) {
	case COPY:
		return emit(machine, wanted);
	case ADVANCE_ADDRESS:
		machine->address += leb(reader, false) * unit->minimum;
		break;
	case ADVANCE_LINE:
		machine->line += leb(reader, true);
		break;
	case SET_FILE:
		machine->file = leb(reader, false);
		break;
	case CONST_ADD:
		machine->address += (255 - unit->opcode_base) / unit->line_range * unit->minimum;
		break;
	case FIXED_ADVANCE:
		machine->address += number(reader, 2);
		break;
	default:
		for (unsigned int i = unit->lengths[opcode - 1]; i > 0; i--)
			leb(reader, false);
	}
	return false;
}

static bool run(const struct unit *unit, struct machine *machine, uint64_t wanted)
{
	struct reader reader = unit->program;

	restart(machine);
	while (reader.at < reader.end) {
		unsigned int opcode = (unsigned int)number(&reader, 1), step;
		bool found;

		if (opcode >= unit->opcode_base) {
			step = opcode - unit->opcode_base;
			machine->address += step / unit->line_range * unit->minimum;
			machine->line +=
				(uint64_t)(unit->line_base + (int)(step % unit->line_range));
			found = emit(machine, wanted);
		} else if (opcode == 0) {
			found = extended(machine, &reader, wanted);
		} else {
			found = standard(unit, machine, &reader, opcode, wanted);
		}
		if (found)
			return true;
	}
	return false;
}

bool debug_find_line(const struct debug_section *lines, const struct debug_section *line_strings,
		     const struct debug_section *strings, uint64_t address,
		     struct debug_place *place)
{
	struct reader reader = {lines->start, lines->start + lines->size};
	struct unit unit = {.line_strings = line_strings, .strings = strings};
	struct machine machine;

	if (!lines->start)
		return false;
	while (reader.at < reader.end) {
		if (!read_unit(&reader, &unit) || !run(&unit, &machine, address))
			continue;
		place->line = (unsigned int)machine.row;
		name_file(&unit, machine.row_file, place);
		return true;
	}
	return false;
}
