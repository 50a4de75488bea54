// SPDX-License-Identifier: MIT
//
// PCI configuration space: see pci.h. Called while starting only.
#include "kernel/driver/pci.h"
#include "kernel/machine/instructions.h"
#include <linux/pci_regs.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define SLOTS          32

static void select(const struct pci_device *device, uint8_t offset)
{
	port_write32(CONFIG_ADDRESS, 0x80000000u | (uint32_t)device->slot << 11 | (offset & ~3u));
}

uint32_t pci_read32(const struct pci_device *device, uint8_t offset)
{
	select(device, offset);
	return port_read32(CONFIG_DATA);
}

void pci_write32(const struct pci_device *device, uint8_t offset, uint32_t value)
{
	select(device, offset);
	port_write32(CONFIG_DATA, value);
}

bool pci_find(uint16_t vendor, uint16_t device, struct pci_device *found)
{
	uint32_t wanted = (uint32_t)device << 16 | vendor;

	for (uint8_t slot = 0; slot < SLOTS; slot++) {
		found->slot = slot;
		if (pci_read32(found, PCI_VENDOR_ID) == wanted)
			return true;
	}
	return false;
}

void pci_enable(const struct pci_device *device)
{
	uint32_t command = pci_read32(device, PCI_COMMAND) & 0xffff;

	pci_write32(device, PCI_COMMAND,
		    command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}
