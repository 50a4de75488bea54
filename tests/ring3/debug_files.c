// SPDX-License-Identifier: MIT
//
// /sys/kernel/debug/faultline: that what the kernel says of its memory is what a program did to
// it.
// kernel only
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "lib/trace_record.h"
#include "tests/ring3/tap.h"

#define DEBUG "/sys/kernel/debug/faultline/"
#define PAGES 20

static char text[16384];
static struct trace_record records[200];

static long read_file(const char *name)
{
	int fd = open(name, O_RDONLY);
	long length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	close(fd);
	return length;
}

static bool write_file(const char *name, const char *what)
{
	int fd = open(name, O_WRONLY);
	bool written = fd >= 0 && write(fd, what, strlen(what)) == (long)strlen(what);

	close(fd);
	return written;
}

// The number behind a name at the start of a line, of the text last read; -1: not there.
static long number_of(const char *name)
{
	size_t length = strlen(name);

	for (char *line = text; *line; line = strchr(line, '\n') + 1)
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return atol(line + length);
	return -1;
}

static long count_of(const char *file, const char *name)
{
	read_file(file);
	return number_of(name);
}

static char *map_pages(void)
{
	return mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
}

static void frames(void)
{
	long total = 0, free_before, anonymous;
	char *map = map_pages();

	check(read_file(DEBUG "frames") > 0, "frames");
	for (char *line = text; *line; line = strchr(line, '\n') + 1)
		if (strncmp(line, "total ", 6) != 0)
			total += atol(strchr(line, ' '));
	check(total == number_of("total"), "the kinds add up to all of RAM");
	free_before = number_of("free");
	anonymous = number_of("anonymous");
	for (int i = 0; i < PAGES; i++)
		map[i * PAGE] = 1;
	check(count_of(DEBUG "frames", "anonymous") == anonymous + PAGES, "anonymous frames");
	check(number_of("free") <= free_before - PAGES, "which are no longer free");
	munmap(map, PAGES * PAGE);
	check(count_of(DEBUG "frames", "anonymous") == anonymous, "given back");
}

static void counters(void)
{
	char *map = map_pages();
	long zero = count_of(DEBUG "counters", "fault_demand-zero"), forks;

	check(zero > 0, "demand-zero faults are counted");
	for (int i = 0; i < PAGES; i++)
		map[i * PAGE] = 1;
	check(count_of(DEBUG "counters", "fault_demand-zero") == zero + PAGES, "one a page");
	forks = number_of("forks");
	wait((int[1]){in_child((int (*)(void))getpid)});
	check(count_of(DEBUG "counters", "forks") == forks + 1, "forks");
	syscall(SYS_kexec_load, 0, 0, 0, 0);
	check(count_of(DEBUG "counters", "missing_kexec_load") == 1, "a call that is missing");
	munmap(map, PAGES * PAGE);
}

