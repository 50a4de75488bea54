// SPDX-License-Identifier: MIT
#pragma once

#include <stdbool.h>

// Looks for the trace's channel to the host and places the trace's rings there. Called once, when
// all CPUs have started and before anything is traced. False when there is none.
bool trace_channel_open(void);
