// SPDX-License-Identifier: MIT
//
// The trace's ring: what is written comes out in order, what is not read in time is counted, and
// what mm/ records of a fault, a fork and their ends adds up.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <errno.h>
#include <linux/mman.h>

#include "mm/frame.h"
#include "mm/mm.h"
#include "lib/trace_channel.h"
#include "mm/trace.h"
#include "tests/unit/fake_machine.h"

#define BASE 0x10000000ul

static struct trace_record records[50000];

static void written_and_read(void **state)
{
	(void)state;
	assert_int_equal(trace_start(0), 0);
	assert_int_equal(trace_read(records, 10), 1);
	assert_int_equal(records[0].event, TRACE_START);
	assert_int_equal(records[0].a, TRACE_VERSION);
	assert_int_equal(trace_read(records, 10), 0);
	for (unsigned i = 0; i < 100; i++)
		trace(TRACE_BRK, i, 2 * i, 3, 4);
	for (unsigned i = 0; i < 100; i += 10) {
		assert_int_equal(trace_read(records, 10), 10);
		for (unsigned j = 0; j < 10; j++) {
			assert_int_equal(records[j].event, TRACE_BRK);
			assert_int_equal(records[j].a, i + j);
			assert_int_equal(records[j].b, 2 * (i + j));
			assert_int_equal(records[j].task, 1);
			assert_true(j == 0 || records[j].time > records[j - 1].time);
		}
	}
	assert_int_equal(trace_read(records, 10), 0);
	trace_stop();
	trace(TRACE_BRK, 1, 1, 1, 1);
	assert_int_equal(trace_read(records, 10), 0);
}

// The oldest go, and are counted.
static void overwritten(void **state)
{
	size_t count;

	(void)state;
	assert_int_equal(trace_start(0), 0);
	for (unsigned i = 0; i < 50000; i++)
		trace(TRACE_BRK, i, 0, 0, 0);
	count = trace_read(records, 50000);
	assert_true(count > 1000 && count < 50000);
	assert_int_equal(trace_lost(), 50001 - count); // START is the first
	for (size_t i = 0; i < count; i++)
		assert_int_equal(records[i].a, 50000 - count + i);
	assert_int_equal(trace_start(0), 0);
	assert_int_equal(trace_lost(), 0);
	trace_stop();
}

static void one_task_only(void **state)
{
	(void)state;
	assert_int_equal(trace_start(2), 0); // everything here runs as task 1
	trace(TRACE_BRK, 1, 0, 0, 0);
	assert_int_equal(trace_read(records, 10), 0);
	assert_int_equal(trace_start(1), 0);
	trace(TRACE_BRK, 1, 0, 0, 0);
	assert_int_equal(trace_read(records, 10), 1);
	trace_stop();
}

static size_t count_events(size_t count, enum trace_event event)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += records[i].event == event;
	return found;
}

// Tables of each level among the records, in decimal from level 1 at the right.
static unsigned levels(size_t count, enum trace_event event)
{
	static const unsigned one[] = {0, 1, 10, 100};
	unsigned found = 0;

	for (size_t i = 0; i < count; i++) {
		if (records[i].event != event)
			continue;
		assert_in_range(records[i].b, 1, 3);
		found += one[records[i].b];
	}
	return found;
}

// The story of a page: mapped, touched, shared, copied, gone; as many frames come as go.
static void story_of_a_page(void **state)
{
	struct mm *mm, *child;
	size_t count;

	(void)state;
	assert_int_equal(trace_start(0), 0);
	mm = mm_create();
	assert_int_equal(mm_mmap(mm, BASE, PAGE_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, false),
			 BASE);
	assert_int_equal(mm_fault(mm, BASE + 8, ACCESS_WRITE), FAULT_DEMAND_ZERO);
	assert_int_equal(mm_fork(mm, &child), 0);
	assert_int_equal(mm_fault(child, BASE, ACCESS_WRITE), FAULT_COPIED);
	assert_int_equal(mm_fault(mm, BASE, ACCESS_WRITE), FAULT_REUSED);
	mm_put(child);
	mm_put(mm);
	trace_stop();
	count = trace_read(records, 50000);
	assert_int_equal(count_events(count, TRACE_FORK), 1);
	assert_int_equal(count_events(count, TRACE_FAULT), 3);
	assert_int_equal(count_events(count, TRACE_FAULT_FRAME), 3);
	assert_int_equal(levels(count, TRACE_TABLE_ALLOC), 222);
	assert_int_equal(levels(count, TRACE_TABLE_FREE), 222);
	assert_true(count_events(count, TRACE_VMA) > 0);
	assert_int_equal(trace_lost(), 0);
}

