// SPDX-License-Identifier: MIT
//
// Random numbers for tests: another sequence on each run, and the line that repeats it.
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t random_state;

// Takes the seed from the environment's SEED, else a fresh one, and says which.
static inline void random_start(void)
{
	const char *given = getenv("SEED");
	uint32_t seed;

	if (given)
		seed = (uint32_t)strtoul(given, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 1;
	random_state = seed;
	printf("# to repeat: SEED=%u %s\n", seed, program_invocation_name);
	fflush(stdout);
}

// splitmix64, which takes any seed.
static inline uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

// From 0 to limit - 1.
static inline uint64_t random_below(uint64_t limit)
{
	return random_next() % limit;
}
