// SPDX-License-Identifier: MIT
//
// The clock that goes on while the machine is off.
#pragma once

#include <stdint.h>

// The battery clock's time, taken as UTC: seconds since 1970. 0 when it makes no sense.
uint64_t rtc_read(void);
