// SPDX-License-Identifier: MIT
//
// Boot options.
#include "kernel/options.h"
#include "kernel/driver/log.h"
#include "kernel/file/sysctl.h"
#include "kernel/memory_option.h"
#include "lib/mutant.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "lib/trace_events.h"
#include "mm/trace.h"

#define WORD_MAX 288

struct options options = {
	.program = "/init",
	.rows = 24,
	.columns = 80,
};

// Each takes what follows the '=' ("" when there is none) and says whether it made sense.

static bool set_program(const char *value, bool own_init)
{
	options.own_init = own_init;
	return *value &&
	       strlcpy(options.program, value, sizeof(options.program)) < sizeof(options.program);
}

static bool set_init(const char *value)
{
	return set_program(value, false);
}

static bool set_run(const char *value)
{
	return set_program(value, true);
}

static bool set_test(const char *value)
{
	return *value && strlcpy(options.test, value, sizeof(options.test)) < sizeof(options.test);
}

static bool set_console(const char *value)
{
	if (strcmp(value, "raw") != 0 && strcmp(value, "tty") != 0)
		return false;
	options.console = strcmp(value, "raw") == 0 ? CONSOLE_RAW : CONSOLE_TTY;
	return true;
}

static bool set_strace(const char *value)
{
	options.strace = true;
	return !*value;
}

static bool set_trace(const char *value)
{
	options.trace = true;
	options.trace_events = TRACE_DEFAULT_EVENTS;
	return !*value || trace_events_parse(value, strlen(value), &options.trace_events);
}

static bool set_trace_pid(const char *value)
{
	return strlcpy(options.trace_pid, value, sizeof(options.trace_pid)) <
	       sizeof(options.trace_pid);
}

static bool set_stdin(const char *value)
{
	options.stdin_framed = strcmp(value, "framed") == 0;
	options.stdin_empty = strcmp(value, "empty") == 0;
	return options.stdin_framed || options.stdin_empty;
}

static bool set_fail_nth(const char *value)
{
	uint64_t number;

	if (!parse_size(value, &number) || number > INT32_MAX)
		return false;
	options.fail_nth = number;
	return true;
}

static bool set_audit(const char *value)
{
	uint64_t number;

	if (!parse_size(value, &number) || number > UINT32_MAX)
		return false;
	options.audit = number;
	return true;
}

bool parse_pair(const char *value, uint16_t *first, uint16_t *second)
{
	uint64_t one, other;
	size_t used = parse_unsigned(value, strlen(value), 10, &one);

	if (!used || value[used] != 'x')
		return false;
	value += used + 1;
	used = parse_unsigned(value, strlen(value), 10, &other);
	if (!used || value[used] || one > UINT16_MAX || other > UINT16_MAX)
		return false;
	*first = one;
	*second = other;
	return true;
}

static bool set_winsize(const char *value)
{
	return parse_pair(value, &options.rows, &options.columns);
}

static bool set_framebuffer(const char *value)
{
	options.framebuffer =
		!*value || parse_pair(value, &options.screen_width, &options.screen_height);
	return options.framebuffer;
}

static bool set_snapshots(const char *value)
{
	options.snapshots = !*value;
	return options.snapshots;
}

static const struct {
	const char *name;
	bool (*set)(const char *value);
} known[] = {
	{"memory", memory_option_apply},
	{"init", set_init},
	{"run", set_run},
	{"console", set_console},
	{"strace", set_strace},
	{"trace", set_trace},
	{"stdin", set_stdin},
	{"fail-nth", set_fail_nth},
	{"audit", set_audit},
	{"test", set_test},
	{"winsize", set_winsize},
	{"trace-pid", set_trace_pid},
	{"framebuffer", set_framebuffer},
	{"snapshots", set_snapshots},
#ifdef MUTANTS
	{"mutant", mutant_choose},
#endif
};

#define SYSCTL "sysctl."

static void set_word(char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	// As Linux takes them.
	if (value && strncmp(word, SYSCTL, strlen(SYSCTL)) == 0) {
		if (sysctl_set(word + strlen(SYSCTL), value))
			log_line("boot option %s: \"%s\" is not understood", word, value);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(word, known[i].name) != 0)
			continue;
		if (!known[i].set(value ? value : ""))
			log_line("boot option %s: \"%s\" is not understood", word,
				 value ? value : "");
		return;
	}
	log_line("boot option %s is not known here", word);
}

void options_parse(const char *command_line)
{
	const char *at = command_line;

	while (*at) {
		char word[WORD_MAX];
		size_t length = 0;

		while (*at == ' ' || *at == '\t')
			at++;
		while (at[length] && at[length] != ' ' && at[length] != '\t')
			length++;
		if (length >= sizeof(word))
			log_line("boot option too long: %.32s...", at);
		else if (length > 0) {
			memcpy(word, at, length);
			word[length] = '\0';
			set_word(word);
		}
		at += length;
	}
}
