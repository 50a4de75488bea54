// SPDX-License-Identifier: MIT
//
// The line discipline: what a terminal does between the keys pressed and the bytes a program
// reads (editing, echo, signals), and between the bytes it writes and what the screen gets. Pure:
// no locks, no devices; its owner guards it and gives it two functions.
#pragma once

#include <asm/termbits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_SIZE 4096 // bytes that wait to be read, and so the longest line

struct line;

struct line_host {
	void (*output)(struct line *line, const uint8_t *bytes, size_t count); // to the screen
	void (*signal)(struct line *line, int signal); // SIGINT, SIGQUIT, SIGTSTP
};

struct line {
	const struct line_host *host;
	struct termios settings;
	// Counters of all bytes ever; a byte's place is its counter modulo LINE_SIZE.
	uint32_t tail;               // next to be read
	uint32_t complete;           // ICANON: end of the last complete line
	uint32_t head;               // next to be stored
	uint32_t column;             // of the cursor
	uint32_t start_column;       // where the line being typed begins
	bool literal;                // VLNEXT came: the next byte stands for itself
	bool stopped;                // VSTOP came: output waits
	uint8_t ends[LINE_SIZE / 8]; // bit set: the byte ends a line
	uint8_t bytes[LINE_SIZE];
};

void line_init(struct line *line, const struct line_host *host);
void line_set(struct line *line, const struct termios *settings);

// One byte from the keyboard. False: there is no room for it (only without ICANON), try later.
bool line_receive(struct line *line, uint8_t byte);

// Bytes a read could get now. ICANON: of complete lines, their ends included.
size_t line_available(const struct line *line);
// Moves up to `count` bytes out: ICANON: of one line at most. *done: the read ends here, because a
// line (or the end of file: then 0 may be the result) is complete.
size_t line_read(struct line *line, uint8_t *to, size_t count, bool *done);
// Forgets what was not read.
void line_flush(struct line *line);

// Turns program output into what the screen gets. Takes bytes from `from` until they are used up
// or `to` has no room for the next; *used says how many. Bytes in `to`, which has room for 8.
size_t line_output(struct line *line, const uint8_t *from, size_t count, uint8_t *to, size_t room,
		   size_t *used);
