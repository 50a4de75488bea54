// SPDX-License-Identifier: MIT
//
// The line discipline of termios(3), as Linux's N_TTY does it for the flags below.
//
// Left out: parity marks, case mapping, delays, and flow control towards the keyboard (IXOFF).
#include "kernel/file/line_discipline.h"
#include "lib/string.h"
#include <asm/signal.h>

#define DELETE 127

static bool local(const struct line *line, tcflag_t flag)
{
	return line->settings.c_lflag & flag;
}

// Whether `byte` is the control character at `index`; NUL there means "none".
static bool is_control(const struct line *line, unsigned index, uint8_t byte)
{
	return byte && line->settings.c_cc[index] == byte;
}

void line_init(struct line *line, const struct line_host *host)
{
	static const uint8_t control[NCCS] = {
		[VINTR] = 3,    [VQUIT] = 28,  [VERASE] = DELETE, [VKILL] = 21, [VEOF] = 4,
		[VMIN] = 1,     [VSTART] = 17, [VSTOP] = 19,      [VSUSP] = 26, [VREPRINT] = 18,
		[VWERASE] = 23, [VLNEXT] = 22, [VDISCARD] = 15,
	};

	memset(line, 0, sizeof(*line));
	line->host = host;
	line->settings.c_iflag = ICRNL | IXON;
	line->settings.c_oflag = OPOST | ONLCR;
	line->settings.c_cflag = B38400 | CS8 | CREAD | HUPCL;
	line->settings.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	memcpy(line->settings.c_cc, control, sizeof(control));
}

// ---- output ----
static size_t output_newline(struct line *line, uint8_t *to)
{
	if (!(line->settings.c_oflag & ONLCR)) {
		if (line->settings.c_oflag & ONLRET)
			line->column = 0;
		to[0] = '\n';
		return 1;
	}
	line->column = 0;
	to[0] = '\r';
	to[1] = '\n';
	return 2;
}

static size_t output_return(struct line *line, uint8_t *to)
{
	if (line->settings.c_oflag & OCRNL)
		return output_newline(line, to);
	if ((line->settings.c_oflag & ONOCR) && line->column == 0)
		return 0;
	line->column = 0;
	to[0] = '\r';
	return 1;
}

static size_t output_tab(struct line *line, uint8_t *to)
{
	uint32_t width = 8 - line->column % 8;

	line->column += width;
	if ((line->settings.c_oflag & TABDLY) == XTABS) {
		memset(to, ' ', width);
		return width;
	}
	to[0] = '\t';
	return 1;
}

// What one byte becomes: up to 8 bytes.
static size_t output_byte(struct line *line, uint8_t byte, uint8_t *to)
{
	if (!(line->settings.c_oflag & OPOST)) {
		to[0] = byte;
		return 1;
	}
	switch (byte) {
	case '\n':
		return output_newline(line, to);
	case '\r':
		return output_return(line, to);
	case '\t':
		return output_tab(line, to);
	case '\b':
		if (line->column)
			line->column--;
		break;
	default:
		// Bytes that continue a UTF-8 character do not move the cursor.
		if (byte >= ' ' && byte != DELETE && (byte & 0xc0) != 0x80)
			line->column++;
	}
	to[0] = byte;
	return 1;
}

size_t line_output(struct line *line, const uint8_t *from, size_t count, uint8_t *to, size_t room,
		   size_t *used)
{
	size_t written = 0;
	size_t taken = 0;

	while (taken < count && room - written >= 8)
		written += output_byte(line, from[taken++], to + written);
	*used = taken;
	return written;
}

// ---- echo ----
static void show(struct line *line, const uint8_t *bytes, size_t count)
{
	uint8_t out[8];

	for (size_t i = 0; i < count; i++)
		line->host->output(line, out, output_byte(line, bytes[i], out));
}

static bool shown_as_two(const struct line *line, uint8_t byte)
{
	return local(line, ECHOCTL) && (byte < ' ' || byte == DELETE) && byte != '\t' &&
	       byte != '\n';
}

static void show_byte(struct line *line, uint8_t byte)
{
	uint8_t two[2] = {'^', byte ^ 0x40};

	if (shown_as_two(line, byte))
		show(line, two, 2);
	else
		show(line, &byte, 1);
}

static void echo(struct line *line, uint8_t byte)
{
	if (local(line, ECHO) || (byte == '\n' && local(line, ECHONL) && local(line, ICANON)))
		show_byte(line, byte);
}

// ---- the buffer ----
static uint8_t byte_at(const struct line *line, uint32_t position)
{
	return line->bytes[position % LINE_SIZE];
}

