// SPDX-License-Identifier: MIT
//
// faults: how page faults ended since the machine was started
#include "user/lib/kernel_files.h"
#include <stdio.h>
#include <string.h>

#define PREFIX "fault_"

static unsigned long total;

static void print_result(const char *name, unsigned long count)
{
	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return;
	total += count;
	printf("%-16s %9lu\n", name + strlen(PREFIX), count);
}

int main(void)
{
	if (!ledger_each("counters", print_result)) {
		perror("faults: " KERNEL_FILES "counters");
		return 2;
	}
	printf("%-16s %9lu\n", "total", total);
	return 0;
}
