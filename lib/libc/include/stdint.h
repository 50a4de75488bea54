// SPDX-License-Identifier: MIT
#pragma once

// The compiler's own types. GCC's <stdint.h> would pass on to a C library's.
#ifdef __clang__
#include_next <stdint.h>
#else
#include <stdint-gcc.h>
#endif
