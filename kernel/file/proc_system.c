// SPDX-License-Identifier: MIT
//
// /proc outside of the processes: its tables, names, and what is small. Numbers come from who
// counts them; what nobody counts here (disks, networks) is zero or absent.
#include "kernel/file/mount.h"
#include "kernel/file/proc_internal.h"
#include "kernel/process/credentials.h"
#include "kernel/process/load.h"
#include "kernel/process/process.h"
#include "kernel/process/scheduler.h"
#include "kernel/system_name.h"
#include "kernel/process/task.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/frame.h"
#include "mm/object.h"
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>

static int show_loadavg(struct pseudo_open *open, struct text *text)
{
	struct process_counts counts = process_counts();

	(void)open;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t load = load_averages[i] + (1ul << LOAD_SHIFT) / 200; // rounded

		text_print(text, "%lu.%02lu ", load >> LOAD_SHIFT,
			   (load & ((1ul << LOAD_SHIFT) - 1)) * 100 >> LOAD_SHIFT);
	}
	text_print(text, "%u/%lu %lu\n", scheduler_runnable(), counts.tasks, counts.forks + 1);
	return 0;
}

// ---- names and switches ----
static int show_version(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%s version %s %s\n", SYSTEM_NAME, SYSTEM_RELEASE, SYSTEM_VERSION);
	return 0;
}

static int show_os_type(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%s\n", SYSTEM_NAME);
	return 0;
}

static int show_os_release(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%s\n", SYSTEM_RELEASE);
	return 0;
}

static int show_host_name(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%s\n", SYSTEM_NODE);
	return 0;
}

static int show_pid_max(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%d\n", pid_max());
	return 0;
}

static int store_pid_max(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t value;

	(void)open;
	if (!parse_unsigned(bytes, length, 10, &value) || value > INT32_MAX)
		return -EINVAL;
	return pid_set_max((int)value);
}

static int show_last_pid(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%d\n", pid_last());
	return 0;
}

static int store_last_pid(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t value;

	(void)open;
	if (!capable(CAP_SYS_ADMIN) && !capable(CAP_CHECKPOINT_RESTORE))
		return -EPERM;
	if (!parse_unsigned(bytes, length, 10, &value) || value > INT32_MAX)
		return -EINVAL;
	return pid_set_last((int)value);
}

static int show_threads_max(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%d\n", PROCESS_LIMIT);
	return 0;
}

static int show_constant(struct pseudo_open *open, struct text *text)
{
	text_print(text, "%s\n", (const char *)open->subject);
	return 0;
}

static int show_file_systems(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "nodev\ttmpfs\nnodev\tramfs\nnodev\tproc\nnodev\tsysfs\n");
	return 0;
}

int proc_show_mounts(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "tmpfs / tmpfs rw,relatime 0 0\nproc /proc proc rw 0 0\n"
			 "sysfs /sys sysfs rw 0 0\n");
	mounts_show(text);
	return 0;
}

static long copy_link(const char *text, char *buffer, size_t size)
{
	size_t length = strlen(text);

	if (length > size)
		length = size;
	memcpy(buffer, text, length);
	return (long)length;
}

static long read_mounts(struct process *process, char *buffer, size_t size)
{
	(void)process;
	return copy_link("self/mounts", buffer, size);
}

static long read_self(struct process *process, char *buffer, size_t size)
{
	char digits[12];

	(void)process;
	snprintf(digits, sizeof(digits), "%d", current_process()->pid);
	return copy_link(digits, buffer, size);
}

static long read_thread_self(struct process *process, char *buffer, size_t size)
{
	char text[32];

	(void)process;
	snprintf(text, sizeof(text), "%d/task/%d", current_process()->pid, current_task()->tid);
	return copy_link(text, buffer, size);
}

#define CONSTANT(title, string)                                                                  \
	{                                                                                        \
		.name = (title), .permissions = 0444, .show = show_constant, .subject = (string) \
	}

static const struct pseudo_entry kernel_entries[] = {
	CONSTANT("cap_last_cap", "40"),
	{.name = "core_pattern",
	 .permissions = 0644,
	 .show = proc_show_core_pattern,
	 .store = proc_store_core_pattern},
	CONSTANT("core_uses_pid", "0"),
	PSEUDO_TEXT("hostname", show_host_name),
	PSEUDO_TEXT("osrelease", show_os_release),
	PSEUDO_TEXT("ostype", show_os_type),
	CONSTANT("ngroups_max", "65536"),
	{.name = "ns_last_pid",
	 .permissions = 0666,
	 .show = show_last_pid,
	 .store = store_last_pid},
	{.name = "pid_max", .permissions = 0644, .show = show_pid_max, .store = store_pid_max},
	CONSTANT("randomize_va_space", "0"),
	PROC_SETTING("shmall", proc_shm_all),
	PROC_SETTING("shmmax", proc_shm_max),
	PROC_SETTING("shmmni", proc_shm_count),
	CONSTANT("tainted", "0"),
	PSEUDO_TEXT("threads-max", show_threads_max),
	CONSTANT("version", SYSTEM_VERSION),
};
static const struct pseudo_entry sysvipc_entries[] = {
	PSEUDO_TEXT("shm", proc_show_shm),
};
static const struct pseudo_entry epoll_entries[] = {
	PROC_SETTING("max_user_watches", proc_epoll_watches),
};
static const struct pseudo_entry fs_entries[] = {
	PSEUDO_DIRECTORY("epoll", epoll_entries),
};
static const struct pseudo_entry switch_entries[] = {
	PSEUDO_DIRECTORY("fs", fs_entries),
	PSEUDO_DIRECTORY("kernel", kernel_entries),
	PSEUDO_DIRECTORY("vm", proc_vm_entries),
};
static const struct pseudo_entry root_entries[] = {
	PSEUDO_TEXT("buddyinfo", proc_show_buddyinfo),
	PSEUDO_TEXT("cpuinfo", proc_show_cpuinfo),
	PSEUDO_TEXT("filesystems", show_file_systems),
	PSEUDO_TEXT("interrupts", proc_show_interrupts),
	{.name = "kpagecount", .permissions = 0400, .read_at = proc_read_page_counts},
	{.name = "kpageflags", .permissions = 0400, .read_at = proc_read_page_flags},
	PSEUDO_TEXT("loadavg", show_loadavg),
	PSEUDO_TEXT("meminfo", proc_show_meminfo),
	{.name = "mounts", .readlink = read_mounts},
	{.name = "pagetypeinfo", .permissions = 0400, .show = proc_show_pagetypeinfo},
	{.name = "self", .readlink = read_self},
	{.name = "thread-self", .readlink = read_thread_self},
	{.name = "slabinfo", .permissions = 0400, .show = proc_show_slabinfo},
	PSEUDO_TEXT("stat", proc_show_stat),
	PSEUDO_DIRECTORY("sys", switch_entries),
	PSEUDO_DIRECTORY("sysvipc", sysvipc_entries),
	PSEUDO_TEXT("uptime", proc_show_uptime),
	PSEUDO_TEXT("version", show_version),
	PSEUDO_TEXT("vmstat", proc_show_vmstat),
	PSEUDO_TEXT("zoneinfo", proc_show_zoneinfo),
};

const struct pseudo_entry proc_directory = {
	.name = "proc",
	.permissions = 0555,
	.entries = root_entries,
	.count = sizeof(root_entries) / sizeof(root_entries[0]),
	.processes = true,
};
