// SPDX-License-Identifier: MIT
//
// /proc/sys/vm and what is like it: settings that are numbers, read and written as Linux's sysctl
// does. Each is one word, read and written whole; whoever uses it sees the old value or the new
// one.
#include "kernel/driver/log.h"
#include "kernel/file/epoll.h"
#include "kernel/file/proc_internal.h"
#include "kernel/file/shm.h"
#include "kernel/file/sysctl.h"
#include "kernel/process/oom.h"
#include "kernel/process/task.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/object.h"
#include "mm/unmap.h"
#include "mm/vma_tree.h"
#include <asm/errno.h>
#include <linux/capability.h>

#define NUMBER_BUFFER 12 // what Linux looks at of what is written to files of one process
#define NUMBER_LENGTH 21 // Linux's parser gives up on more characters, sign included

// A setting of type int, in this range, or of type unsigned long, when `large`.
struct setting {
	void *value;
	bool large;
	int least, most;
	int capability;        // needed for writing, beside the file's permissions; 0: none
	void (*changed)(void); // after a write; NULL: nothing to do
};

// A ratio and an amount exclude each other: what was written last counts.
static void ratio_changed(void)
{
	commit_settings.kbytes = 0;
}

static void kbytes_changed(void)
{
	commit_settings.ratio = 0;
}

static const struct setting policy = {
	.value = &commit_settings.policy,
	.least = OVERCOMMIT_GUESS,
	.most = OVERCOMMIT_NEVER,
};
static const struct setting ratio = {
	.value = &commit_settings.ratio,
	.least = INT32_MIN,
	.most = INT32_MAX,
	.changed = ratio_changed,
};
static const struct setting kbytes = {
	.value = &commit_settings.kbytes,
	.large = true,
	.changed = kbytes_changed,
};
static const struct setting admin_reserve = {
	.value = &commit_settings.admin_reserve,
	.large = true,
};
static const struct setting user_reserve = {
	.value = &commit_settings.user_reserve,
	.large = true,
};
static const struct setting map_count = {
	.value = &vma_count_limit,
	.least = 0,
	.most = INT32_MAX,
};
// Kept for who sets and reads them, and of no effect: there is nothing here that they would
// change.
#define KEPT(title, start, low, high)                                              \
	{                                                                          \
		.name = (title), .permissions = 0644, .show = proc_show_setting,   \
		.store = proc_store_setting,                                       \
		.subject = &(const struct setting){                                \
			.value = &(int){(start)}, .least = (low), .most = (high)}, \
	}

static const struct setting oom_panic = {.value = &oom_settings.panic, .least = 0, .most = 2};
static const struct setting oom_allocating = {
	.value = &oom_settings.kill_allocating,
	.least = INT32_MIN,
	.most = INT32_MAX,
};
static const struct setting min_address = {
	.value = &mmap_min_address,
	.large = true,
	.capability = CAP_SYS_RAWIO,
};

int proc_show_setting(struct pseudo_open *open, struct text *text)
{
	const struct setting *setting = open->subject;

	if (setting->large)
		text_print(text, "%lu\n", *(const uint64_t *)setting->value);
	else
		text_print(text, "%d\n", *(const int *)setting->value);
	return 0;
}

static bool is_space(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r');
}

// The first number of `text`, after white space; what follows it must be white space too.
static int parse_number(const char *text, size_t length, bool *negative, uint64_t *number)
{
	size_t used;

	while (length && is_space(*text))
		text++, length--;
	*negative = length > 1 && *text == '-';
	text += *negative;
	length -= *negative;
	used = parse_unsigned(text, length, 0, number);
	if (!used || used + *negative >= NUMBER_LENGTH)
		return -EINVAL;
	if (used < length && !memchr(" \t\n", text[used], 3))
		return -EINVAL;
	return 0;
}

int proc_parse_int(const char *text, size_t length, unsigned base, int *value)
{
	bool negative;
	uint64_t number;

	if (length > NUMBER_BUFFER)
		length = NUMBER_BUFFER;
	while (length && is_space(*text))
		text++, length--;
	while (length && (is_space(text[length - 1]) || !text[length - 1]))
		length--;
	negative = length && *text == '-';
	if (length && (*text == '-' || *text == '+'))
		text++, length--;
	if (!length || parse_unsigned(text, length, base, &number) != length)
		return -EINVAL;
	if (number > (uint64_t)INT32_MAX + negative)
		return -ERANGE;
	*value = negative ? (int)-(int64_t)number : (int)number;
	return 0;
}

