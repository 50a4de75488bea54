// SPDX-License-Identifier: MIT
//
// walk [ADDRESS...]: addresses of this program through its page table, level by level
//
// The kernel walks the table of the process that asks, so the addresses are those of this program;
// without any it takes one of each kind.
#include "user/lib/kernel_files.h"
#include "user/lib/maps.h"
#include <stdio.h>
#include <stdlib.h>

static int show(const char *what, const void *address)
{
	struct mapping mapping;
	struct walk walk;

	if (!walk_address(address, &walk)) {
		perror("walk: " KERNEL_FILES "walk");
		return 2;
	}
	printf("%s%s%p\n", what, *what ? " at " : "", address);
	printf("  map: %s\n", maps_find(address, &mapping) ? mapping.line : "nothing there");
	for (unsigned i = 0; i < walk.levels; i++)
		printf("  %s\n", walk.level[i].text);
	if (walk.present)
		printf("  frame %#lx: %s, references: %lu\n", walk.frame, walk.kind,
		       walk.references);
	return 0;
}

static int samples(void)
{
	static int variable = 1;
	int local = 0, status;
	char *block = malloc(1);

	status = show("program text", (const void *)(uintptr_t)samples);
	if (!status)
		status = show("a variable", &variable);
	if (!status && block)
		status = show("a block of the heap", block);
	if (!status)
		status = show("the stack", &local);
	free(block);
	return status;
}

int main(int argc, char **argv)
{
	int status = 0;
	char *end;

	if (argc == 1)
		return samples();
	for (int i = 1; i < argc && !status; i++) {
		unsigned long address = strtoul(argv[i], &end, 16);

		if (*end || end == argv[i]) {
			fprintf(stderr, "walk: %s is no address: say 401000 or 0x401000\n",
				argv[i]);
			return 2;
		}
		status = show("", (const void *)address);
	}
	return status;
}
