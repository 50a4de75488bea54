// SPDX-License-Identifier: MIT
//
// Output for a person: wrapped paragraphs, headings, a bar, a key to go on. Colour and waiting
// only at a terminal; colour also not when NO_COLOR is set (no-color.org).
#pragma once

#include <stdbool.h>

// To be called first.
void screen_start(void);

// Whether somebody sits at standard input and output.
bool screen_interactive(void);

enum style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_ACCENT,
};

// The escape sequence that begins a style, or "" where there is no colour.
const char *style(enum style style);

// A paragraph, wrapped to the screen's width. printf's format; at most 2000 bytes.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// One line of evidence, indented and not wrapped.
void show(const char *format, ...) __attribute__((format(printf, 1, 2)));

// A row of '#', one for each `unit` of `value`, at most 40. Valid until the fourth call after.
const char *bar(unsigned long value, unsigned long unit);

// Waits for a key; false: the reader wants to leave. True at once where nobody sits.
bool screen_wait(void);
