// SPDX-License-Identifier: MIT
//
// Whose doings are traced: see trace_select.h. Read for every record, so it is one list under no
// lock: words that are changed while all other CPUs are held.
#include "kernel/process/trace_select.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/machine.h"
#include <asm/errno.h>

static struct trace_selection selection;

bool machine_trace_selects(void)
{
	const struct task *task;

	if (__builtin_expect(selection.count == 0, 1))
		return true;
	task = cpu_current_task();
	if (!task || !task->process)
		return false;
	for (unsigned i = 0; i < selection.count; i++) {
		const struct trace_selected *one = &selection.list[i];

		if (one->pid ? one->pid == task->process->pid
			     : strncmp(one->name, task->name, TASK_NAME_SIZE) == 0)
			return true;
	}
	return false;
}

static void parse_one(const char *word, size_t length, struct trace_selected *one)
{
	uint64_t pid;

	if (parse_unsigned(word, length, 10, &pid) == length && pid && pid < PID_LIMIT) {
		one->pid = (int)pid;
		return;
	}
	if (length >= sizeof(one->name))
		length = sizeof(one->name) - 1;
	memcpy(one->name, word, length);
}

int trace_select(const char *text, size_t length)
{
	struct trace_selection chosen = {0};
	size_t at = 0;

	while (at < length) {
		size_t end = at;

		while (end < length && !strchr(" ,\n\t", text[end]))
			end++;
		if (end > at) {
			if (chosen.count == TRACE_SELECTED_MAX)
				return -EINVAL;
			parse_one(text + at, end - at, &chosen.list[chosen.count++]);
		}
		at = end + 1;
	}
	machine_hold_others();
	selection = chosen;
	machine_release_others();
	return 0;
}

void trace_selection_get(struct trace_selection *copy)
{
	machine_hold_others();
	*copy = selection;
	machine_release_others();
}
