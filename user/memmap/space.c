// SPDX-License-Identifier: MIT
//
// Reading /proc/PID/maps and pagemap: see space.h.
#include "user/memmap/space.h"
#include "user/lib/figures.h"
#include "user/lib/file_text.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGEMAP_PRESENT (1ul << 63)
#define PAGEMAP_FRAME   ((1ul << 55) - 1)
#define NAME_COLUMN     5 // of maps, counted from 0

static char text[65536];

bool space_start(struct space *space)
{
	memset(space, 0, sizeof(*space));
	space->owners = malloc(SPACE_PAGES);
	if (space->owners)
		memset(space->owners, 0xff, SPACE_PAGES);
	return space->owners != NULL;
}

static const char *column(const char *line, int number)
{
	while (number-- > 0) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

static void parse_area(const char *line, struct area *area)
{
	char *at;

	memset(area, 0, sizeof(*area));
	area->start = strtoul(line, &at, 16);
	area->end = strtoul(at + 1, NULL, 16);
	snprintf(area->protection, sizeof(area->protection), "%s", column(line, 1));
	snprintf(area->name, sizeof(area->name), "%s", column(line, NAME_COLUMN));
}

static enum owner owner_of_page(uint64_t word, const struct memory *memory)
{
	uint64_t frame = word & PAGEMAP_FRAME;

	if (!(word & PAGEMAP_PRESENT) || frame >= memory->frames)
		return OWNER_NONE;
	return memory->owners[frame];
}

// The pages of one area into `owners`, at most `room` of them.
static void read_pages(struct space *space, struct area *area, int pagemap, uint8_t *owners,
		       size_t room, const struct memory *memory)
{
	static uint64_t words[512];
	size_t first = area->start / page_size(), done = 0;

	area->pages = (area->end - area->start) / page_size();
	space->pages += area->pages;
	if (area->pages > room)
		area->pages = room;
	area->owners = owners;
	while (done < area->pages) {
		size_t step = area->pages - done < 512 ? area->pages - done : 512;
		long got = pread(pagemap, words, step * 8, (long)((first + done) * 8));

		if (got <= 0)
			break;
		for (size_t i = 0; i < (size_t)got / 8; i++) {
			owners[done + i] = (uint8_t)owner_of_page(words[i], memory);
			area->resident += owners[done + i] != OWNER_NONE;
			space->totals[owners[done + i]]++;
		}
		done += (size_t)got / 8;
	}
	area->pages = done;
}

static int open_of(pid_t pid, const char *file)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, O_RDONLY);
}

bool space_read(struct space *space, pid_t pid, const struct memory *memory)
{
	struct figures figures;
	char path[48], *at = text, *line;
	int pagemap = open_of(pid, "pagemap");
	size_t used = 0;

	space->areas = space->areas_left_out = 0;
	space->pid = pid;
	space->pages = 0;
	memset(space->totals, 0, sizeof(space->totals));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	if (pagemap < 0 || !figures_read(pid, &figures) ||
	    file_read(path, text, sizeof(text)) <= 0) {
		if (pagemap >= 0)
			close(pagemap);
		return false;
	}
	snprintf(space->name, sizeof(space->name), "%s", figures.name);
	while ((line = next_line(&at))) {
		struct area *area = &space->area[space->areas];

		if (space->areas == SPACE_AREAS) {
			space->areas_left_out++;
			continue;
		}
		space->areas++;
		parse_area(line, area);
		read_pages(space, area, pagemap, space->owners + used, SPACE_PAGES - used, memory);
		used += area->pages;
	}
	close(pagemap);
	return true;
}

// ---- finding one ----
struct entry {
	uint64_t inode, offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static bool is_called(pid_t pid, const void *name)
{
	struct figures figures;

	return pid != getpid() && figures_read(pid, &figures) && strcmp(figures.name, name) == 0;
}

// The parent is the second field after the name, which ends at the last ')'.
static bool is_of_family(pid_t pid, const void *head)
{
	char path[48], stat[512], *at;

	if (pid == *(const pid_t *)head)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, stat, sizeof(stat)) <= 0 || !(at = strrchr(stat, ')')))
		return false;
	return at[1] && at[2] && atoi(at + 3) == *(const pid_t *)head;
}

static size_t find_all(bool (*wanted)(pid_t pid, const void *what), const void *what, pid_t *pids,
		       size_t room)
{
	int directory = open("/proc", O_RDONLY | O_DIRECTORY);
	size_t count = 0;
	long length;

	while ((length = syscall(__NR_getdents64, directory, text, sizeof(text))) > 0) {
		for (long at = 0; at < length;) {
			const struct entry *entry = (const void *)(text + at);
			pid_t pid = atoi(entry->name);

			if (pid > 0 && count < room && wanted(pid, what))
				pids[count++] = pid;
			at += entry->length;
		}
	}
	close(directory);
	return count;
}

size_t space_find(const char *what, pid_t *pids, size_t room)
{
	char *end;
	long number = strtol(what, &end, 10);

	if (!*what || *end)
		return find_all(is_called, what, pids, room);
	pids[0] = (pid_t)number;
	return number > 0 && room > 0;
}

size_t space_family(pid_t pid, pid_t *pids, size_t room)
{
	return find_all(is_of_family, &pid, pids, room);
}
