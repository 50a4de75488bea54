// SPDX-License-Identifier: MIT
//
// Ending the machine.
#include "kernel/machine/exit.h"
#include "kernel/driver/debugcon.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"

#define DEBUG_EXIT_PORT 0xf4
// PM1a control of QEMU's machines: where SeaBIOS puts it, and OVMF.
#define SEABIOS_ACPI_PORT 0x604
#define OVMF_ACPI_PORT    0xb004
#define ACPI_SOFT_OFF     0x2000 // SLP_EN, sleep type 0
// Bochs ends when this word is written to it; what DEBUG_EXIT_PORT got stands in its own log.
#define BOCHS_PORT 0x8900
#define BOCHS_WORD "Shutdown"

static bool in_virtual_machine(void)
{
	return cpuid(1, 0).ecx >> 31 & 1;
}

void machine_exit(enum machine_exit how)
{
	irq_disable();
	port_write8(DEBUG_EXIT_PORT, how);
	if (debugcon_present(DEBUGCON_LOG))
		port_write_string8(BOCHS_PORT, BOCHS_WORD, sizeof(BOCHS_WORD) - 1);
	// A panic stays on the screen.
	if (how == MACHINE_EXIT_DONE && in_virtual_machine()) {
		port_write16(SEABIOS_ACPI_PORT, ACPI_SOFT_OFF);
		port_write16(OVMF_ACPI_PORT, ACPI_SOFT_OFF);
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}
