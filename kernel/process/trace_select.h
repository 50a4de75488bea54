// SPDX-License-Identifier: MIT
//
// The processes whose doings are traced: by number, or by name (comm) whatever their number is.
// None: all, and what no process does.
#pragma once

#include "kernel/process/task.h"
#include <stddef.h>

#define TRACE_SELECTED_MAX 8

struct trace_selection {
	unsigned count;
	struct trace_selected {
		int pid;                   // 0: by name
		char name[TASK_NAME_SIZE]; // cut as a task's own
	} list[TRACE_SELECTED_MAX];
};

// Numbers and names, with blanks or commas between them; "": all. 0, or -EINVAL when there are too
// many. The caller holds no lock.
int trace_select(const char *text, size_t length);
void trace_selection_get(struct trace_selection *copy);
