// SPDX-License-Identifier: MIT
//
// Random bytes for getrandom, /dev/urandom and exec's AT_RANDOM.
#pragma once

#include <stddef.h>

// Any context. As good as the processor's own source (RDRAND); on a processor without one they
// are seeded from the clocks alone and can be guessed by who knows when the machine started.
void random_bytes(void *to, size_t count);
