// SPDX-License-Identifier: MIT
//
// Every frame of RAM as a record, for who draws a picture of them (lib/frame_map.h).
#pragma once

#include "lib/frame_map.h"
#include <stddef.h>

// Records of the frames from `first` on, at most `count`, into `records`. How many: 0 past the
// last frame of RAM. What changes meanwhile is seen before or after; blocks of the allocator are
// seen whole.
size_t frame_map_read(uint64_t first, size_t count, struct frame_record *records);
