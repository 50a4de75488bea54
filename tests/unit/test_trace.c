// SPDX-License-Identifier: MIT
//
// The trace's ring: what is written comes out in order, what is not read in time is counted, and
// what mm/ records of a fault, a fork and their ends adds up.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/mman.h>

#include "mm/frame.h"
#include "mm/mm.h"
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
	assert_int_equal(count_events(count, TRACE_MMAP), 1);
	assert_int_equal(count_events(count, TRACE_FORK), 1);
	assert_int_equal(count_events(count, TRACE_FAULT), 3);
	assert_int_equal(count_events(count, TRACE_FAULT_FRAME), 3);
	assert_int_equal(count_events(count, TRACE_TABLE_ALLOC), 6);
	assert_int_equal(count_events(count, TRACE_TABLE_FREE), 6);
	for (size_t i = 0; i < count; i++)
		if (records[i].event == TRACE_MMAP)
			assert_int_equal(records[i].a, BASE);
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
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
