// SPDX-License-Identifier: MIT
//
// trace [-c] PROGRAM [ARG...]: what the kernel does for a program (-c: in numbers only)
//
// What the program's own children do is in there too, under their numbers. The kernel keeps as
// much as its ring holds; what was overwritten is counted.
#include "user/lib/kernel_files.h"
#include "user/lib/tracing.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS 256

static unsigned long counts[TRACE_EVENT_COUNT];
static uint64_t began;

static _Noreturn void become(char **argv)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", strchr(argv[0], '/') ? "" : "/bin/", argv[0]);
	if (!tracing_start()) {
		perror("trace: " KERNEL_FILES "trace_on");
		_exit(127);
	}
	execv(path, argv);
	perror(argv[0]);
	_exit(127);
}

static void print_record(const struct trace_record *record)
{
	char text[200];

	if (!began)
		began = record->time;
	printf("%10lu  %4d  %s\n", record->time - began, record->task,
	       trace_text(record, text, sizeof(text)));
}

static void take_all(bool print)
{
	static struct trace_record records[RECORDS];
	size_t taken;

	while ((taken = tracing_take(records, RECORDS)) > 0)
		for (size_t i = 0; i < taken; i++) {
			if (records[i].task == getpid() || records[i].event >= TRACE_EVENT_COUNT)
				continue;
			counts[records[i].event]++;
			if (print)
				print_record(&records[i]);
		}
}

static void print_counts(void)
{
	static const struct {
		enum trace_event event;
		const char *name;
	} shown[] = {
		{TRACE_SYSCALL, "system calls"},     {TRACE_FAULT, "page faults"},
		{TRACE_FRAME_ALLOC, "frames taken"}, {TRACE_FRAME_FREE, "frames given back"},
		{TRACE_TABLE_ALLOC, "tables made"},  {TRACE_TABLE_FREE, "tables given back"},
		{TRACE_VMA, "changes of the map"},   {TRACE_FORK, "forks"},
		{TRACE_SIGNAL, "signals"},           {TRACE_SHOOTDOWN, "TLB shootdowns"},
	};

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		printf("%-20s %7lu\n", shown[i].name, counts[shown[i].event]);
	printf("%-20s %7lu\n", "records lost", counter("trace_lost"));
}

int main(int argc, char **argv)
{
	bool only_counts = argc > 1 && strcmp(argv[1], "-c") == 0;
	int status = 0;
	pid_t child;

	argv += 1 + only_counts;
	if (!argv[0]) {
		fprintf(stderr, "usage: trace [-c] PROGRAM [ARG...]\n");
		return 2;
	}
	child = fork();
	if (child == 0)
		become(argv);
	if (child < 0) {
		perror("trace: fork");
		return 1;
	}
	waitpid(child, &status, 0);
	tracing_stop();
	if (!only_counts)
		printf("%10s  task  what happened\n", time_unit());
	take_all(!only_counts);
	print_counts();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
