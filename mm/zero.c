// SPDX-License-Identifier: MIT
//
// The shared frame of zeros: see mm/zero.h. Its mappings are counted like any frame's; the
// reference it starts with is never dropped.

#include "mm/zero.h"
#include "mm/machine.h"

struct frame *zero_frame;

void zero_frame_start(void)
{
	zero_frame = frame_alloc_zeroed(FRAME_ZERO);
	if (!zero_frame)
		panic("not enough memory for the frame of zeros");
}
