// SPDX-License-Identifier: MIT
//
// experiment NAME...: the notes' experiments on memory; --list names them
//
// Before the names: --csv, and standard output has the figures and nothing else, and the words go
// to standard error; --second MS, how many milliseconds one second of an experiment takes. The
// exit status is 0 when every check held. tools/experiments runs them all and draws them.
#include "user/experiment/experiment.h"
#include "user/experiment/member.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct station *const experiments[] = {
	&experiment_brk,       &experiment_vsz_rss,       &experiment_exhaustion,
	&experiment_tables,    &experiment_fragmentation, &experiment_one_address,
	&experiment_isolation, &experiment_table_limit,
};
#define EXPERIMENTS  (sizeof(experiments) / sizeof(experiments[0]))
#define MILLISECOND  1000000ul
#define SECOND_LEAST 200 // ms: a tenth of it is two ticks of the kernel's timer
#define USAGE        "usage: experiment [--csv] [--second MS] NAME...; --list names them\n"

static FILE *csv_file;
static uint64_t second = 1000 * MILLISECOND;

void csv(const char *format, ...)
{
	va_list arguments;

	if (!csv_file)
		return;
	va_start(arguments, format);
	vfprintf(csv_file, format, arguments);
	va_end(arguments);
	fputc('\n', csv_file);
}

uint64_t second_length(void)
{
	return second;
}

// From now on what is printed goes to standard error, and what was standard output is for csv().
static bool split_output(void)
{
	int output = dup(STDOUT_FILENO);

	if (output < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return false;
	csv_file = fdopen(output, "w");
	return csv_file != NULL;
}

static bool set_second(const char *text)
{
	long milliseconds = text ? atol(text) : 0;

	if (milliseconds < SECOND_LEAST) {
		fprintf(stderr, "experiment: a second has to be %d ms or more\n", SECOND_LEAST);
		return false;
	}
	second = (uint64_t)milliseconds * MILLISECOND;
	return true;
}

// The number of arguments that were options; -1: wrong ones.
static int take_options(int count, char **words)
{
	int at = 0;

	for (; at < count && strncmp(words[at], "--", 2) == 0; at++) {
		if (strcmp(words[at], "--csv") == 0) {
			if (!split_output())
				return -1;
		} else if (strcmp(words[at], "--second") != 0 || ++at == count ||
			   !set_second(words[at])) {
			return -1;
		}
	}
	return at;
}

static int visit(const char *name)
{
	const struct station *experiment = station_find(experiments, EXPERIMENTS, name);

	if (!experiment) {
		fprintf(stderr, "experiment: there is no %s; experiment --list names them\n",
			name);
		return 2;
	}
	station_visit(experiment);
	return 0;
}

int main(int argc, char **argv)
{
	char line[128];
	int at;

	screen_start();
	if (argc == 2 && strcmp(argv[1], MEMBER) == 0)
		return member_main();
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		station_list(experiments, EXPERIMENTS);
		return 0;
	}
	at = take_options(argc - 1, argv + 1);
	if (at < 0 || at == argc - 1) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (!audit_line(line, sizeof(line))) {
		perror("experiment: " KERNEL_FILES "audit");
		fprintf(stderr, "experiment: what it shows, only Faultline's kernel can tell\n");
		return 2;
	}
	for (at++; at < argc; at++)
		if (visit(argv[at]) != 0)
			return 2;
	return checks_failed() > 0;
}