static void no_memory_for_the_ring(void **state)
{
	(void)state;
	fake_fail_start(1);
	assert_int_equal(trace_start(0), -ENOMEM);
	assert_true(fake_fail_stop());
	assert_false(trace_started());
}

// What each CPU writes comes out as one line of time.
static void two_cpus(void **state)
{
	(void)state;
	fake_cpus = 2;
	assert_int_equal(trace_start(0), 0);
	trace_read(records, 10);
	for (unsigned i = 0; i < 100; i++) {
		fake_cpu = i * 7 % 3 % 2;
		trace(TRACE_BRK, i, 0, 0, 0);
	}
	fake_cpu = 0;
	assert_int_equal(trace_read(records, 200), 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(records[i].a, i);
		assert_int_equal(records[i].cpu, i * 7 % 3 % 2);
	}
	assert_int_equal(trace_lost(), 0);
	trace_stop();
}

static uint64_t parsed(const char *text)
{
	uint64_t events = 0;

	assert_true(trace_events_parse(text, strlen(text), &events));
	return events;
}

static void chosen_events(void **state)
{
	uint64_t events = 5;

	(void)state;
	assert_int_equal(parsed(""), 0);
	assert_int_equal(parsed("fault-end"), 1ul << TRACE_FAULT);
	assert_int_equal(parsed("table, vma\n"),
			 1ul << TRACE_TABLE_ALLOC | 1ul << TRACE_TABLE_FREE | 1ul << TRACE_VMA);
	assert_int_equal(parsed("all"), TRACE_ALL_EVENTS);
	assert_int_equal(parsed("default,stack"), TRACE_ALL_EVENTS);
	assert_false(trace_events_parse("fault,tabel", 11, &events));
	assert_int_equal(events, 5);
	for (unsigned event = 1; event < TRACE_EVENT_COUNT; event++)
		assert_int_equal(parsed(trace_event_name(event)), 1ul << event);
	trace_choose(1ul << TRACE_BRK);
	assert_int_equal(trace_start(0), 0);
	trace_read(records, 10);
	trace(TRACE_BRK, 1, 0, 0, 0);
	trace(TRACE_MUNMAP, 2, 0, 0, 0);
	assert_true(trace_wants(TRACE_BRK));
	assert_false(trace_wants(TRACE_MUNMAP));
	trace_choose(1ul << TRACE_MUNMAP);
	trace(TRACE_BRK, 3, 0, 0, 0);
	trace(TRACE_MUNMAP, 4, 0, 0, 0);
	trace_choose(TRACE_DEFAULT_EVENTS);
	trace_stop();
	assert_false(trace_wants(TRACE_BRK));
	// Only what the file asks for by now.
	assert_int_equal(trace_read(records, 10), 4);
	assert_int_equal(records[0].a, 1);
	assert_int_equal(records[2].a, 4);
}

// A fault of a program with frame pointers, and of one that has other things in rbp.
static void call_stacks(void **state)
{
	uintptr_t frames[4][2] = {{(uintptr_t)frames[1], 0x111},
				  {(uintptr_t)frames[2], 0x222},
				  {(uintptr_t)frames[0], 0x333}}; // no way back down
	struct mm *mm = mm_create();
	size_t count;

	(void)state;
	trace_choose(TRACE_ALL_EVENTS);
	assert_int_equal(trace_start(0), 0);
	fake_frame = (uintptr_t)frames[0];
	mm_fault(mm, BASE, ACCESS_READ);
	fake_frame = 12345;
	mm_fault(mm, BASE, ACCESS_READ);
	trace_stop();
	count = trace_read(records, 100);
	trace_choose(TRACE_DEFAULT_EVENTS);
	assert_int_equal(count_events(count, TRACE_FAULT_BEGIN), 2);
	assert_int_equal(count_events(count, TRACE_FAULT), 2);
	assert_int_equal(count_events(count, TRACE_STACK), 1);
	for (size_t i = 0; i < count; i++)
		if (records[i].event == TRACE_STACK) {
			assert_int_equal(records[i - 1].event, TRACE_FAULT);
			assert_int_equal(records[i].a, 0x111);
			assert_int_equal(records[i].c, 0x333);
			assert_int_equal(records[i].d, 0);
		}
	mm_put(mm);
}

