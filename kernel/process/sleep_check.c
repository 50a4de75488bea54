// SPDX-License-Identifier: MIT
//
// The checks on locks that sleep, in debug builds: their order among each other and with spin
// locks, a lock taken again by its holder, released by another task, or kept on the way back to
// ring 3. See kernel/machine/lock_check.c.
#include "kernel/process/sleep_lock.h"

#ifdef LOCK_CHECKS

#include "kernel/machine/lock_check.h"
#include "kernel/process/task.h"
#include "mm/machine.h"

void sleep_lock_check_take(struct sleep_lock *lock)
{
	struct task *task = current_task();
	int class = lock_class_of(&lock->check, "a lock that sleeps", "");

	lock_check_may_sleep();
	if (class < 0)
		return;
	for (unsigned i = 0; i < task->sleep_lock_count; i++) {
		if (task->sleep_locks[i] == lock && lock_report_begin())
			panic("locks: %s (%s) is taken again by its holder", lock->check.name,
			      lock->check.file);
	}
	sleep_locks_order((unsigned)class, (uintptr_t)__builtin_frame_address(0));
}

void sleep_lock_check_taken(struct sleep_lock *lock)
{
	struct task *task = current_task();

	if (lock_class_of(&lock->check, "a lock that sleeps", "") < 0)
		return;
	if (task->sleep_lock_count < TASK_SLEEP_LOCKS)
		task->sleep_locks[task->sleep_lock_count++] = lock;
	else if (lock_report_begin())
		panic("locks: a task holds more than %u that sleep", TASK_SLEEP_LOCKS);
}

void sleep_lock_check_release(struct sleep_lock *lock)
{
	struct task *task = current_task();
	unsigned at = 0;

	while (at < task->sleep_lock_count && task->sleep_locks[at] != lock)
		at++;
	if (at == task->sleep_lock_count) {
		if (lock_report_begin())
			panic("locks: %s (%s) is released by a task that does not hold it",
			      lock->check.name, lock->check.file);
		return;
	}
	task->sleep_lock_count--;
	for (; at < task->sleep_lock_count; at++)
		task->sleep_locks[at] = task->sleep_locks[at + 1];
}

void sleep_locks_order(unsigned class, uintptr_t frame)
{
	const struct task *task = cpu_current_task();

	for (unsigned i = 0; task && i < task->sleep_lock_count; i++) {
		unsigned before = task->sleep_locks[i]->check.class - 1u;

		if (before != class)
			lock_order_add(before, class, frame);
	}
}

void sleep_locks_check_none(void)
{
	const struct task *task = cpu_current_task();

	if (task && task->sleep_lock_count && lock_report_begin())
		panic("locks: ring 3 goes on with %s (%s) held", task->sleep_locks[0]->check.name,
		      task->sleep_locks[0]->check.file);
}

#endif
