// SPDX-License-Identifier: MIT
//
// frames: what every frame of RAM is used for right now
//
// The kinds add up to all of RAM; the exit status says whether they did.
#include "user/lib/figures.h"
#include "user/lib/kernel_files.h"
#include "user/lib/screen.h"
#include <stdio.h>
#include <string.h>

static unsigned long total, sum;

static void print_kind(const char *kind, unsigned long frames)
{
	if (strcmp(kind, "total") == 0)
		return;
	sum += frames;
	printf("%-14s %9lu  %9lu  %s\n", kind, frames, frames * page_size() / 1024,
	       bar(frames, total / 40 + 1));
}

int main(void)
{
	total = frames_of_kind("total");
	printf("%-14s %9s  %9s\n", "kind", "frames", "KiB");
	if (!ledger_each("frames", print_kind)) {
		perror("frames: " KERNEL_FILES "frames");
		return 2;
	}
	printf("%-14s %9lu  %9lu\n", "total", total, total * page_size() / 1024);
	if (sum == total)
		return 0;
	printf("The kinds add up to %lu frames: that is wrong.\n", sum);
	return 1;
}
