// SPDX-License-Identifier: MIT
//
// Children that do one step at a time; see actor.h.
#include "user/experiment/actor.h"
#include "user/lib/subject.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_LIMIT 100000

static bool receive(int fd, long *value)
{
	return read(fd, value, sizeof(*value)) == (ssize_t)sizeof(*value);
}

static bool send(int fd, long value)
{
	return write(fd, &value, sizeof(value)) == (ssize_t)sizeof(value);
}

static _Noreturn void act(int ask, int answer, long (*step)(long number))
{
	long number;

	settle();
	send(answer, 0);
	while (receive(ask, &number))
		if (!send(answer, step(number)))
			break;
	_exit(0);
}

void actor_start(struct actor *actor, long (*step)(long number))
{
	int ask[2], answer[2];
	long ready;

	signal(SIGPIPE, SIG_IGN); // a step asked of a child that has ended is only not done
	if (pipe2(ask, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0) {
		perror("pipe");
		exit(2);
	}
	actor->pid = child_start();
	if (actor->pid == 0) {
		close(ask[1]);
		close(answer[0]);
		act(ask[0], answer[1], step);
	}
	close(ask[0]);
	close(answer[1]);
	actor->ask = ask[1];
	actor->answer = answer[0];
	receive(actor->answer, &ready);
}

bool actor_step(const struct actor *actor, long number, long *result)
{
	return send(actor->ask, number) && receive(actor->answer, result);
}

int actor_end(struct actor *actor)
{
	int status = 0;

	close(actor->ask);
	close(actor->answer);
	waitpid(actor->pid, &status, 0);
	return status;
}

long actor_run_until_stopped(const struct course *course, unsigned long *steps, int *status)
{
	struct actor actor;
	long result = 0;

	actor_start(&actor, course->step);
	course->sample(course->part, 0, actor.pid);
	course->row(0);
	for (*steps = 0; *steps < STEPS_LIMIT; ++*steps) {
		if (!actor_step(&actor, (long)*steps, &result)) {
			result = 0;
			break;
		}
		if (result < 0)
			break;
		course->sample(course->part, *steps + 1, actor.pid);
		if ((*steps + 1) % course->shown == 0)
			course->row(*steps + 1);
	}
	course->row(*steps);
	*status = actor_end(&actor);
	return result;
}
