// SPDX-License-Identifier: MIT
//
// The one frame of zeros that every read of untouched anonymous memory maps.
#pragma once

#include "mm/frame.h"

extern struct frame *zero_frame; // constant once mm/ has started

void zero_frame_start(void);
