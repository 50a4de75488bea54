// SPDX-License-Identifier: MIT
//
// The checks before the loops of user_copy.asm.
#include "kernel/machine/user_copy.h"
#include "kernel/machine/features.h"
#include "kernel/machine/fpu.h"
#include "kernel/process/task.h"
#include "lib/lock_check.h"
#include <linux/errno.h>

int user_copy_raw(void *to, const void *from, size_t count);
int user_fpu_save_raw(void *state, uint64_t components);
int user_fpu_restore_raw(const void *state, uint64_t components);
int user_clear_raw(void *to, size_t count);
int user_load32_raw(uint32_t *value, const uint32_t *from);
int user_compare_exchange32_raw(uint32_t *word, uint32_t *expected, uint32_t new);
long user_string_raw(char *to, const char *from, size_t limit);

// Every way to ring 3's memory may fault, and a fault may wait for what a lock's holder has.
static void check_locks(void)
{
	const struct task *task = current_task();

	if (task && !task->present_only)
		lock_check_may_sleep();
}

int copy_to_user(uintptr_t to, const void *from, size_t count)
{
	check_locks();
	if (!user_range_ok(to, count))
		return -EFAULT;
	return user_copy_raw((void *)to, from, count);
}

int copy_from_user(void *to, uintptr_t from, size_t count)
{
	check_locks();
	if (!user_range_ok(from, count))
		return count ? -EFAULT : 0; // nothing may come from anywhere, as on Linux
	return user_copy_raw(to, (const void *)from, count);
}

static bool is_fpu_state(uintptr_t address)
{
	return features.xsave && address % 64 == 0 && user_range_ok(address, fpu_state_size);
}

int user_fpu_save(uintptr_t address)
{
	return is_fpu_state(address) ? user_fpu_save_raw((void *)address, features.xcr0) : -EFAULT;
}

int user_fpu_restore(uintptr_t address)
{
	return is_fpu_state(address) ? user_fpu_restore_raw((const void *)address, features.xcr0)
				     : -EFAULT;
}

int clear_user(uintptr_t to, size_t count)
{
	check_locks();
	if (!user_range_ok(to, count))
		return -EFAULT;
	return user_clear_raw((void *)to, count);
}

int user_load32(uint32_t *value, uintptr_t address)
{
	check_locks();
	if (!user_range_ok(address, sizeof(*value)))
		return -EFAULT;
	return user_load32_raw(value, (const uint32_t *)address);
}

int user_compare_exchange32(uintptr_t address, uint32_t *expected, uint32_t new)
{
	check_locks();
	if (!user_range_ok(address, sizeof(new)))
		return -EFAULT;
	return user_compare_exchange32_raw((uint32_t *)address, expected, new);
}

int user_load32_present(uint32_t *value, uintptr_t address)
{
	int result;

	current_task()->present_only = true;
	result = user_load32(value, address);
	current_task()->present_only = false;
	return result;
}

int user_compare_exchange32_present(uintptr_t address, uint32_t *expected, uint32_t new)
{
	int result;

	current_task()->present_only = true;
	result = user_compare_exchange32(address, expected, new);
	current_task()->present_only = false;
	return result;
}

long strncpy_from_user(char *to, uintptr_t from, size_t size)
{
	size_t limit = size;
	long length;

	check_locks();
	if (!user_range_ok(from, 0))
		return -EFAULT;
	if (limit > USER_END - from)
		limit = USER_END - from;
	length = user_string_raw(to, (const char *)from, limit);
	// It was ring 3's half that ended, not the caller's buffer.
	if (length == -ENAMETOOLONG && limit < size)
		return -EFAULT;
	return length;
}
