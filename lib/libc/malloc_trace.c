// SPDX-License-Identifier: MIT
//
// A record of each malloc and free, among the kernel's own: MALLOC_TRACE=1 in the environment
// writes HEAP and STACK records (lib/trace_record.h) to the kernel's trace, where they stand on
// one line of time with the faults they cause. MALLOC_TRACE=FILE appends them to a file, on Linux
// too. `tools/trace heap` reads either.
//
// What an operation consists of is one write, made when it is done: nothing is held back that a
// crash could lose. The time of a block's birth is that of the return, that of its death the
// call's, so that what another thread does with the same address lies between.
//
// No locks of its own: all that changes is on the stack of who calls.
#include "lib/libc/malloc_trace.h"
#include "lib/libc/debug_maps.h"
#include "lib/libc/malloc_debug.h"
#include "lib/libc/malloc_environment.h"
#include "lib/libc/malloc_layer.h"
#include "lib/libc/malloc_narrate.h"
#include "lib/libc/system_call.h"
#include "lib/trace_record.h"
#include <linux/fcntl.h>
#include <stdbool.h>
#include <string.h>

#define KERNEL_TRACE "/sys/kernel/debug/faultline/trace_records"
#define HIGH_NUMBER  200 // where programs that close what they did not open seldom look
#define FRAMES       12  // return addresses of each call
#define PER_RECORD   6   // of them fit a record

// Written once, before the first block.
static const struct malloc_layer *under;
static long trace_file = -1;
static bool own_file; // not the kernel's trace

struct operation {
	struct trace_record record;
	struct trace_record stack[(FRAMES + PER_RECORD - 1) / PER_RECORD];
};

static uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

static int this_thread(void)
{
	return (int)system_call1(__NR_gettid, 0);
}

// An interrupted or refused write is a record less: the program is not to notice.
static void put(const struct trace_record *records, size_t count)
{
	system_call3(__NR_write, trace_file, (long)records, (long)(count * sizeof(*records)));
}

// Fills in the caller's stack and writes it all.
static __attribute__((noinline)) void put_operation(struct operation *op)
{
	uintptr_t frames[FRAMES + 1] = {0};
	unsigned int count = debug_walk(frames, FRAMES);
	unsigned int records = (count + PER_RECORD - 1) / PER_RECORD;

	op->record.event = TRACE_HEAP;
	op->record.task = this_thread();
	for (unsigned int i = 0; i < records; i++) {
		op->stack[i] = (struct trace_record){
			.time = op->record.time, .event = TRACE_STACK, .task = op->record.task};
		memcpy(&op->stack[i].a, &frames[i * PER_RECORD],
		       (count - i * PER_RECORD < PER_RECORD ? count - i * PER_RECORD
							    : PER_RECORD) *
			       sizeof(*frames));
	}
	put(&op->record, 1 + records);
}

// What the allocator does for it: the heap is locked meanwhile, and a write asks for no memory.
static void tell(enum malloc_step step, const void *where, size_t a, size_t b)
{
	struct trace_record record = {.time = now(), .event = TRACE_HEAP, .b = (uintptr_t)where};

	switch (step) {
	case MALLOC_SEARCHED:
		record.a = TRACE_HEAP_SEARCH;
		record.c = b;
		record.f = a;
		break;
	case MALLOC_BRK:
		if (!b)
			return;
		// fall through
	case MALLOC_MAPPED:
		record.a = TRACE_HEAP_GROW;
		record.c = a;
		break;
	case MALLOC_TRIMMED:
	case MALLOC_UNMAPPED:
		record.a = TRACE_HEAP_SHRINK;
		record.c = a;
		break;
	default:
		return;
	}
	if (!where && record.a == TRACE_HEAP_GROW)
		return;
	record.task = this_thread();
	put(&record, 1);
}

static size_t usable(void *payload)
{
	return under ? under->usable(payload) : malloc_plain_usable(payload);
}

static void *allocate(size_t size, size_t alignment, bool zeroed)
{
	uint64_t began = now();
	struct operation op = {{.a = TRACE_HEAP_MALLOC, .c = size}, {{0}}};
	void *payload;

	if (zeroed)
		op.record.a = TRACE_HEAP_CALLOC;
	else if (alignment > sizeof(void *) * 2)
		op.record.a = TRACE_HEAP_ALIGNED;
	if (under)
		payload = under->allocate(size, alignment, zeroed);
	else
		payload = zeroed ? malloc_plain_zeroed(size) : malloc_plain(size, alignment);
	op.record.time = now();
	op.record.b = (uintptr_t)payload;
	op.record.e = payload ? usable(payload) : 0;
	op.record.f = op.record.time - began;
	put_operation(&op);
	return payload;
}

