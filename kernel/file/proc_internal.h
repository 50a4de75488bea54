// SPDX-License-Identifier: MIT
//
// What the files of /proc share.
#pragma once

#include "kernel/file/pseudo.h"
#include "mm/mm.h"

// How an address space divides, in pages; counted over its VMAs.
struct space_use {
	uint64_t size;      // all of it
	uint64_t peak_size; // the most it has been
	uint64_t data;      // private, writable, not the stack
	uint64_t stack;
	uint64_t code;     // executable, not writable
	uint64_t resident; // anonymous and file frames
	uint64_t anon, file, tables, peak, locked;
};

void space_count(struct mm *mm, struct space_use *use);

// /proc/sys/vm (proc_sysctl.c).
#define PROC_VM_COUNT 8
extern const struct pseudo_entry proc_vm_entries[PROC_VM_COUNT];

int proc_show_limits(struct pseudo_open *open, struct text *text); // proc_limits.c
int proc_show_maps(struct pseudo_open *open, struct text *text);

// What concerns processors (proc_cpu.c).
int proc_show_stat(struct pseudo_open *open, struct text *text);
int proc_show_uptime(struct pseudo_open *open, struct text *text);
int proc_show_cpuinfo(struct pseudo_open *open, struct text *text);
void proc_print_shootdowns(struct text *text); // lines of /proc/vmstat
#define SYS_DEVICE_COUNT 1
extern const struct pseudo_entry sys_device_entries[SYS_DEVICE_COUNT]; // /sys/devices
