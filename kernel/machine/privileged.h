// SPDX-License-Identifier: MIT
//
// Naming the privileged instruction that ring 3 was refused.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The name of the privileged instruction in `code` ("cli", "mov to a control register"), or NULL
// when it is none that is known here.
const char *privileged_name(const uint8_t *code, size_t size);
