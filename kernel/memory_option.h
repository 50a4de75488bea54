// SPDX-License-Identifier: MIT
//
// The boot option that puts a memory map of one's own in the place of the loader's.
#pragma once

#include <stdbool.h>

// Boot option memory=LIST: what the loader called usable is forgotten and LIST taken instead,
// pieces START-END separated by commas, in bytes or with k, M, G; a piece that begins with '!' is
// reserved. Before mm_start(). False when the list makes no sense: nothing has changed then.
//
//   memory=1M-16M,32M-48M,!40M-41M
bool memory_option_apply(const char *list);
