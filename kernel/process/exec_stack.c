// SPDX-License-Identifier: MIT
//
// The stack a program starts with (System V ABI for x86-64, 3.4.1), from the top down:
//
//   8 bytes of zeros
//   the path given to exec
//   the environment's strings, argv's strings below them
//   the platform's name, 16 random bytes
//   the auxiliary vector, envp's pointers and a NULL, argv's pointers and a NULL, argc  <- rsp
//
// The strings are copied and the pointers to them found in one pass over the chain.
#include "kernel/machine/instructions.h"
#include "kernel/machine/timer.h"
#include "kernel/process/exec_internal.h"
#include "kernel/process/process.h"
#include "kernel/machine/random.h"
#include "kernel/process/task.h"
#include "lib/string.h"
#include "mm/mm.h"
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/resource.h>

#define SPARE        (128ul << 10) // below what is there at the start, so that it need not grow
#define PLATFORM     "x86_64"
#define RANDOM_BYTES 16
#define AUX_WORDS    (2 * 19)

// Writes words in ascending order, a batch at a time.
struct word_writer {
	struct mm *mm;
	uintptr_t address; // of words[0]
	unsigned count;
	bool failed;
	uint64_t words[32];
};

static void flush(struct word_writer *writer)
{
	size_t size = writer->count * sizeof(writer->words[0]);

	if (mm_copy_out(writer->mm, writer->address, writer->words, size) != size)
		writer->failed = true;
	writer->address += size;
	writer->count = 0;
}

static void put(struct word_writer *writer, uint64_t word)
{
	writer->words[writer->count++] = word;
	if (writer->count == sizeof(writer->words) / sizeof(writer->words[0]))
		flush(writer);
}

// Strings on their way to `address`, and pointers to them through `writer`.
struct string_writer {
	struct word_writer *writer;
	uintptr_t address;
	unsigned seen;      // strings begun
	unsigned arguments; // of them, how many are argv's
	bool at_start;      // the next byte begins a string
};

static void begin_string(struct string_writer *strings, uintptr_t address)
{
	if (strings->seen++ == strings->arguments)
		put(strings->writer, 0);
	put(strings->writer, address);
}

static void put_strings(struct string_writer *strings, const char *bytes, size_t count)
{
	const char *end = bytes + count, *from = bytes;

	while (from < end) {
		const char *nul = memchr(from, 0, (size_t)(end - from));

		if (strings->at_start)
			begin_string(strings, strings->address + (size_t)(from - bytes));
		strings->at_start = nul;
		from = nul ? nul + 1 : end;
	}
	if (mm_copy_out(strings->writer->mm, strings->address, bytes, count) != count)
		strings->writer->failed = true;
	strings->address += count;
}

static void put_chain(struct string_writer *strings, const struct exec_strings *from)
{
	const struct string_page *page = from->first;
	size_t skip = from->skip, left = from->used;

	for (; page && left; page = page->next) {
		size_t part = left < sizeof(page->bytes) ? left : sizeof(page->bytes);

		if (skip < part)
			put_strings(strings, page->bytes + skip, part - skip);
		skip = skip < part ? 0 : skip - part;
		left -= part;
	}
}

// argv and envp: pointers through `writer`, strings to `address`.
static void put_arguments(struct word_writer *writer, const struct exec_strings *from,
			  uintptr_t address)
{
	struct string_writer strings = {
		.writer = writer,
		.address = address,
		.arguments = from->argument_count + from->prefix_count - !!from->prefix,
		.at_start = true,
	};

	put(writer, strings.arguments);
	if (from->prefix)
		put_strings(&strings, from->prefix, from->prefix_size);
	put_chain(&strings, from);
	if (strings.seen == strings.arguments)
		put(writer, 0);
	put(writer, 0);
}

struct layout {
	uintptr_t path, strings, environment, platform, random, stack_pointer;
};

