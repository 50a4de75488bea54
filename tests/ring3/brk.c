// SPDX-License-Identifier: MIT
//
// brk by the raw call: the C library's own brk always fails in musl.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/ring3/tap.h"

static char *heap_end(const char *wanted)
{
	return (char *)syscall(SYS_brk, wanted);
}

static bool all_zero(const char *from, const char *to)
{
	for (; from < to; from++)
		if (*from)
			return false;
	return true;
}

static bool resident(char *page)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		*(volatile char *)page = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status);
}

static char *round_up(char *address)
{
	return (char *)(((unsigned long)address + PAGE - 1) & -(unsigned long)PAGE);
}

static void growing(char *start)
{
	check(heap_end(start) == start, "asking for what is gives what is");
	check(heap_end(start + 1) == start + 1, "the end need not be a page's start");
	check(heap_end(NULL) == start + 1, "zero asks where it is");
	check(heap_end(start + 10 * PAGE) == start + 10 * PAGE, "grows by ten pages");
	check(all_zero(start, start + 10 * PAGE), "new memory is zero");
	memset(start, 0xaa, 10 * PAGE);
	check((unsigned char)start[10 * PAGE - 1] == 0xaa, "and can be written to its end");
}

static void shrinking(char *start)
{
	check(heap_end(start + PAGE) == start + PAGE, "shrinks");
	check((unsigned char)start[PAGE - 1] == 0xaa, "what is below the end stays");
	check(!resident(round_up(start + PAGE)), "what is above is gone");
	check(heap_end(start + 10 * PAGE) == start + 10 * PAGE, "grows again");
	check(all_zero(round_up(start + PAGE), start + 10 * PAGE), "and is zero again");
}

// The page that holds the end is the heap's to its end.
static void rounding(char *start)
{
	char *page = round_up(start) + PAGE;

	heap_end(page + 1);
	page[PAGE - 1] = 7;
	check(page[PAGE - 1] == 7, "the end's page can be used to its end");
	heap_end(page + 100);
	check(page[PAGE - 1] == 7, "moving the end inside it changes nothing");
	heap_end(page);
	check(!resident(page), "an end at a page's start does not map that page");
	heap_end(page + 1);
	check(page[PAGE - 1] == 0, "it comes back zero");
}

static void refusals(char *start)
{
	char *end = heap_end(start + PAGE), *next = round_up(end);

	check(heap_end((char *)1) == end, "below the heap's start: the old end");
	check(heap_end(start - PAGE) == end, "one page below its start: the old end");
	check(heap_end((char *)0x7fffffffffff) == end, "past ring 3's addresses: the old end");
	check(heap_end((char *)-1) == end, "past all addresses: the old end");
	check(heap_end((char *)0xffff800000000000) == end, "in the kernel's half: the old end");
	mmap(next + 4 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(heap_end(next + 8 * PAGE) == end, "over a mapping: the old end");
	check(heap_end(next + 4 * PAGE + 1) == end, "by one byte into a mapping: the old end");
	munmap(next + 4 * PAGE, PAGE);
	check(heap_end(next + 8 * PAGE) == next + 8 * PAGE, "granted when the mapping is gone");
}

static int child_grows(void)
{
	char *end = heap_end(NULL);

	return heap_end(end + 100 * PAGE) != end + 100 * PAGE;
}

static void forking(void)
{
	char *end = heap_end(NULL);

	check(in_child(child_grows) == 0, "a child moves its own end");
	check(heap_end(NULL) == end, "and not its parent's");
}

// A hole punched in the heap stays one; the end goes on from where it was.
static void holes(char *start)
{
	char *page = round_up(start) + 2 * PAGE, *end = round_up(start) + 8 * PAGE;

	heap_end(end);
	memset(page, 1, 2 * PAGE);
	check(munmap(page, PAGE) == 0, "unmapping a page of the heap");
	check(!resident(page) && resident(page + PAGE), "takes just that page");
	check(heap_end(end + PAGE) == end + PAGE, "the heap goes on at its end");
	check(mprotect(page + PAGE, PAGE, PROT_READ) == 0, "protecting a page of the heap");
	check(heap_end(end + 2 * PAGE) == end + 2 * PAGE, "the heap goes on at its end");
	check(heap_end(start) == start, "shrinking over the hole to the start");
	check(!resident(page + PAGE), "takes everything");
}

int main(void)
{
	char *first = heap_end(NULL), *start;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(first != NULL, "there is a heap");
	check(heap_end(first + 5 * PAGE) == first + 5 * PAGE, "it grows from where it is");
	start = round_up(first);
	heap_end(start);
	growing(start);
	shrinking(start);
	rounding(start);
	heap_end(start);
	refusals(start);
	forking();
	holes(start);
	return tap_end();
}
