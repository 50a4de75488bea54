// SPDX-License-Identifier: MIT
//
// Stations and their checks; see station.h.
#include "user/lib/station.h"
#include "user/lib/screen.h"
#include "user/lib/subject.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static unsigned made, failed;

bool check(bool held, const char *format, ...)
{
	va_list arguments;

	made++;
	failed += !held;
	printf("  %s%s%s ", style(held ? STYLE_GOOD : STYLE_BAD),
	       held ? "holds:" : "DOES NOT HOLD:", style(STYLE_PLAIN));
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	return held;
}

unsigned checks_failed(void)
{
	return failed;
}

unsigned checks_made(void)
{
	return made;
}

void station_visit(const struct station *station)
{
	unsigned failed_before = failed, made_before = made;

	printf("\n%s=== %s  %s ===%s\n\n", style(STYLE_BOLD), station->id, station->title,
	       style(STYLE_PLAIN));
	say("The notes say: %s", station->claim);
	say("Look for: %s", station->look_for);
	putchar('\n');
	settle();
	station->run();
	printf("\n");
	if (failed == failed_before)
		say("Seen: %s", station->seen);
	else
		say("This is not what the notes say: %u checks did not hold.",
		    failed - failed_before);
	say("The code: %s", station->code);
	printf("--- %s: %u checks, %u failed ---\n", station->id, made - made_before,
	       failed - failed_before);
	fflush(stdout);
}

const struct station *station_find(const struct station *const *stations, size_t count,
				   const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(stations[i]->id, id) == 0)
			return stations[i];
	return NULL;
}

void station_list(const struct station *const *stations, size_t count)
{
	int width = 6;

	for (size_t i = 0; i < count; i++)
		if ((int)strlen(stations[i]->id) > width)
			width = (int)strlen(stations[i]->id);
	for (size_t i = 0; i < count; i++)
		printf("%-*s %s\n", width, stations[i]->id, stations[i]->title);
}
