// SPDX-License-Identifier: MIT
//
// A directory of the test's own in /dev/shm, which is a tmpfs on Linux as well.
#pragma once

#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>
#include "tests/ring3/tap.h"

static char workplace[64];

static inline void enter_workplace(void)
{
	snprintf(workplace, sizeof(workplace), "/dev/shm/faultline-%d", (int)getpid());
	umask(022);
	check(mkdir(workplace, 0777) == 0 && chdir(workplace) == 0, "a directory to work in");
}

static inline int remove_entry(const char *path, const struct stat *status, int type,
			       struct FTW *place)
{
	(void)status, (void)type;
	return place->level ? remove(path) : 0;
}

// Removes what is left in the directory.
static inline void empty_workplace(void)
{
	if (nftw(".", remove_entry, 8, FTW_DEPTH | FTW_PHYS))
		check(false, "emptied");
}

static inline void leave_workplace(void)
{
	empty_workplace();
	check(chdir("/") == 0 && rmdir(workplace) == 0, "nothing is left of it");
}