static void release(void *payload)
{
	struct operation op = {{.time = now(), .a = TRACE_HEAP_FREE, .b = (uintptr_t)payload},
			       {{0}}};

	op.record.e = usable(payload);
	put_operation(&op);
	if (under)
		under->release(payload);
	else
		malloc_plain_free(payload);
}

static void *resize(void *payload, size_t size)
{
	uint64_t began = now();
	struct operation op = {
		{.a = TRACE_HEAP_REALLOC, .c = size, .d = (uintptr_t)payload},
		{{0}},
	};
	void *moved = under ? under->resize(payload, size) : malloc_plain_resize(payload, size);

	op.record.time = now();
	op.record.b = (uintptr_t)moved;
	op.record.e = moved ? usable(moved) : 0;
	op.record.f = op.record.time - began;
	put_operation(&op);
	return moved;
}

static void before_fork(void)
{
	if (under && under->before_fork)
		under->before_fork();
}

static void after_fork(void)
{
	if (under && under->after_fork)
		under->after_fork();
}

static void in_child(void)
{
	if (under && under->in_child)
		under->in_child();
}

static void thread_end(void)
{
	if (under && under->thread_end)
		under->thread_end();
}

static const struct malloc_layer tracing = {
	.allocate = allocate,
	.release = release,
	.resize = resize,
	.usable = usable,
	.before_fork = before_fork,
	.after_fork = after_fork,
	.in_child = in_child,
	.thread_end = thread_end,
	.narrator = tell,
};

static void put_name(enum trace_name kind, uint64_t of, const char *name)
{
	size_t length = strlen(name);

	for (size_t at = 0; at < length; at += TRACE_NAME_BYTES) {
		struct trace_record record = {
			.time = 1,
			.event = TRACE_NAME,
			.task = this_thread(),
			.a = kind | at << 16 | length << 32,
			.b = of,
		};

		memcpy(&record.c, name + at,
		       length - at < TRACE_NAME_BYTES ? length - at : TRACE_NAME_BYTES);
		put(&record, 1);
	}
}

// What the kernel's trace would say of the program. Threads are the process's: a reader has only
// the records of this file to know.
static void put_program(void)
{
	struct trace_record start = {.time = 0, .event = TRACE_START, .a = TRACE_VERSION};
	char path[DEBUG_PATH_MAX] = "";

	system_call3(__NR_readlink, (long)"/proc/self/exe", (long)path, sizeof(path) - 1);
	put(&start, 1);
	put_name(TRACE_NAME_PROGRAM, (uint64_t)system_call1(__NR_getpid, 0), path);
	put_name(TRACE_NAME_UNIT, 0, "ticks");
}

static bool put_mapping(const struct debug_mapping *mapping, void *context)
{
	struct trace_record record = {
		.time = 1,
		.event = TRACE_MMAP,
		.task = this_thread(),
		.a = mapping->start,
		.b = mapping->end - mapping->start,
		.e = mapping->offset / DEBUG_PAGE,
	};

	(void)context;
	if (mapping->executable && mapping->path[0] == '/') {
		put(&record, 1);
		put_name(TRACE_NAME_MAPPING, mapping->start, mapping->path);
	}
	return true;
}

// Which file's functions were at the addresses in the stacks: at the end, when all are loaded,
// with a time before the first operation.
__attribute__((destructor)) static void put_mappings(void)
{
	if (trace_file >= 0 && own_file)
		debug_each_mapping(put_mapping, NULL);
}

static long open_trace(const char *wanted)
{
	bool kernel = !*wanted || strcmp(wanted, "1") == 0;
	long fd, high;

	fd = system_call4(__NR_openat, AT_FDCWD, (long)(kernel ? KERNEL_TRACE : wanted),
			  O_WRONLY | O_APPEND | O_CLOEXEC | (kernel ? 0 : O_CREAT), 0666);
	if (fd < 0) {
		debug_say("malloc: MALLOC_TRACE: cannot write %s (error %ld)\n",
			  kernel ? KERNEL_TRACE : wanted, -fd);
		debug_say_done();
		return fd;
	}
	high = system_call3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_NUMBER);
	if (high < 0)
		return fd;
	system_call1(__NR_close, fd);
	return high;
}

const struct malloc_layer *malloc_trace_wanted(const struct malloc_layer *below)
{
	const char *wanted = malloc_environment("MALLOC_TRACE=");

	if (!wanted || strcmp(wanted, "0") == 0)
		return NULL;
	trace_file = open_trace(wanted);
	if (trace_file < 0)
		return NULL;
	own_file = *wanted && strcmp(wanted, "1") != 0;
	if (own_file)
		put_program();
	under = below;
	return &tracing;
}
