// SPDX-License-Identifier: MIT
//
// What every malloc promises, whichever library it is in: the project's own, musl's, glibc's.
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 400

static unsigned char *blocks[BLOCKS];
static size_t sizes[BLOCKS];
static unsigned int state = 12345;
// The first of those that begin as zero: a linker that puts something else there is found out.
static __thread volatile char zero[15];

static unsigned int next_random(void)
{
	state = state * 1103515245 + 12345;
	return state >> 16;
}

static int holds(int i)
{
	for (size_t at = 0; at < sizes[i]; at += 97)
		if (blocks[i][at] != (unsigned char)i)
			return 0;
	return 1;
}

static size_t any_size(void)
{
	return next_random() % 20 ? next_random() % 1000 : next_random() * 16;
}

static void used_at_random(void)
{
	int wrong = 0;

	for (int round = 0; round < 10000; round++) {
		int i = (int)next_random() % BLOCKS;

		wrong += blocks[i] && !holds(i);
		if (next_random() % 3) {
			free(blocks[i]);
			sizes[i] = any_size();
			blocks[i] = malloc(sizes[i]);
		} else {
			size_t size = any_size();

			blocks[i] = realloc(blocks[i], size + 1);
			if (size < sizes[i])
				sizes[i] = size;
			wrong += !holds(i);
			sizes[i] = size;
		}
		wrong += !blocks[i] || (uintptr_t)blocks[i] % 16 != 0;
		memset(blocks[i], i, sizes[i]);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	printf("%d wrong\n", wrong);
}

static void zeroed(void)
{
	int wrong = 0;

	for (size_t size = 1; size < 300000; size = size * 3 + 1) {
		unsigned char *block = malloc(size);

		memset(block, 0xff, size);
		free(block);
		block = calloc(size, 1);
		for (size_t at = 0; at < size; at++)
			wrong += block[at];
		free(block);
	}
	printf("%d bytes that are not zero\n", wrong);
}

static void aligned(void)
{
	void *block;
	int wrong = 0;

	for (size_t alignment = 16; alignment <= 1 << 18; alignment *= 2) {
		block = aligned_alloc(alignment, alignment * 2);
		wrong += !block || (uintptr_t)block % alignment != 0;
		memset(block, 1, alignment * 2);
		free(block);
		wrong += posix_memalign(&block, alignment, 100) != 0;
		wrong += (uintptr_t)block % alignment != 0;
		wrong += malloc_usable_size(block) < 100;
		free(block);
	}
	printf("%d wrong, %d\n", wrong, posix_memalign(&block, 3, 100) == EINVAL);
}

static void refused(void)
{
	volatile size_t huge = PTRDIFF_MAX;
	char *volatile kept = malloc(10);

	strcpy(kept, "kept");
	errno = 0;
	printf("%d %d\n", malloc(huge) == NULL, errno == ENOMEM);
	errno = 0;
	printf("%d %d\n", calloc(huge / 2, 5) == NULL, errno == ENOMEM);
	printf("%d %s\n", realloc(kept, huge) == NULL, kept);
	free(kept);
	free(NULL);
}

static void large(void)
{
	size_t megabyte = 1 << 20;
	unsigned char *block = malloc(8 * megabyte);

	block[0] = 1;
	block[8 * megabyte - 1] = 2;
	block = realloc(block, 32 * megabyte);
	printf("%d %d\n", block[0], block[8 * megabyte - 1]);
	block = realloc(block, megabyte);
	printf("%d\n", block[0]);
	free(block);
}

static void own_variables(void)
{
	int sum = 0;

	for (size_t i = 0; i < sizeof(zero); i++)
		sum |= zero[i];
	printf("thread-local variables begin as %d\n", sum);
}

int main(void)
{
	own_variables();
	used_at_random();
	zeroed();
	aligned();
	refused();
	large();
	return 0;
}
