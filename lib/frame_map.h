// SPDX-License-Identifier: MIT
//
// What the kernel tells of each frame of physical memory: one record a frame, by frame number from
// 0, in the machine's byte order. Read from /sys/kernel/debug/faultline/frame_map.
#pragma once

#include "lib/memory_words.h"
#include <stdint.h>

#define FRAME_RECORD_MANY UINT16_MAX // references: that many or more

struct frame_record {
	uint16_t references; // mappings and other holders; 0: free, or inside a block
	uint8_t kind;        // enum frame_kind; FRAME_ABSENT: no RAM here
	uint8_t order;       // of the block this frame heads; FRAME_RECORD_TAIL: it heads none
};
#define FRAME_RECORD_TAIL 0xff

_Static_assert(sizeof(struct frame_record) == 4, "the records are an array in a file");