static bool end_at(const struct line *line, uint32_t position)
{
	return line->ends[position % LINE_SIZE / 8] >> position % 8 & 1;
}

static void set_end(struct line *line, uint32_t position, bool end)
{
	uint8_t bit = (uint8_t)(1u << position % 8);
	uint8_t *byte = &line->ends[position % LINE_SIZE / 8];

	*byte = end ? *byte | bit : *byte & (uint8_t)~bit;
}

static void put(struct line *line, uint8_t byte, bool end)
{
	line->bytes[line->head % LINE_SIZE] = byte;
	set_end(line, line->head, end);
	line->head++;
}

static void complete_line(struct line *line, uint8_t byte)
{
	put(line, byte, true);
	line->complete = line->head;
}

static bool has_room(const struct line *line)
{
	// With ICANON the last place is kept for the end of the line.
	return line->head - line->tail < LINE_SIZE - (local(line, ICANON) ? 1u : 0u);
}

void line_flush(struct line *line)
{
	line->tail = line->head;
	line->complete = line->head;
	line->start_column = line->column;
}

void line_set(struct line *line, const struct termios *settings)
{
	bool changed = (line->settings.c_lflag ^ settings->c_lflag) & ICANON;

	line->settings = *settings;
	if (!(settings->c_iflag & IXON))
		line->stopped = false;
	if (!changed)
		return;
	// What was typed so far can be read at once in either mode.
	memset(line->ends, 0, sizeof(line->ends));
	if (line->head != line->tail)
		set_end(line, line->head - 1, true);
	line->complete = line->head;
	line->literal = false;
}

// ---- editing ----
// The column behind the byte at `end - 1` of the line being typed.
static uint32_t column_at(const struct line *line, uint32_t end)
{
	uint32_t column = line->start_column;

	for (uint32_t i = line->complete; i != end; i++) {
		uint8_t byte = byte_at(line, i);

		if (byte == '\t')
			column += 8 - column % 8;
		else if (shown_as_two(line, byte))
			column += 2;
		else if (byte >= ' ' && byte != DELETE && (byte & 0xc0) != 0x80)
			column++;
	}
	return column;
}

static bool continues_character(const struct line *line, uint8_t byte)
{
	return (line->settings.c_iflag & IUTF8) && (byte & 0xc0) == 0x80;
}

// Takes the last character off the line and the screen. False when there is none.
static bool erase_one(struct line *line)
{
	static const uint8_t wipe[3] = {'\b', ' ', '\b'};
	uint32_t before = column_at(line, line->head);
	uint32_t after;

	if (line->head == line->complete)
		return false;
	do
		line->head--;
	while (line->head != line->complete &&
	       continues_character(line, byte_at(line, line->head)));
	after = column_at(line, line->head);
	if (local(line, ECHO) && local(line, ECHOE))
		for (; before > after; before--)
			show(line, wipe, sizeof(wipe));
	return true;
}

static void erase_key(struct line *line, uint8_t byte)
{
	if (erase_one(line) && local(line, ECHO) && !local(line, ECHOE))
		show_byte(line, byte);
}

static bool is_word(uint8_t byte)
{
	return byte == '_' || (byte >= '0' && byte <= '9') ||
	       ((byte | 32) >= 'a' && (byte | 32) <= 'z') || byte >= 128;
}

static void erase_word(struct line *line)
{
	bool seen = false;

	while (line->head != line->complete) {
		bool word = is_word(byte_at(line, line->head - 1));

		if (seen && !word)
			break;
		seen |= word;
		erase_one(line);
	}
}

static void kill_key(struct line *line, uint8_t byte)
{
	if (local(line, ECHO) && local(line, ECHOK) && local(line, ECHOKE) && local(line, ECHOE)) {
		while (erase_one(line))
			continue;
		return;
	}
	line->head = line->complete;
	if (!local(line, ECHO))
		return;
	show_byte(line, byte);
	if (local(line, ECHOK))
		show(line, (const uint8_t *)"\n", 1);
}

static void reprint(struct line *line, uint8_t byte)
{
	show_byte(line, byte);
	show(line, (const uint8_t *)"\n", 1);
	line->start_column = line->column;
	for (uint32_t i = line->complete; i != line->head; i++)
		show_byte(line, byte_at(line, i));
}

// ---- input ----
static int signal_of(const struct line *line, uint8_t byte)
{
	if (!local(line, ISIG))
		return 0;
	if (is_control(line, VINTR, byte))
		return SIGINT;
	if (is_control(line, VQUIT, byte))
		return SIGQUIT;
	if (is_control(line, VSUSP, byte))
		return SIGTSTP;
	return 0;
}

