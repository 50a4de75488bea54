// SPDX-License-Identifier: MIT
//
// What happens when a fault finds no frame, and nothing is left to give back: a process is ended
// for its memory, by Linux's measure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct process;

// vm.panic_on_oom, vm.oom_kill_allocating_task: words, each read and written whole.
struct oom_settings {
	int panic, kill_allocating;
};
extern struct oom_settings oom_settings;

// How many processes it has ended.
uint64_t oom_kill_count(void);

// Pages that ending a process would bring, with its adjustment in thousandths of all there are.
// INT64_MIN: it has ended.
int64_t oom_badness(struct process *process);

// A page fault of the running task found no frame. True: somebody else has been told to end, and
// has had time to; the fault is worth another try. False: it is the task's own end, or a failure
// that was asked for. May sleep.
bool oom_make_room(void);
