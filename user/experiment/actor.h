// SPDX-License-Identifier: MIT
//
// A child process that does one step at a time when told to, so that its parent can look at it
// between two steps, from outside and with nothing else going on.
#pragma once

#include <stdbool.h>

struct actor {
	int pid;
	int ask, answer; // pipes, this process's ends
};

// Starts a child that has touched what it needs for itself and waits for the first step. `step`
// runs there; its result comes back. Ends the program when there can be no child.
void actor_start(struct actor *actor, long (*step)(long number));

// One step, done and over. False when the child ended instead of answering.
bool actor_step(const struct actor *actor, long number, long *result);

// Ends the child if it still lives, by having nothing more for it to do: its wait status.
int actor_end(struct actor *actor);

// A child that goes on until it is stopped, and who looks at it.
struct course {
	const char *part; // its name in the figures
	long (*step)(long number);
	void (*sample)(const char *part, unsigned long step, int pid); // after each step
	void (*row)(unsigned long step); // shows the last sample, after each `shown` steps
	unsigned long shown;
};

// Steps 0, 1, ... until one answers less than 0, which is returned, or the child ends instead of
// answering: then 0. *steps: how many were done; *status: the child's wait status.
long actor_run_until_stopped(const struct course *course, unsigned long *steps, int *status);
