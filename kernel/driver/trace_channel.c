// SPDX-License-Identifier: MIT
//
// QEMU's ivshmem-plain: a region of memory that is a file on the host. The trace's rings lie in it
// (lib/trace_channel.h), so the host reads records while the guest runs. No registers and no
// interrupts are used: the writer looks at memory only.
#include "kernel/driver/trace_channel.h"
#include "kernel/driver/log.h"
#include "kernel/driver/pci.h"
#include "mm/kernel_map.h"
#include "mm/trace.h"
#include <linux/pci_regs.h>

#define VENDOR_REDHAT  0x1af4
#define DEVICE_IVSHMEM 0x1110
#define MEMORY_BAR     PCI_BASE_ADDRESS_2

static uint64_t bar_read(const struct pci_device *device)
{
	uint64_t low = pci_read32(device, MEMORY_BAR), high = 0;

	if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64)
		high = pci_read32(device, MEMORY_BAR + 4);
	return high << 32 | (low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK);
}

static void bar_write(const struct pci_device *device, uint64_t value)
{
	uint32_t low = pci_read32(device, MEMORY_BAR);

	pci_write32(device, MEMORY_BAR, (uint32_t)value);
	if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64)
		pci_write32(device, MEMORY_BAR + 4, (uint32_t)(value >> 32));
}

// The bits of an address that the region does not decode read back as 0.
static uint64_t bar_size(const struct pci_device *device, uint64_t address)
{
	uint64_t size;

	bar_write(device, ~0ul);
	size = bar_read(device);
	size &= -size;
	bar_write(device, address);
	return size;
}

bool trace_channel_open(void)
{
	struct pci_device device;
	uint64_t address, size;
	void *memory;

	if (!pci_find(VENDOR_REDHAT, DEVICE_IVSHMEM, &device))
		return false;
	address = bar_read(&device);
	size = bar_size(&device, address);
	pci_enable(&device);
	memory = address && size ? kernel_map_shared(address, size) : NULL;
	if (!memory || !trace_channel_start(memory, size)) {
		log_line("trace: its channel can not be used");
		return false;
	}
	log_line("trace: a channel of %lu MiB to the host", size >> 20);
	return true;
}