static void signal_key(struct line *line, uint8_t byte, int signal)
{
	if (!local(line, NOFLSH))
		line_flush(line);
	line->stopped = false;
	if (local(line, ECHO))
		show_byte(line, byte);
	line->start_column = line->column;
	line->host->signal(line, signal);
}

// Keys that stop and start output, and that send signals.
static bool control_key(struct line *line, uint8_t byte)
{
	bool flow = line->settings.c_iflag & IXON;
	int signal;

	if (flow && is_control(line, VSTART, byte)) {
		line->stopped = false;
		return true;
	}
	if (flow && is_control(line, VSTOP, byte)) {
		line->stopped = true;
		return true;
	}
	signal = signal_of(line, byte);
	if (signal)
		signal_key(line, byte, signal);
	return signal != 0;
}

static bool editing_key(struct line *line, uint8_t byte)
{
	if (is_control(line, VERASE, byte))
		erase_key(line, byte);
	else if (is_control(line, VKILL, byte))
		kill_key(line, byte);
	else if (local(line, IEXTEN) && is_control(line, VWERASE, byte))
		erase_word(line);
	else if (local(line, IEXTEN) && local(line, ECHO) && is_control(line, VREPRINT, byte))
		reprint(line, byte);
	else
		return false;
	return true;
}

static bool ends_line(const struct line *line, uint8_t byte)
{
	return byte == '\n' || is_control(line, VEOL, byte) ||
	       (local(line, IEXTEN) && is_control(line, VEOL2, byte));
}

static bool line_key(struct line *line, uint8_t byte)
{
	if (local(line, IEXTEN) && is_control(line, VLNEXT, byte)) {
		line->literal = true;
		if (local(line, ECHO) && local(line, ECHOCTL))
			show(line, (const uint8_t *)"^\b", 2);
		return true;
	}
	if (is_control(line, VEOF, byte)) {
		complete_line(line, 0);
		line->start_column = line->column;
		return true;
	}
	if (!ends_line(line, byte))
		return false;
	echo(line, byte);
	complete_line(line, byte);
	line->start_column = line->column;
	return true;
}

// A byte that stands for itself.
static bool store(struct line *line, uint8_t byte)
{
	if (!has_room(line)) {
		if (local(line, ICANON) && local(line, ECHO))
			line->host->output(line, (const uint8_t *)"\a", 1);
		return local(line, ICANON);
	}
	if (line->head == line->complete)
		line->start_column = line->column;
	echo(line, byte);
	put(line, byte, false);
	return true;
}

// Whether the byte is dropped; else *byte is what it is translated to.
static bool translate(const struct line *line, uint8_t *byte)
{
	tcflag_t flags = line->settings.c_iflag;

	if (*byte == '\r') {
		if (flags & IGNCR)
			return true;
		if (flags & ICRNL)
			*byte = '\n';
	} else if (*byte == '\n' && (flags & INLCR)) {
		*byte = '\r';
	}
	return false;
}

bool line_receive(struct line *line, uint8_t byte)
{
	if (line->settings.c_iflag & ISTRIP)
		byte &= 0x7f;
	if (line->literal) {
		line->literal = false;
		return store(line, byte);
	}
	if (control_key(line, byte) || translate(line, &byte))
		return true;
	if (!local(line, ICANON))
		return store(line, byte);
	if (line->head - line->tail == LINE_SIZE)
		return true; // full of complete lines: lost, as the keyboard can not wait
	if (editing_key(line, byte) || line_key(line, byte))
		return true;
	return store(line, byte);
}

// ---- reading ----
size_t line_available(const struct line *line)
{
	return (local(line, ICANON) ? line->complete : line->head) - line->tail;
}

// An end of file typed behind other bytes only ends that read, and is not read itself.
static bool is_end_of_file(const struct line *line, uint32_t position)
{
	return end_at(line, position) && byte_at(line, position) == 0;
}

static size_t read_line(struct line *line, uint8_t *to, size_t count, bool *done)
{
	size_t moved = 0;

	while (line->tail != line->complete) {
		bool end = end_at(line, line->tail);

		if (is_end_of_file(line, line->tail)) {
			line->tail++;
			*done = true;
			break;
		}
		if (moved == count)
			break;
		to[moved++] = byte_at(line, line->tail++);
		if (end) {
			*done = true;
			break;
		}
	}
	return moved;
}

size_t line_read(struct line *line, uint8_t *to, size_t count, bool *done)
{
	size_t moved = 0;

	*done = false;
	if (local(line, ICANON))
		return read_line(line, to, count, done);
	while (moved < count && line->tail != line->head)
		to[moved++] = byte_at(line, line->tail++);
	// Only ICANON uses it, but it may not fall behind.
	line->complete = line->head;
	return moved;
}
