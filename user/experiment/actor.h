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
