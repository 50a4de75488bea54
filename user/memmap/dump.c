// SPDX-License-Identifier: MIT
//
// What the picture shows, as lines of text for tools/picture: neighbours of one owner together.
//
//   memory FRAMES PAGE-SIZE
//   caption TEXT
//   owner COLOUR FRAMES NAME: MEANING    one for each, in the order of the legend
//   kind NAME FRAMES                     what the kernel itself counts, by its own kinds
//   run COUNT OWNER                      frames, from 0 on; OWNER by its place in that order
//   process PID PAGES NAME
//   area START END PROTECTION NAME
//   pages COUNT OWNER                    of the last area, from its start on
//   end
#include "user/lib/figures.h"
#include "user/memmap/text.h"
#include <stdio.h>
#include <string.h>

static void dump_runs(const char *word, const uint8_t *owners, size_t count)
{
	size_t first = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && owners[i] == owners[first])
			continue;
		printf("%s %lu %u\n", word, i - first, owners[first]);
		first = i;
	}
}

static void dump_memory(const struct memory *memory, const char *caption)
{
	printf("memory %lu %lu\n", memory->frames, page_size());
	if (caption)
		printf("caption %s\n", caption);
	for (int owner = 0; owner < OWNER_COUNT; owner++) {
		const struct owner_look *look = &owner_looks[owner];

		printf("owner %06x %lu %s: %s\n", look->colour, memory->totals[owner], look->name,
		       look->meaning);
	}
	for (const char *line = memory->kinds; *line; line += strcspn(line, "\n") + 1)
		printf("kind %.*s\n", (int)strcspn(line, "\n"), line);
	if (memory->frames)
		dump_runs("run", memory->owners, memory->frames);
}

static void dump_space(const struct space *space)
{
	printf("process %d %lu %s\n", space->pid, space->pages, space->name);
	for (size_t i = 0; i < space->areas; i++) {
		const struct area *area = &space->area[i];

		printf("area %lx %lx %s %s\n", area->start, area->end, area->protection,
		       *area->name ? area->name : "anonymous");
		if (area->pages)
			dump_runs("pages", area->owners, area->pages);
	}
}

void dump_view(const struct view *view)
{
	dump_memory(&view->memory, view->caption);
	for (size_t i = 0; i < view->spaces; i++)
		dump_space(&view->space[i]);
	puts("end");
	fflush(stdout);
}
