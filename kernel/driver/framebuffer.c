// SPDX-License-Identifier: MIT
//
// Finding or making a framebuffer: see framebuffer.h. Left out: other cards than QEMU's `-vga
// std`, changing the mode later, less than 32 bits a pixel.
//
// No locks: all of it is constant once framebuffer_start() has returned.
#include "kernel/driver/framebuffer.h"
#include "kernel/driver/log.h"
#include "kernel/driver/pci.h"
#include "kernel/machine/instructions.h"
#include "kernel/options.h"
#include "mm/device_memory.h"
#include <linux/pci_regs.h>

// Bochs VBE: a register's number to one port, its value through the other.
#define VBE_INDEX 0x1ce
#define VBE_DATA  0x1cf

enum vbe_register { VBE_ID, VBE_X, VBE_Y, VBE_BITS, VBE_ENABLE };

#define VBE_ID_FIRST 0xb0c2 // the first that knows 32 bits a pixel
#define VBE_ID_LAST  0xb0c5
#define VBE_DISABLED 0
#define VBE_ENABLED  0x41 // on, with the picture in one piece in the card's memory

#define CARD_VENDOR 0x1234
#define CARD_DEVICE 0x1111

#define WIDTH_USUAL  1024
#define HEIGHT_USUAL 768

static struct boot_framebuffer screen;
static struct object *object; // its memory; NULL: there is no screen

static void vbe_write(enum vbe_register number, uint16_t value)
{
	port_write16(VBE_INDEX, number);
	port_write16(VBE_DATA, value);
}

static uint16_t vbe_read(enum vbe_register number)
{
	port_write16(VBE_INDEX, number);
	return port_read16(VBE_DATA);
}

// Sets the mode on QEMU's card; false when there is none, or it does not know the mode.
static bool set_mode(uint32_t width, uint32_t height)
{
	struct pci_device card;
	uint16_t id;

	if (!pci_find(CARD_VENDOR, CARD_DEVICE, &card))
		return false;
	id = vbe_read(VBE_ID);
	if (id < VBE_ID_FIRST || id > VBE_ID_LAST)
		return false;
	vbe_write(VBE_ENABLE, VBE_DISABLED);
	vbe_write(VBE_X, width);
	vbe_write(VBE_Y, height);
	vbe_write(VBE_BITS, 32);
	vbe_write(VBE_ENABLE, VBE_ENABLED);
	// The card cuts what it has no memory for.
	if (vbe_read(VBE_X) != width || vbe_read(VBE_Y) != height)
		return false;
	pci_enable(&card);
	screen = (struct boot_framebuffer){
		.address = pci_read32(&card, PCI_BASE_ADDRESS_0) & PCI_BASE_ADDRESS_MEM_MASK,
		.pitch = width * 4,
		.width = width,
		.height = height,
		.red_shift = 16,
		.green_shift = 8,
	};
	return screen.address != 0;
}

static bool find(void)
{
	uint32_t width = options.screen_width, height = options.screen_height;

	screen = boot_info.framebuffer;
	if (screen.address && (!width || (screen.width == width && screen.height == height)))
		return true;
	return set_mode(width ? width : WIDTH_USUAL, height ? height : HEIGHT_USUAL);
}

void framebuffer_start(void)
{
	if (!options.framebuffer)
		return;
	if (!find()) {
		log_line("framebuffer: no screen that can be used");
		return;
	}
	if (PAGE_ALIGN_DOWN(screen.address) != screen.address)
		log_line("framebuffer: at %#lx, which is no page's beginning", screen.address);
	else
		object = device_memory_create(screen.address, PAGE_ALIGN_UP(framebuffer_size()));
	if (!object)
		log_line("framebuffer: no memory to map it");
	else
		log_line("framebuffer: %ux%u at %#lx", screen.width, screen.height,
			 screen.address);
}

const struct boot_framebuffer *framebuffer(void)
{
	return object ? &screen : NULL;
}

size_t framebuffer_size(void)
{
	return (size_t)screen.pitch * screen.height;
}

char *framebuffer_memory(void)
{
	return phys_to_virt(screen.address);
}

struct object *framebuffer_object(void)
{
	return object;
}
