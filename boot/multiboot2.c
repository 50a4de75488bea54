// SPDX-License-Identifier: MIT
//
// Reads what a Multiboot2 loader (GRUB) leaves: a block of tagged records, each aligned to 8
// bytes (Multiboot2 specification, 3.6). A tag that does not fit in the block ends the reading; a
// tag that is too short for what it should hold is skipped.
#include "boot/boot.h"

enum tag_type {
	TAG_END = 0,
	TAG_COMMAND_LINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
};

#define FRAMEBUFFER_RGB 1

struct information {
	uint32_t size; // of all, this included
	uint32_t reserved;
};

struct tag {
	uint32_t type;
	uint32_t size; // with this head, without what aligns the next one
};

struct tag_module {
	struct tag head;
	uint32_t start, end;
	char name[];
};

struct tag_memory_map {
	struct tag head;
	uint32_t entry_size;
	uint32_t entry_version;
	char entries[];
};

struct memory_map_entry {
	uint64_t start, size;
	uint32_t type;
	uint32_t reserved;
};

struct tag_framebuffer {
	struct tag head;
	uint64_t address;
	uint32_t pitch, width, height;
	uint8_t bits_per_pixel;
	uint8_t type;
	uint16_t reserved;
	uint8_t red_position, red_size;
	uint8_t green_position, green_size;
	uint8_t blue_position, blue_size;
};

// Of a tag's text or table, which begins after `head_size` bytes.
static BOOT_CODE size_t rest_size(const struct tag *tag, size_t head_size)
{
	return tag->size > head_size ? tag->size - head_size : 0;
}

static BOOT_CODE void read_memory_map(const struct tag_memory_map *map, enum boot_range_pass pass)
{
	size_t left = rest_size(&map->head, sizeof(*map));
	const char *at = map->entries;

	if (left == 0 || map->entry_size < sizeof(struct memory_map_entry))
		return;
	for (; left >= map->entry_size; left -= map->entry_size, at += map->entry_size) {
		const struct memory_map_entry *entry = (const void *)at;

		boot_firmware_range(pass, entry->start, entry->size, entry->type);
	}
}

static BOOT_CODE void read_framebuffer(const struct tag_framebuffer *tag)
{
	// Before `red_position` a text screen's tag ends.
	if (tag->head.size < offsetof(struct tag_framebuffer, blue_size) ||
	    tag->type != FRAMEBUFFER_RGB || tag->bits_per_pixel != 32 || tag->red_size != 8 ||
	    (uint64_t)tag->width * 4 > tag->pitch)
		return;
	boot_info.framebuffer = (struct boot_framebuffer){
		.address = tag->address,
		.pitch = tag->pitch,
		.width = tag->width,
		.height = tag->height,
		.red_shift = tag->red_position,
		.green_shift = tag->green_position,
		.blue_shift = tag->blue_position,
	};
}

static BOOT_CODE void read_text(const struct tag *tag, char *to, size_t to_size)
{
	boot_copy_text(to, to_size, (const char *)(tag + 1), rest_size(tag, sizeof(*tag)));
}

static BOOT_CODE void read_acpi(const struct tag *tag)
{
	boot_copy_rsdp(tag + 1, rest_size(tag, sizeof(*tag)));
}

static BOOT_CODE void read_module(const struct tag *tag)
{
	const struct tag_module *module = (const void *)tag;

	if (tag->size >= sizeof(*module))
		boot_add_module(module->start, module->end, module->name,
				rest_size(tag, sizeof(*module)));
}

static BOOT_CODE void read_tag(const struct tag *tag, enum boot_range_pass pass)
{
	if (tag->type == TAG_MEMORY_MAP)
		read_memory_map((const void *)tag, pass);
	if (pass != BOOT_PASS_RESERVED)
		return;
	switch (tag->type) {
	case TAG_COMMAND_LINE:
		read_text(tag, boot_info.command_line, sizeof(boot_info.command_line));
		break;
	case TAG_LOADER:
		read_text(tag, boot_info.loader, sizeof(boot_info.loader));
		break;
	case TAG_MODULE:
		read_module(tag);
		break;
	case TAG_FRAMEBUFFER:
		read_framebuffer((const void *)tag);
		break;
	case TAG_ACPI_OLD:
		if (boot_info.rsdp_size == 0)
			read_acpi(tag);
		break;
	case TAG_ACPI_NEW:
		read_acpi(tag);
		break;
	}
}

static BOOT_CODE void read_tags(const char *block, size_t size, enum boot_range_pass pass)
{
	size_t at = sizeof(struct information);

	while (size - at >= sizeof(struct tag)) {
		const struct tag *tag = (const void *)(block + at);
		size_t step = ((size_t)tag->size + 7) & ~7ul;

		if (tag->type == TAG_END || tag->size < sizeof(*tag) || tag->size > size - at)
			return;
		read_tag(tag, pass);
		if (step > size - at)
			return;
		at += step;
	}
}

BOOT_CODE bool multiboot2_read(uint64_t address)
{
	const struct information *information = boot_phys(address, sizeof(*information));

	if (!information || address % 8 || information->size < sizeof(*information) ||
	    !boot_phys(address, information->size))
		return false;
	read_tags((const char *)information, information->size, BOOT_PASS_RESERVED);
	read_tags((const char *)information, information->size, BOOT_PASS_USABLE);
	return true;
}
