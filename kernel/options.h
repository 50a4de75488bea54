// SPDX-License-Identifier: MIT
//
// Boot options: words of the command line, `key` or `key=value`. Unknown words are named in the
// log and otherwise ignored, as the loader may add its own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum console_mode {
	CONSOLE_TTY, // lines, echo, control characters: a person types (default)
	CONSOLE_RAW, // bytes as they are: stdin and stdout are files or pipes
};

// memory=LIST acts at once: see kernel/memory_option.h; so does sysctl.NAME=VALUE.
struct options {
	char program[256];         // init=PATH, run=PATH; "/init" when not given
	bool own_init;             // run=: PATH is not process 1 but a child of the kernel's own
	enum console_mode console; // console=raw|tty
	bool strace;               // strace: print every system call
	bool trace;                // trace, or trace=EVENTS: on from the start
	uint64_t trace_events;     // its events
	char trace_pid[128];       // trace-pid=LIST: whose (trace_select)
	bool stdin_framed;         // stdin=framed: COM1's input is a sequence of frames
	bool stdin_empty;          // stdin=empty: its end has been reached from the start
	int fail_nth;              // fail-nth=N: the Nth allocation fails; 0: none
	uint32_t audit;            // audit=N: audit after each N faults; 0: only at the end
	char test[64];             // test=NAME: a ring-0 test instead of init; "": none
	bool framebuffer;          // framebuffer: use a screen (kernel/driver/framebuffer.h)
	uint16_t screen_width, screen_height; // framebuffer=WIDTHxHEIGHT; 0: any
	bool snapshots;         // snapshots: marks of programs stop the machine for the host
	uint16_t rows, columns; // winsize=ROWSxCOLS; 24x80 when not given
};

extern struct options options; // constant once options_parse() has run

void options_parse(const char *command_line);

// Two numbers of 16 bits with an x between them; whether `value` is that and nothing else.
bool parse_pair(const char *value, uint16_t *first, uint16_t *second);
