// SPDX-License-Identifier: MIT
//
// maps [PID]: the address space of a process, line by line
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	char path[64], line[256];
	FILE *maps;

	if (argc > 2 || (argc == 2 && atoi(argv[1]) <= 0)) {
		fprintf(stderr, "usage: maps [PID]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%s/maps", argc == 2 ? argv[1] : "self");
	maps = fopen(path, "r");
	if (!maps) {
		perror(path);
		return 1;
	}
	while (fgets(line, sizeof(line), maps))
		fputs(line, stdout);
	fclose(maps);
	return 0;
}
