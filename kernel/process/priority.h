// SPDX-License-Identifier: MIT
//
// Priorities as setpriority and sched_setscheduler set them, with Linux's rules of who may set
// what. Nothing else follows from them: tasks take turns, whatever their priority.
#pragma once

#include <stdbool.h>

// PRIO_* of <linux/resource.h>; `who` 0: the caller's. The lowest nice value, as 20 - nice, or
// -EINVAL, -ESRCH.
long priority_get(int which, int who);
// 0, -EINVAL, -ESRCH, -EPERM, -EACCES.
long priority_set(int which, int who, int nice);

// SCHED_* of <linux/sched.h>, and the real-time priority, 0 with the other policies.
struct schedule_class {
	int policy; // in a request, -1: as it is
	int priority;
	bool reset_on_fork;
};
long schedule_class_get(int tid, struct schedule_class *class);       // 0, -EINVAL, -ESRCH
long schedule_class_set(int tid, const struct schedule_class *class); // or -EPERM