static int store_int(const struct setting *setting, bool negative, uint64_t number)
{
	int64_t value = negative ? -(int64_t)number : (int64_t)number;

	if (number > (uint64_t)INT32_MAX + negative)
		return -EINVAL;
	if (value < setting->least || value > setting->most)
		return -EINVAL;
	__atomic_store_n((int *)setting->value, (int)value, __ATOMIC_RELAXED);
	return 0;
}

static int store_large(const struct setting *setting, bool negative, uint64_t number)
{
	if (negative)
		return -EINVAL;
	__atomic_store_n((uint64_t *)setting->value, number, __ATOMIC_RELAXED);
	return 0;
}

int proc_store_setting(struct pseudo_open *open, const char *text, size_t length)
{
	const struct setting *setting = open->subject;
	uint64_t number;
	bool negative;
	int error;

	if (setting->capability && !machine_capable(setting->capability))
		return -EPERM;
	// An empty write changes nothing, and is none the less one.
	error = length ? parse_number(text, length, &negative, &number) : 0;
	if (!error && length)
		error = setting->large ? store_large(setting, negative, number)
				       : store_int(setting, negative, number);
	if (!error && setting->changed)
		setting->changed();
	return error;
}

int sysctl_set(const char *name, const char *value)
{
	struct pseudo_open open = {0};

	if (strncmp(name, "vm.", 3) != 0)
		return -ENOENT;
	for (unsigned i = 0; i < PROC_VM_COUNT; i++) {
		if (strcmp(name + 3, proc_vm_entries[i].name) != 0)
			continue;
		open.subject = proc_vm_entries[i].subject;
		return proc_vm_entries[i].store(&open, value, strlen(value));
	}
	return -ENOENT;
}

static unsigned last_drop; // what was written last, as Linux shows it

static int show_drop_caches(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "%u\n", last_drop);
	return 0;
}

// 1: page cache, 2: slabs that only cache (there are none), 3: both, 4: no line in the log.
static int store_drop_caches(struct pseudo_open *open, const char *bytes, size_t length)
{
	uint64_t what;
	uint64_t dropped;

	(void)open;
	if (!parse_unsigned(bytes, length, 10, &what) || what < 1 || what > 4)
		return -EINVAL;
	last_drop = (unsigned)what;
	if (!(what & 1))
		return 0;
	dropped = object_drop_caches();
	log_line("drop_caches: %d: %lu frames of page cache given back", current_task()->tid,
		 dropped);
	return 0;
}

const struct setting proc_epoll_watches = {.value = &epoll_max_watches, .large = true};

const struct setting proc_shm_max = {.value = &shm_limits.max, .large = true};
const struct setting proc_shm_all = {.value = &shm_limits.all, .large = true};
const struct setting proc_shm_count = {.value = &shm_limits.count, .least = 0, .most = 1 << 15};

const struct pseudo_entry proc_vm_entries[PROC_VM_COUNT] = {
	PROC_SETTING("admin_reserve_kbytes", admin_reserve),
	{.name = "drop_caches",
	 .permissions = 0200 | 0444,
	 .show = show_drop_caches,
	 .store = store_drop_caches},
	KEPT("dirty_background_ratio", 10, 0, 100),
	KEPT("dirty_ratio", 20, 0, 100),
	PROC_SETTING("max_map_count", map_count),
	KEPT("min_free_kbytes", 0, 0, INT32_MAX),
	PROC_SETTING("mmap_min_addr", min_address),
	KEPT("oom_dump_tasks", 1, INT32_MIN, INT32_MAX),
	PROC_SETTING("oom_kill_allocating_task", oom_allocating),
	PROC_SETTING("overcommit_kbytes", kbytes),
	PROC_SETTING("overcommit_memory", policy),
	PROC_SETTING("overcommit_ratio", ratio),
	KEPT("page-cluster", 3, 0, INT32_MAX),
	PROC_SETTING("panic_on_oom", oom_panic),
	KEPT("swappiness", 60, 0, 200),
	PROC_SETTING("user_reserve_kbytes", user_reserve),
	KEPT("vfs_cache_pressure", 100, 0, INT32_MAX),
};
