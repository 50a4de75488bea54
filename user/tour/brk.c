// SPDX-License-Identifier: MIT
//
// N1.3: brk, the top of the heap: grown, shrunk and grown again, beside the map's [heap] line.
#include "user/lib/kernel_files.h"
#include "user/lib/maps.h"
#include "user/lib/screen.h"
#include "user/tour/tour.h"
#include <string.h>
#include <unistd.h>

#define PAGES_GROWN 16
#define PAGES_KEPT  4
#define MARK        0x5a

static char in_data = 1; // lies in the program's data

static struct mapping heap_line(void)
{
	struct mapping heap = {.line = "(no [heap] line)"};

	maps_named("[heap]", &heap);
	show("%s", heap.line);
	return heap;
}

// Moves brk and shows what the kernel's trace has on it.
static void move(char *end)
{
	const struct trace_record *record;
	struct watch seen;
	size_t at = 0;

	watch();
	(void)!brk(end);
	seen = watched();
	record = next_record(seen, &at, TRACE_BRK, 0);
	if (record)
		show_record(record);
	for (at = 0; (record = next_record(seen, &at, TRACE_VMA, 0));)
		show_record(record);
}

static void where_it_lies(char *start)
{
	struct mapping data, stack;

	if (!maps_find(&in_data, &data) || !maps_named("[stack]", &stack))
		return;
	say("The heap begins above the program's data and has all the room up to the stack:");
	show("%s", data.line);
	show("%lx: brk now", (unsigned long)start);
	show("%s", stack.line);
	check((uintptr_t)start >= data.end && (uintptr_t)start < stack.start,
	      "data, then brk, then the stack");
}

static void grow_and_fill(char *start, size_t page)
{
	struct figures before, grown, filled;
	struct mapping heap;

	figures_read(0, &before);
	say("brk up by %d pages:", PAGES_GROWN);
	move(start + PAGES_GROWN * page);
	heap = heap_line();
	figures_read(0, &grown);
	check(heap.end == (uintptr_t)start + PAGES_GROWN * page &&
		      heap.end - heap.start == PAGES_GROWN * page,
	      "the [heap] line ends at brk: %lu KiB",
	      (unsigned long)(heap.end - heap.start) / 1024);
	check(grown.size - before.size == PAGES_GROWN && grown.resident == before.resident,
	      "%lu pages of addresses more, %lu frames more", grown.size - before.size,
	      grown.resident - before.resident);
	memset(start, MARK, PAGES_GROWN * page);
	figures_read(0, &filled);
	check(filled.resident - grown.resident == PAGES_GROWN,
	      "written full, the heap has %lu frames", filled.resident - grown.resident);
}

static int touch(void *address)
{
	*(volatile char *)address = 1;
	return 0;
}

static void shrink(char *start, size_t page)
{
	struct figures before, after;
	struct mapping heap;
	int status;

	figures_read(0, &before);
	say("brk down to %d pages:", PAGES_KEPT);
	move(start + PAGES_KEPT * page);
	heap = heap_line();
	figures_read(0, &after);
	check(heap.end == (uintptr_t)start + PAGES_KEPT * page &&
		      before.resident - after.resident == PAGES_GROWN - PAGES_KEPT,
	      "the line is shorter, and %lu frames went back at once",
	      before.resident - after.resident);
	status = in_child(touch, start + PAGES_KEPT * page, NULL);
	check((status & 0x7f) != 0, "a child that writes just above brk is ended by signal %d",
	      status & 0x7f);
}

// Writes one byte to each page, so that each gets a frame, and looks at all the others.
static size_t bytes_left_over(char *from, size_t size)
{
	size_t left = 0;

	for (size_t i = 0; i < size; i += page_size())
		from[i] = 1;
	for (size_t i = 0; i < size; i++)
		left += i % page_size() != 0 && from[i] != 0;
	return left;
}

static void regrow(char *start, size_t page)
{
	char *regrown = start + PAGES_KEPT * page;
	size_t left;

	say("brk up again, over the addresses that held 0x%x in every byte:", MARK);
	move(start + PAGES_GROWN * page);
	heap_line();
	check(start[0] == MARK, "what stayed below brk is unchanged: 0x%x", start[0]);
	left = bytes_left_over(regrown, (PAGES_GROWN - PAGES_KEPT) * page);
	check(left == 0, "what was given up comes back as zeros: %lu bytes are left over", left);
}

static void refuse(char *start)
{
	char *now = sbrk(0);

	say("brk to an address in the middle of the stack is refused: the answer is where brk "
	    "is.");
	move((char *)&start);
	check(sbrk(0) == now, "brk is still %lx", (unsigned long)now);
}

static void run(void)
{
	char *start = sbrk(0);
	size_t page = page_size();

	where_it_lies(start);
	start += -(uintptr_t)start % page; // the lines show whole pages
	(void)!brk(start);
	grow_and_fill(start, page);
	shrink(start, page);
	regrow(start, page);
	refuse(start);
	(void)!brk(start);
}

const struct station station_brk = {
	.id = "N1.3",
	.title = "brk, the top of the heap",
	.claim = "every process has a brk that marks the top of its heap, and moving it makes the "
		 "heap larger, out of the unused room between data and stack.",
	.look_for = "how the [heap] line follows brk, and when frames come and go.",
	.run = run,
	.seen = "moving brk changes a line of the map; frames come when the heap is written, and "
		"go as soon as brk passes below them.",
	.code = "mm/brk.c; mm/vma_tree.c (the map's line), mm/unmap.c (the frames that go).",
};