static void long_names(void **state)
{
	const char name[] = "a name of more than thirty-two bytes, in two parts";
	char text[3 * TRACE_NAME_BYTES] = "";

	(void)state;
	assert_int_equal(trace_start(0), 0);
	trace_read(records, 10);
	trace_name(TRACE_NAME_MARK, 7, name, sizeof(name) - 1);
	trace_stop();
	assert_int_equal(trace_read(records, 10), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(records[i].a & 0xffff, TRACE_NAME_MARK);
		assert_int_equal(records[i].a >> 32, sizeof(name) - 1);
		assert_int_equal(records[i].b, 7);
		memcpy(text + (records[i].a >> 16 & 0xffff), &records[i].c, TRACE_NAME_BYTES);
	}
	assert_string_equal(text, name);
}

// ---- the channel: this program is the host ----
static struct {
	struct trace_channel head;
	char gap[TRACE_CHANNEL_BEGIN - sizeof(struct trace_channel)];
	struct trace_record records[2 * 64];
} shared __attribute__((aligned(64)));

static uint64_t next; // what the host expects
static uint64_t told; // losses

static void host_reads(void)
{
	struct trace_channel_ring *ring = &shared.head.rings[0];

	for (; ring->taken < ring->written; ring->taken++) {
		const struct trace_record *record = &shared.records[ring->taken % 64];

		if (record->event == TRACE_LOST)
			next += record->a, told += record->a;
		if (record->event == TRACE_BRK)
			assert_int_equal(record->a, next++);
	}
}

static void full_channel(void **state)
{
	struct trace_channel_ring *ring = &shared.head.rings[0];

	(void)state;
	assert_false(trace_channel_start(&shared, TRACE_CHANNEL_BEGIN));
	assert_true(trace_channel_start(&shared, sizeof(shared)));
	assert_int_equal(shared.head.magic, TRACE_CHANNEL_MAGIC);
	assert_int_equal(shared.head.cpus, 2);
	assert_int_equal(shared.head.records, 64);
	assert_int_equal(trace_stream(1ul << TRACE_BRK), 0);
	// A host that is slow: the writer waits for it.
	fake_waiting = host_reads;
	for (unsigned i = 0; i < 1000; i++)
		trace(TRACE_BRK, i, 0, 0, 0);
	host_reads();
	assert_int_equal(next, 1000);
	assert_int_equal(ring->lost, 0);
	assert_in_range(ring->waits, 14, 16);
	// A host that is gone: what does not fit is lost, at once the second time.
	fake_waiting = NULL;
	fake_time_step = 1ul << 30;
	for (unsigned i = 1000; i < 1100; i++)
		trace(TRACE_BRK, i, 0, 0, 0);
	assert_int_equal(ring->lost, 36);
	assert_int_equal(ring->waits, 16);
	// It comes back, and is told.
	host_reads();
	trace(TRACE_BRK, 1100, 0, 0, 0);
	host_reads();
	assert_int_equal(told, 36);
	assert_int_equal(next, 1101);
	assert_int_equal(trace_stream(0), 0);
	assert_false(trace_wants(TRACE_BRK));
}

static int start(void **state)
{
	(void)state;
	fake_machine_start(4096);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_for_the_ring),
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(overwritten),
		cmocka_unit_test(one_task_only),
		cmocka_unit_test(story_of_a_page),
		cmocka_unit_test(two_cpus),
		cmocka_unit_test(chosen_events),
		cmocka_unit_test(call_stacks),
		cmocka_unit_test(long_names),
		cmocka_unit_test(full_channel),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
