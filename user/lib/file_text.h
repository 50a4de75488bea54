// SPDX-License-Identifier: MIT
//
// Small files as text, which is how the kernel tells programs about itself.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Reads all of `path`, as far as it fits, and terminates it. Length, or -1 with errno.
long file_read(const char *path, char *text, size_t size);

// Writes `text` with one write(2). Whether that worked; errno says why not.
bool file_write(const char *path, const char *text);

// Writes `question` and reads the answer through the same open file.
long file_ask(const char *path, const char *question, char *answer, size_t size);

// The next line of *text, without its end, and moves *text past it; NULL: none left. The text is
// cut up where its lines end.
char *next_line(char **text);
