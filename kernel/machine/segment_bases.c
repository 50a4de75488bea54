// SPDX-License-Identifier: MIT
//
// FS and GS bases of ring 3. While in ring 0 the program's GS base waits in KERNEL_GS_BASE.
#include "kernel/machine/cpu.h"
#include "kernel/machine/features.h"
#include "kernel/machine/instructions.h"

void segment_bases_save(uint64_t *fs, uint64_t *gs)
{
	if (features.fsgsbase)
		__asm__ volatile("rdfsbase %0" : "=r"(*fs));
	else
		*fs = msr_read(MSR_FS_BASE);
	*gs = msr_read(MSR_KERNEL_GS_BASE);
}

void segment_bases_load(uint64_t fs, uint64_t gs)
{
	if (features.fsgsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(fs));
	else
		msr_write(MSR_FS_BASE, fs);
	msr_write(MSR_KERNEL_GS_BASE, gs);
}