static struct layout lay_out(const struct exec_strings *strings, const char *path, uintptr_t top)
{
	uint64_t count = strings->argument_count + strings->prefix_count - !!strings->prefix +
			 strings->environment_count;
	struct layout at;

	at.path = top - 8 - (strlen(path) + 1);
	at.environment = at.path - (strings->used - strings->argument_bytes);
	at.strings = at.path - strings->prefix_size - (strings->used - strings->skip);
	at.platform = at.strings - sizeof(PLATFORM);
	at.random = at.platform - RANDOM_BYTES;
	// argc, argv's NULL, envp's NULL.
	at.stack_pointer = (at.random - (count + 3 + AUX_WORDS) * 8) & ~15ul;
	return at;
}

static void put_auxiliary(struct word_writer *writer, const struct exec_facts *facts,
			  const struct layout *at)
{
	const struct credentials *credentials = facts->credentials;
	const uint64_t vector[AUX_WORDS] = {
		AT_HWCAP,    cpuid(1, 0).edx,
		AT_PAGESZ,   PAGE_SIZE,
		AT_CLKTCK,   TICKS_PER_SECOND,
		AT_PHDR,     facts->headers_address,
		AT_PHENT,    56,
		AT_PHNUM,    facts->header_count,
		AT_BASE,     facts->interpreter,
		AT_FLAGS,    0,
		AT_ENTRY,    facts->entry,
		AT_UID,      credentials->users.real,
		AT_EUID,     credentials->users.effective,
		AT_GID,      credentials->groups.real,
		AT_EGID,     credentials->groups.effective,
		AT_SECURE,   facts->secure,
		AT_RANDOM,   at->random,
		AT_HWCAP2,   0,
		AT_EXECFN,   at->path,
		AT_PLATFORM, at->platform,
		AT_NULL,     0,
	};

	for (unsigned i = 0; i < AUX_WORDS; i++)
		put(writer, vector[i]);
	flush(writer);
	writer->mm->layout->auxiliary_start = writer->address - sizeof(vector);
	writer->mm->layout->auxiliary_end = writer->address;
}

static void put_small_strings(struct word_writer *writer, const struct layout *at,
			      const char *path)
{
	char bytes[RANDOM_BYTES + sizeof(PLATFORM)] = {0};
	size_t length = strlen(path) + 1;

	random_bytes(bytes, RANDOM_BYTES);
	memcpy(bytes + RANDOM_BYTES, PLATFORM, sizeof(PLATFORM));
	if (mm_copy_out(writer->mm, at->random, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    mm_copy_out(writer->mm, at->path, path, length) != length)
		writer->failed = true;
}

static void set_bounds(struct mm_layout *layout, const struct layout *at)
{
	layout->stack_pointer = at->stack_pointer;
	layout->argument_start = at->strings;
	layout->argument_end = at->environment;
	layout->environment_start = at->environment;
	layout->environment_end = at->path;
}

long stack_build(struct mm *mm, const struct exec_strings *strings, const struct exec_facts *facts,
		 bool executable)
{
	struct layout at = lay_out(strings, facts->path, STACK_TOP);
	struct word_writer writer = {.mm = mm, .address = at.stack_pointer};
	size_t size = PAGE_ALIGN_UP(STACK_TOP - at.stack_pointer) + SPARE;
	uint64_t limit = machine_limits()->stack;
	int error;

	if (size > limit && STACK_TOP - at.stack_pointer > limit)
		return -E2BIG;
	if (size > limit)
		size = PAGE_ALIGN_UP(STACK_TOP - at.stack_pointer);
	error = mm_map_stack(mm, STACK_TOP, size, executable);
	if (error)
		return error;
	put_small_strings(&writer, &at, facts->path);
	put_arguments(&writer, strings, at.strings);
	put_auxiliary(&writer, facts, &at);
	if (writer.failed)
		return -ENOMEM;
	set_bounds(mm->layout, &at);
	return (long)at.stack_pointer;
}
