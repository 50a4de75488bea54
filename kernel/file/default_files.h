// SPDX-License-Identifier: MIT
//
// Files that programs look for and an archive need not have: initrd.c makes those that are
// missing.
#pragma once

#include <stddef.h>

struct default_file {
	const char *directory, *name; // of the root
	const char *text;
};

extern const struct default_file default_files[];
extern const size_t default_file_count;
