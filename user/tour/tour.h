// SPDX-License-Identifier: MIT
//
// The guided tour: stations, each of which does one thing that the study notes tell of, and then
// tells what the kernel says happened. No figure comes from anywhere but the kernel's counters,
// its trace and /proc, read in that very run.
#pragma once

#include "user/lib/figures.h"
#include "user/lib/station.h"
#include "user/lib/subject.h"
#include "user/lib/watch.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const struct station station_rings, station_brk, station_malloc, station_reserve,
	station_walk, station_faults, station_demand, station_fork, station_tables;
