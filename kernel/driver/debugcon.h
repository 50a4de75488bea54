// SPDX-License-Identifier: MIT
//
// QEMU's debug consoles: ports that only take bytes, and answer a read with 0xe9. The kernel's log
// leaves by one; tools/run adds a second for the program's stderr, where no firmware prints.
#pragma once

#include "kernel/machine/instructions.h"
#include <stdbool.h>

#define DEBUGCON_LOG    0xe9
#define DEBUGCON_ERRORS 0xea

#define DEBUGCON_ANSWER 0xe9

static inline bool debugcon_present(uint16_t port)
{
	return port_read8(port) == DEBUGCON_ANSWER;
}

static inline void debugcon_write(uint16_t port, const void *data, size_t count)
{
	port_write_string8(port, data, count);
}
