// SPDX-License-Identifier: MIT
//
// What the files of /proc share.
#pragma once

#include "kernel/file/pseudo.h"
#include "kernel/process/task.h"
#include "mm/mm.h"

// How an address space divides, in pages.
struct space_use {
	uint64_t size;      // all of it
	uint64_t peak_size; // the most it has been
	uint64_t data;      // private, writable, not the stack
	uint64_t stack;
	uint64_t code;     // executable, not writable
	uint64_t text;     // of that, the program's own
	uint64_t resident; // anonymous and file frames
	uint64_t anon, file, tables, peak, locked;
};

// The task a file is about, with a reference: the process's first one, or that of task/TID. NULL
// when there is none any more. Its name and state; those of the process when it is gone.
struct task *proc_task(const struct pseudo_open *open);
void proc_task_name(const struct pseudo_open *open, char name[TASK_NAME_SIZE]);
char proc_task_state(const struct pseudo_open *open);

// proc_status.c
int proc_show_process_stat(struct pseudo_open *open, struct text *text);
int proc_show_statm(struct pseudo_open *open, struct text *text);
int proc_show_status(struct pseudo_open *open, struct text *text);

// proc_oom.c
int proc_show_oom_score(struct pseudo_open *open, struct text *text);
int proc_show_oom_adjustment(struct pseudo_open *open, struct text *text);
int proc_store_oom_adjustment(struct pseudo_open *open, const char *bytes, size_t length);

void space_count(struct mm *mm, struct space_use *use);

// /proc/sys/vm (proc_sysctl.c).
#define PROC_VM_COUNT 17
extern const struct pseudo_entry proc_vm_entries[PROC_VM_COUNT];

// The first number of `text`, between white space, as kstrtoint takes it: -EINVAL, -ERANGE.
int proc_parse_int(const char *text, size_t length, unsigned base, int *value);

// A setting that is a number, as an entry of some directory (proc_sysctl.c).
#define PROC_SETTING(title, what)                                                \
	{                                                                        \
		.name = (title), .permissions = 0644, .show = proc_show_setting, \
		.store = proc_store_setting, .subject = &(what)                  \
	}
int proc_show_setting(struct pseudo_open *open, struct text *text);
int proc_store_setting(struct pseudo_open *open, const char *text, size_t length);
extern const struct setting proc_epoll_watches; // /proc/sys/fs/epoll/max_user_watches
extern const struct setting proc_shm_max, proc_shm_all, proc_shm_count; // /proc/sys/kernel/shm*

// /proc/sysvipc/shm (shm.c).
int proc_show_shm(struct pseudo_open *open, struct text *text);

// proc_core.c
int proc_show_core_pattern(struct pseudo_open *open, struct text *text);
int proc_store_core_pattern(struct pseudo_open *open, const char *bytes, size_t length);
int proc_show_core_filter(struct pseudo_open *open, struct text *text);
int proc_store_core_filter(struct pseudo_open *open, const char *bytes, size_t length);

int proc_show_limits(struct pseudo_open *open, struct text *text); // proc_limits.c
int proc_show_maps(struct pseudo_open *open, struct text *text);
int proc_show_smaps(struct pseudo_open *open, struct text *text);
int proc_show_smaps_rollup(struct pseudo_open *open, struct text *text);
int proc_clear_references(struct pseudo_open *open, const char *bytes, size_t length);
// pagemap: eight bytes a page. `size` is at most a page.
long proc_read_pagemap(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size);

// What is told of one VMA, so that it can be written without the lock.
struct map_line {
	uintptr_t start, end;
	uint32_t flags;
	uint64_t offset;       // in the file, bytes
	struct object *object; // held
	bool stack;            // the main stack
	bool heap;             // the brk area is in it
};

// The VMA at or after `address`, its object held; false when there is none.
bool map_line_next(struct mm *mm, uintptr_t address, struct map_line *line);
// Its line of maps. `path` has room for PATH_MAX bytes.
void map_line_print(const struct map_line *line, struct text *text, char *path);
// Writes about all VMAs, one after the other.
typedef void (*map_line_show)(struct mm *mm, const struct map_line *line, struct text *text,
			      char *path);
int map_lines_show(struct pseudo_open *open, struct text *text, map_line_show show);

// Memory as a whole (proc_memory.c).
int proc_show_meminfo(struct pseudo_open *open, struct text *text);
int proc_show_vmstat(struct pseudo_open *open, struct text *text);
int proc_show_zoneinfo(struct pseudo_open *open, struct text *text);
int proc_show_buddyinfo(struct pseudo_open *open, struct text *text);
int proc_show_pagetypeinfo(struct pseudo_open *open, struct text *text);
int proc_show_slabinfo(struct pseudo_open *open, struct text *text);

// Eight bytes a frame (proc_frames.c). `size` is at most a page.
long proc_read_page_counts(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size);
long proc_read_page_flags(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size);

int proc_show_mounts(struct pseudo_open *open, struct text *text); // proc_system.c

// What concerns processors (proc_cpu.c).
int proc_show_stat(struct pseudo_open *open, struct text *text);
int proc_show_uptime(struct pseudo_open *open, struct text *text);
int proc_show_interrupts(struct pseudo_open *open, struct text *text);
int proc_show_cpuinfo(struct pseudo_open *open, struct text *text); // proc_cpuinfo.c
void proc_print_shootdowns(struct text *text);                      // lines of /proc/vmstat
#define SYS_DEVICE_COUNT 1
extern const struct pseudo_entry sys_device_entries[SYS_DEVICE_COUNT]; // /sys/devices
