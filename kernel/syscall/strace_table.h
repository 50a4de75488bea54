// SPDX-License-Identifier: MIT
//
// How each call's arguments are to be read: the data behind strace.c.
#pragma once

#include <stdint.h>

// Kinds of arguments.
enum argument_kind {
	ARG_NONE,    // the call has no more arguments
	ARG_INT,     // decimal, signed 32 bits
	ARG_LONG,    // decimal, signed 64 bits
	ARG_HEX,     // an address, or anything best seen in hexadecimal
	ARG_OCTAL,   // permissions
	ARG_MODE,    // the same, there only if the flags before it say O_CREAT
	ARG_FD,      // a descriptor
	ARG_DIRFD,   // a descriptor or AT_FDCWD
	ARG_STRING,  // a string in ring 3's memory
	ARG_STRINGS, // an array of strings, ended by NULL
	ARG_BUFFER,  // bytes the program gives; their number is the next argument
	ARG_RESULT,  // bytes the kernel gives; their number is the call's result
	ARG_SIGNAL,  // a signal's number
	ARG_FLAGS,   // the table's flag sets from here on, in order of appearance
};

// One name of one value in a set of flags.
struct flag_name {
	uint64_t value;
	const char *name;
};

// How an argument that is flags is made up: single bits, below a mask of which a field is one of
// several values (an open mode, MAP_PRIVATE).
struct flag_set {
	const struct flag_name *names; // ended by a NULL name
	uint64_t field; // these bits together are one value, the first names being its values
};

struct strace_entry {
	uint8_t arguments[6];            // enum argument_kind
	const struct flag_set *flags[2]; // for the arguments that are ARG_FLAGS, in order
	uint8_t hex_result;              // the result is an address
};

// Of a number below SYSCALL_LIMIT: all ARG_NONE when nothing is known.
const struct strace_entry *strace_entry(unsigned number);

// "ENOENT", or NULL.
const char *errno_name(int number);