static void walk_to(const void *address)
{
	char hexadecimal[32];
	int fd = open(DEBUG "walk", O_RDWR);
	long length;

	snprintf(hexadecimal, sizeof(hexadecimal), "%lx", (unsigned long)address);
	check(write(fd, hexadecimal, strlen(hexadecimal)) > 0, "an address written to walk");
	length = pread(fd, text, sizeof(text) - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	close(fd);
}

static int lines(void)
{
	int count = 0;

	for (char *at = text; *at; at++)
		count += *at == '\n';
	return count;
}

static void walk(void)
{
	char *map = map_pages();
	char *last;

	map[0] = 1;
	walk_to(map);
	last = strstr(text, "PT  [");
	check(lines() == 5 && last && strstr(last, ": anonymous, 1 references"),
	      "four levels and the frame");
	check(last && strstr(last, " present writable user") && strstr(last, " dirty"),
	      "its bits");
	map[PAGE] = map[2 * PAGE];
	walk_to(map + 2 * PAGE);
	last = strstr(text, "PT  [");
	check(last && strstr(last, " present read-only user"), "a page only read: the zero frame");
	walk_to(map + 3 * PAGE);
	last = strstr(text, "PT  [");
	check(last && strstr(last, "not present"), "a page never touched");
	check(!write_file(DEBUG "walk", "xyz"), "no address");
	munmap(map, PAGES * PAGE);
}

// The trace of a few faults: each there once, in order.
static void trace(void)
{
	char *map = map_pages();
	long got, next = 0;
	int fd = open(DEBUG "trace", O_RDONLY);

	check(write_file(DEBUG "trace_on", "1"), "tracing on");
	check(read_file(DEBUG "trace_on") == 2 && text[0] == '1', "it says so");
	for (int i = 0; i < PAGES; i++)
		map[i * PAGE] = 1;
	check(write_file(DEBUG "trace_on", "0"), "tracing off");
	while ((got = read(fd, records, sizeof(records))) > 0)
		for (long i = 0; i < got / (long)sizeof(records[0]); i++)
			if (records[i].event == TRACE_FAULT && records[i].task == getpid() &&
			    records[i].a == (unsigned long)(map + next * PAGE))
				next++;
	check(next == PAGES, "every fault, in order");
	show("too little room", read(fd, records, 40));
	show("none left", read(fd, records, sizeof(records)));
	check(!write_file(DEBUG "trace_on", "yes"), "neither on nor off");
	munmap(map, PAGES * PAGE);
	close(fd);
}

// Takes all records; how many are of an event.
static long traced(unsigned event)
{
	int fd = open(DEBUG "trace", O_RDONLY);
	long got, found = 0;

	while ((got = read(fd, records, sizeof(records))) > 0)
		for (long i = 0; i < got / (long)sizeof(records[0]); i++)
			found += records[i].event == event;
	close(fd);
	return found;
}

// What is traced, of whom, and what programs write themselves.
static void trace_choices(void)
{
	struct trace_record own[] = {
		{.event = TRACE_HEAP, .a = TRACE_HEAP_MALLOC, .b = 0x1000, .c = 10, .time = 5},
		{.event = TRACE_STACK, .a = 1, .time = 5},
	};
	int fd = open(DEBUG "trace_records", O_WRONLY);
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	check(write_file(DEBUG "trace_events", "call,program"), "the family of mmap");
	check(read_file(DEBUG "trace_events") > 0 && strstr(text, "mmap\n") &&
		      !strstr(text, "fault"),
	      "and nothing else");
	check(!write_file(DEBUG "trace_events", "mmap,yes"), "no such event");
	write_file(DEBUG "trace_on", "1");
	munmap(map_pages(), PAGES * PAGE);
	show("own records", write(fd, own, sizeof(own)));
	write_file(DEBUG "trace_on", "0");
	show("mapped", traced(TRACE_MMAP));
	write_file(DEBUG "trace_events", "all");
	write_file(DEBUG "trace_pid", "1000000");
	write_file(DEBUG "trace_on", "1");
	map_pages()[0] = 1;
	write_file(DEBUG "trace_on", "0");
	show("of somebody else", traced(TRACE_FAULT));
	check(write_file(DEBUG "trace_pid", pid), "of this one");
	check(read_file(DEBUG "trace_pid") > 0 && atoi(text) == getpid(), "it says so");
	write_file(DEBUG "trace_on", "1");
	map_pages()[0] = 1;
	show("own records", write(fd, own, sizeof(own)));
	check(write_file(DEBUG "trace_mark", "here\n"), "a mark");
	write_file(DEBUG "trace_on", "0");
	check(traced(TRACE_FAULT) > 0, "its faults");
	own[1].event = TRACE_FAULT;
	show("no program may write faults", write(fd, own, sizeof(own)));
	show("half a record", write(fd, own, 32));
	check(write_file(DEBUG "trace_pid", "\n") && read_file(DEBUG "trace_pid") == 0, "of all");
	write_file(DEBUG "trace_events", "default");
	close(fd);
}

static void caches(void)
{
	static char page[PAGE];
	int fd = open("/proc/self/exe", O_RDONLY);
	long before;

	while (read(fd, page, sizeof(page)) > 0)
		continue;
	close(fd);
	before = count_of(DEBUG "frames", "file");
	check(write_file("/proc/sys/vm/drop_caches", "1\n"), "drop_caches");
	check(count_of(DEBUG "frames", "file") < before, "fewer frames hold files");
	check(!write_file("/proc/sys/vm/drop_caches", "7"), "of unknown kind");
}

int main(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	memset(text, 1, sizeof(text)); // no page of it is new later
	memset(records, 1, sizeof(records));
	frames();
	counters();
	walk();
	trace();
	trace_choices();
	caches();
	check(read_file(DEBUG "audit") > 0 && strstr(text, " facts, 0 wrong\n"), "audit");
	return tap_end();
}
