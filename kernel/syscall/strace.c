// SPDX-License-Identifier: MIT
//
// Boot option strace. What each argument is stands in strace_table.c; here it is turned into text.
// Strings and buffers are read from ring 3's memory through the ordinary copies: what can not be
// read is shown as an address.
#include "kernel/syscall/strace.h"

#include "kernel/driver/log.h"
#include "kernel/machine/registers.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/signal_name.h"
#include "kernel/process/task.h"
#include "kernel/syscall/strace_table.h"
#include "kernel/syscall/syscall.h"
#include "lib/syscall_name.h"
#include "lib/format.h"
#include "lib/string.h"
#include <asm/unistd_64.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <stdarg.h>

#define SHOWN_BYTES   32 // of a string or buffer, as strace(1) does
#define SHOWN_STRINGS 6  // of an array

static __attribute__((format(printf, 2, 3))) void print(struct strace_call *call,
							const char *format, ...)
{
	size_t left = sizeof(call->text) - (size_t)call->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(call->text + call->length, left, format, arguments);
	va_end(arguments);
	call->length += (size_t)length < left ? length : (int)left - 1;
}

static void print_byte(struct strace_call *call, uint8_t byte)
{
	if (byte == '\n')
		print(call, "\\n");
	else if (byte == '\t')
		print(call, "\\t");
	else if (byte == '"' || byte == '\\')
		print(call, "\\%c", byte);
	else if (byte >= 32 && byte < 127)
		print(call, "%c", byte);
	else
		print(call, "\\%o", byte);
}

static void print_quoted(struct strace_call *call, const char *bytes, size_t count, bool more)
{
	print(call, "\"");
	for (size_t i = 0; i < count; i++)
		print_byte(call, (uint8_t)bytes[i]);
	print(call, more ? "\"..." : "\"");
}

static void print_buffer(struct strace_call *call, uint64_t address, uint64_t count)
{
	char bytes[SHOWN_BYTES];
	size_t shown = count < sizeof(bytes) ? count : sizeof(bytes);

	if (copy_from_user(bytes, address, shown))
		print(call, "%#lx", address);
	else
		print_quoted(call, bytes, shown, count > shown);
}

static void print_string(struct strace_call *call, uint64_t address)
{
	char bytes[SHOWN_BYTES + 1];
	long length = strncpy_from_user(bytes, address, sizeof(bytes));

	if (length == -ENAMETOOLONG)
		print_quoted(call, bytes, SHOWN_BYTES, true);
	else if (length < 0)
		print(call, address ? "%#lx" : "NULL", address);
	else
		print_quoted(call, bytes, (size_t)length, false);
}

static void print_strings(struct strace_call *call, uint64_t array)
{
	uint64_t pointer;

	print(call, "[");
	for (int i = 0; !copy_from_user(&pointer, array, sizeof(pointer)) && pointer; i++) {
		if (i == SHOWN_STRINGS) {
			print(call, ", ...");
			break;
		}
		print(call, i ? ", " : "");
		print_string(call, pointer);
		array += sizeof(pointer);
	}
	print(call, "]");
}

// A field of several bits first, then the single bits by name, then what has no name.
static void print_flags(struct strace_call *call, const struct flag_set *set, uint64_t value)
{
	const struct flag_name *name;
	const char *separator = "";
	uint64_t left = value;

	for (name = set->names; name->name; name++) {
		bool in_field = set->field && !(name->value & ~set->field);
		uint64_t mask = in_field ? set->field : name->value;

		// Each bit is shown once: left is what has not been, and a field's zero value
		// holds where the whole field is zero.
		if ((value & mask) != name->value || (!mask && value))
			continue;
		if (!in_field && !(left & name->value))
			continue;
		print(call, "%s%s", separator, name->name);
		separator = "|";
		left &= ~mask;
	}
	if (left || !*separator)
		print(call, "%s%#lx", separator, left);
}

static void print_descriptor(struct strace_call *call, int descriptor)
{
	if (descriptor == AT_FDCWD)
		print(call, "AT_FDCWD");
	else
		print(call, "%d", descriptor);
}

static void print_address(struct strace_call *call, uint64_t value)
{
	if (value)
		print(call, "%#lx", value);
	else
		print(call, "NULL");
}

static void print_argument(struct strace_call *call, enum argument_kind kind, unsigned index)
{
	uint64_t value = call->arguments[index];

	switch (kind) {
	case ARG_INT:
	case ARG_FD:
		print(call, "%d", (int)value);
		break;
	case ARG_LONG:
		print(call, "%ld", (long)value);
		break;
	case ARG_OCTAL:
	case ARG_MODE:
		print(call, "%#o", (unsigned)value);
		break;
	case ARG_DIRFD:
		print_descriptor(call, (int)value);
		break;
	case ARG_STRING:
		print_string(call, value);
		break;
	case ARG_STRINGS:
		print_strings(call, value);
		break;
	case ARG_BUFFER:
		print_buffer(call, value, call->arguments[index + 1]);
		break;
	case ARG_SIGNAL:
		print(call, "%s", signal_name((int)value));
		break;
	default:
		print_address(call, value);
		break;
	}
}

// Arguments from call->shown on, up to the first that only the result makes known.
static void print_arguments(struct strace_call *call, bool before)
{
	const struct strace_entry *entry = strace_entry(call->number);

	for (; call->shown < 6 && entry->arguments[call->shown]; call->shown++) {
		enum argument_kind kind = entry->arguments[call->shown];

		if (kind == ARG_RESULT && before)
			return;
		if (kind == ARG_MODE && !(call->arguments[call->shown - 1] & O_CREAT))
			return;
		print(call, call->shown ? ", " : "");
		if (kind == ARG_FLAGS)
			print_flags(call, entry->flags[call->flags_shown++],
				    call->arguments[call->shown]);
		else if (kind == ARG_RESULT && call->result > 0)
			print_buffer(call, call->arguments[call->shown], (uint64_t)call->result);
		else
			print_argument(call, kind, call->shown);
	}
}

static void print_result(struct strace_call *call, long result)
{
	const char *error = result < 0 && result >= -4095 ? errno_name((int)-result) : NULL;

	if (error)
		print(call, ") = -1 %s", error);
	else if (strace_entry(call->number)->hex_result)
		print(call, ") = %#lx", (uint64_t)result);
	else
		print(call, ") = %ld", result);
}

static bool never_returns(unsigned number)
{
	return number == __NR_exit || number == __NR_exit_group || number == __NR_rt_sigreturn;
}

static void log_call(const struct strace_call *call)
{
	log_line("[%d] %s", current_task()->tid, call->text);
}

void strace_begin(struct strace_call *call, const struct registers *r)
{
	uint32_t number = (uint32_t)r->orig_rax;
	const char *name = syscall_name(number);
	const uint64_t arguments[6] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};

	call->number = number < SYSCALL_LIMIT ? number : SYSCALL_LIMIT - 1;
	call->length = 0;
	call->shown = 0;
	call->flags_shown = 0;
	memcpy(call->arguments, arguments, sizeof(arguments));
	if (name)
		print(call, "%s(", name);
	else
		print(call, "syscall_%u(", number);
	print_arguments(call, true);
	if (never_returns(call->number)) {
		print(call, ") = ?");
		log_call(call);
	}
}

void strace_end(struct strace_call *call, long result)
{
	if (never_returns(call->number))
		return;
	call->result = result;
	print_arguments(call, false);
	print_result(call, result);
	log_call(call);
}
