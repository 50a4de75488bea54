// SPDX-License-Identifier: MIT
//
// Reading /proc/PID/pagemap; see pagemap.h.
#include "user/lib/pagemap.h"
#include "user/lib/figures.h"
#include "user/lib/maps.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PIECE       512 // pages looked at together
#define LEVEL_BITS  9   // of an address, that a table translates
#define LEVELS_TOLD 3   // below the root, of which there is one

bool pagemap_read(int pid, uintptr_t address, uint64_t *words, size_t count)
{
	char path[32] = "/proc/self/pagemap";
	off_t offset = (off_t)(address / page_size() * sizeof(*words));
	ssize_t wanted = (ssize_t)(count * sizeof(*words)), done = 0, step;
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	while (done < wanted) {
		step = pread(fd, (char *)words + done, (size_t)(wanted - done), offset + done);
		if (step <= 0)
			break;
		done += step;
	}
	close(fd);
	return done == wanted;
}

struct count {
	int pid;
	unsigned long tables;
	uintptr_t table[LEVELS_TOLD]; // the last one met at each level, plus one
};

// Pages come by increasing address, so that a table is met anew only after all of its pages.
static void count_page(struct count *count, uintptr_t page)
{
	for (unsigned level = 0; level < LEVELS_TOLD; level++) {
		uintptr_t table = (page >> LEVEL_BITS * (level + 1)) + 1;

		count->tables += count->table[level] != table;
		count->table[level] = table;
	}
}

static bool count_mapping(const struct mapping *mapping, void *context)
{
	struct count *count = context;
	uintptr_t page = mapping->start / page_size(), end = mapping->end / page_size();
	uint64_t words[PIECE];

	for (size_t step; page < end; page += step) {
		step = end - page < PIECE ? end - page : PIECE;
		if (!pagemap_read(count->pid, page * page_size(), words, step))
			return false;
		for (size_t i = 0; i < step; i++)
			if (words[i] & PAGEMAP_PRESENT)
				count_page(count, page + i);
	}
	return true;
}

unsigned long pagemap_tables(int pid)
{
	struct count count = {.pid = pid, .tables = 1};

	maps_each_of(pid, count_mapping, &count);
	return count.tables * page_size();
}
