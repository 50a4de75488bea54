// SPDX-License-Identifier: MIT
#pragma once

// Keeps the compiler's own header from passing on to a C library's.
#define _LIBC_LIMITS_H_
#include_next <limits.h>
#include <linux/limits.h>

#define SSIZE_MAX LONG_MAX
