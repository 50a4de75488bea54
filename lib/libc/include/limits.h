// SPDX-License-Identifier: MIT
#pragma once

// The compiler's limits.h may have come first and passed on to this one; if not, it is told that
// there is no C library's to pass on to.
#ifndef _GCC_LIMITS_H_
#define _LIBC_LIMITS_H_
#include_next <limits.h>
#endif
#include <linux/limits.h>

#define SSIZE_MAX LONG_MAX
