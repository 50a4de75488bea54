// SPDX-License-Identifier: MIT
//
// What tests/scenario/gdb_heap.t looks at: a heap with blocks in use, cached, free and mapped, of
// which malloc tells its own figures, and a few events for the trace.

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCKS 200
#define LARGE  300000
#define LENGTH 12345

static char *blocks[BLOCKS], *large, *mapped;
static struct mallinfo2 info;

static __attribute__((noinline)) void stand_still(void)
{
	__asm__ volatile("" : : "r"(blocks), "r"(&info) : "memory");
}

static void fill_heap(void)
{
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc((size_t)i * 37 + 1);
	for (int i = 0; i < BLOCKS; i += 3)
		free(blocks[i]);
	large = malloc(LARGE);
	if (large)
		memset(large, 1, LARGE);
}

int main(void)
{
	fill_heap();
	mapped = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!large || !blocks[1] || mapped == MAP_FAILED)
		return 1;
	mapped[0] = 1;
	munmap(mapped, LENGTH);
	info = mallinfo2();
	stand_still();
	printf("arena %zu\nused %zu\ncached %zu %zu\nfree %zu %zu\nmapped %zu %zu\n", info.arena,
	       info.uordblks, info.smblks, info.fsmblks, info.ordblks,
	       info.fordblks - info.fsmblks, info.hblks, info.hblkhd);
	printf("block %p %zu\nmapping %p\n", (void *)blocks[100], malloc_usable_size(blocks[100]),
	       (void *)mapped);
	return 0;
}
