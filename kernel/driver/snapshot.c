// SPDX-License-Identifier: MIT
//
// See snapshot.h. QEMU's pvpanic device is meant for a guest that tells of its panic; told to
// pause then, QEMU stops all processors at that instruction, whatever else is going on.
#include "kernel/driver/snapshot.h"
#include "kernel/driver/log.h"
#include "kernel/machine/instructions.h"
#include "kernel/options.h"

#define PVPANIC_PORT 0x505
#define PVPANIC_STOP 1 // as an answer: the device knows how to

void snapshot_mark(const char *name)
{
	uint8_t known;

	log_line("picture: %s", name);
	if (!options.snapshots)
		return;
	known = port_read8(PVPANIC_PORT);
	if (known == 0xff || !(known & PVPANIC_STOP))
		return;
	port_write8(PVPANIC_PORT, PVPANIC_STOP);
	// The processor stops at an instruction of its choice soon after; this one waits for it.
	port_read8(PVPANIC_PORT);
}
