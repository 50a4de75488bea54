// SPDX-License-Identifier: MIT
//
// Reads what QEMU's -kernel leaves: Xen's PVH boot information, version 1 (Xen's
// public/arch-x86/hvm/start_info.h). -append is the command line, -initrd the one module.
#include "boot/boot.h"

#define PVH_MAGIC            0x336ec578
#define PVH_VERSION_WITH_MAP 1
#define PVH_MODULES_READ_MAX 64   // more than QEMU or Xen ever pass
#define PVH_MAP_READ_MAX     4096 // entries

struct pvh_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules; // physical addresses, as all that follow
	uint64_t command_line;
	uint64_t rsdp;
	uint64_t memory_map;
	uint32_t memory_map_count;
	uint32_t reserved;
};

struct pvh_module {
	uint64_t address, size;
	uint64_t command_line;
	uint64_t reserved;
};

struct pvh_memory_map_entry {
	uint64_t start, size;
	uint32_t type;
	uint32_t reserved;
};

static BOOT_CODE void read_modules(const struct pvh_start_info *info)
{
	uint32_t count = info->module_count;
	const struct pvh_module *modules;

	if (count > PVH_MODULES_READ_MAX)
		count = PVH_MODULES_READ_MAX;
	modules = boot_phys(info->modules, count * sizeof(*modules));
	if (!modules)
		return;
	for (uint32_t i = 0; i < count; i++) {
		char name[sizeof(boot_info.modules[0].name)] = "";

		boot_copy_phys_text(name, sizeof(name), modules[i].command_line);
		boot_add_module(modules[i].address, modules[i].address + modules[i].size, name,
				sizeof(name));
	}
}

static BOOT_CODE void read_memory_map(const struct pvh_start_info *info, enum boot_range_pass pass)
{
	uint32_t count = info->memory_map_count;
	const struct pvh_memory_map_entry *map;

	if (count > PVH_MAP_READ_MAX)
		count = PVH_MAP_READ_MAX;
	map = boot_phys(info->memory_map, count * sizeof(*map));
	if (!map)
		return;
	for (uint32_t i = 0; i < count; i++)
		boot_firmware_range(pass, map[i].start, map[i].size, map[i].type);
}

BOOT_CODE bool pvh_read(uint64_t address)
{
	const struct pvh_start_info *info = boot_phys(address, sizeof(*info));
	const void *rsdp;

	if (!info || info->magic != PVH_MAGIC || info->version < PVH_VERSION_WITH_MAP)
		return false;
	boot_copy_phys_text(boot_info.command_line, sizeof(boot_info.command_line),
			    info->command_line);
	read_modules(info);
	read_memory_map(info, BOOT_PASS_RESERVED);
	read_memory_map(info, BOOT_PASS_USABLE);
	rsdp = boot_phys(info->rsdp, sizeof(boot_info.rsdp));
	if (rsdp)
		boot_copy_rsdp(rsdp, sizeof(boot_info.rsdp));
	return true;
}
