// SPDX-License-Identifier: MIT
//
// From the loader to kernel_main(): one struct boot_info, whoever loaded us.
#include "boot/boot.h"
#include "kernel/machine/cpu_start.h"
#include "kernel/machine/features.h"
#include "kernel/machine/flush.h"
#include "kernel/machine/trap.h"
#include "mm/machine.h"

struct boot_info boot_info;

BOOT_CODE const void *boot_phys(uint64_t address, uint64_t size)
{
	if (address == 0 || address >= BOOT_MAP_END || size > BOOT_MAP_END - address)
		return NULL;
	return (const void *)(DIRECT_MAP_BASE + address);
}

BOOT_CODE void boot_main(enum boot_protocol protocol, uint32_t information)
{
	bool readable;

	trap_init();
	features_start();
	flush_start();
	cpu_start_calls();
	boot_add_fixed_ranges();
	if (protocol == BOOT_MULTIBOOT2) {
		boot_info.protocol = "multiboot2";
		readable = multiboot2_read(information);
	} else {
		boot_info.protocol = "PVH";
		readable = pvh_read(information);
	}
	if (!readable)
		panic("the loader's information at 0x%x is not %s", information,
		      boot_info.protocol);
	boot_read_acpi();
	boot_keep_trampoline_page();
	kernel_main();
}
