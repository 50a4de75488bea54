// SPDX-License-Identifier: MIT
//
// tour [STATION...]: the guided tour of memory, or only those stations; --list names them
//
// Between stations it waits for a key where somebody sits at a terminal. The exit status is 0 when
// every check of every station held. What the stations share is in watch.c; each station is a file
// of its own beside it.
#include "user/tour/tour.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct station *const stations[] = {
	&station_rings,  &station_brk,    &station_malloc, &station_reserve, &station_walk,
	&station_faults, &station_demand, &station_fork,   &station_tables,
};
#define STATIONS (sizeof(stations) / sizeof(stations[0]))

static int only(int count, char **ids)
{
	for (int i = 0; i < count; i++) {
		const struct station *station = station_find(stations, STATIONS, ids[i]);

		if (!station) {
			fprintf(stderr, "tour: no station %s; tour --list shows them\n", ids[i]);
			return 2;
		}
		station_visit(station);
	}
	return checks_failed() > 0;
}

static void welcome(void)
{
	printf("%sFaultline: a guided tour of memory%s\n\n", style(STYLE_BOLD),
	       style(STYLE_PLAIN));
	say("What you read was measured while you read it: this program does each thing for real "
	    "and asks the kernel what happened - its trace, its counters, /proc. Lines that begin "
	    "with \"holds:\" are checks on those figures.");
}

static int all(void)
{
	char line[128];

	welcome();
	for (size_t i = 0; i < STATIONS; i++) {
		if (i > 0 && !screen_wait())
			return checks_failed() > 0;
		station_visit(stations[i]);
	}
	printf("\n");
	if (audit_line(line, sizeof(line)))
		say("Asked to recount all of memory, the kernel answers: %s.", line);
	say("The tour ends here: %u checks, %u failed.", checks_made(), checks_failed());
	return checks_failed() > 0;
}

int main(int argc, char **argv)
{
	screen_start();
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		station_list(stations, STATIONS);
		return 0;
	}
	if (!tracing_start()) {
		perror("tour: " KERNEL_FILES "trace_on");
		fprintf(stderr, "tour: what it shows, only Faultline's kernel can tell\n");
		return 2;
	}
	tracing_stop();
	return argc > 1 ? only(argc - 1, argv + 1) : all();
}
