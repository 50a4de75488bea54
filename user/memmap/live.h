// SPDX-License-Identifier: MIT
//
// Pictures that follow what happens: again and again, and whenever a program asks for one.
#pragma once

#include "user/memmap/picture.h"

// Where pictures go.
struct output {
	bool screen; // to the framebuffer
	bool dump;   // to standard output for tools/picture
	bool text;   // to standard output for a person
	size_t scale;
	int pause; // seconds at each mark
};

// Draws until the program is ended. Exit status.
int live_watch(struct view *view, const struct choice *choice, const struct output *output);

// Runs a program, and draws meanwhile and at its marks (user/lib/mark.h). The program's exit
// status, 128 and the signal's number for an end by signal.
int live_run(struct view *view, char **program, const struct output *output);

// One picture. False: there is no screen.
bool live_once(struct view *view, const struct output *output);
