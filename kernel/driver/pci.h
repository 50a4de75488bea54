// SPDX-License-Identifier: MIT
//
// PCI configuration space by the old ports (PCI Local Bus 3.0, 3.2.2.3.2): enough to find a device
// on the first bus. Addresses and interrupt lines are the firmware's choice and are kept.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pci_device {
	uint8_t slot; // on bus 0, function 0
};

// The first device with these numbers; false when there is none.
bool pci_find(uint16_t vendor, uint16_t device, struct pci_device *found);

// `offset` as in <linux/pci_regs.h>, aligned to the width.
uint32_t pci_read32(const struct pci_device *device, uint8_t offset);
void pci_write32(const struct pci_device *device, uint8_t offset, uint32_t value);

// Lets the device answer at its ports and addresses, and reach memory by itself.
void pci_enable(const struct pci_device *device);
