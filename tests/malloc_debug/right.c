// SPDX-License-Identifier: MIT
//
// Nothing is wrong here, and MALLOC_DEBUG=watch has to say so: numbers with the x87, vectors,
// variable arguments, structures copied with their gaps, longjmp, a buffer beside its canary,
// short blocks cleared and compared by vectors of which a mask says how much counts, bit-fields.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gaps {
	char first;
	long second;
	char third;
};

static jmp_buf place;

struct bits {
	unsigned char first : 1, second : 3;
	unsigned char whole;
};

// Of some size that the compiler does not know.
static void short_blocks(volatile size_t size)
{
	for (; size < 48; size += 7) {
		char *block = malloc(size);

		memset(block, 0, size);
		for (size_t i = 0; i < size; i++)
			if (block[i] != 0)
				puts("not zero");
		free(block);
	}
}

// The string ends with its block, and so close to the end of a page that a library looks at it in
// pieces.
static void at_the_end_of_a_page(const char *text)
{
	char *block = aligned_alloc(4096, 4072 + 5), *end = block + 4072;

	strcpy(end, text);
	if (strcmp(end, text) != 0 || strlen(end) != 4 || strchr(end, 'z'))
		puts("other text");
	free(block);
}

#ifdef __OPTIMIZE__ // without, it reads a bit-field's byte as any other
static __attribute__((noinline)) void set_bits(struct bits *bits)
{
	bits->first = 1;
}
#else
static void set_bits(struct bits *bits)
{
	bits->whole = 1;
}
#endif

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void jump(int depth)
{
	char buffer[32];

	snprintf(buffer, sizeof(buffer), "%d", depth);
	if (depth == 0)
		longjmp(place, 1);
	jump(depth - 1);
	puts(buffer);
}

int main(void)
{
	long double precise = strtod("1.25", NULL);
	int numbers[] = {5, 3, 9, 1, 7};
	struct gaps a = {'a', 2, 'c'}, b = a, *heap = malloc(sizeof(*heap));
	char text[64], *copy;

	short_blocks(3);
	at_the_end_of_a_page(numbers[0] == 5 ? "abcd" : "bcde");
	set_bits((struct bits *)(copy = malloc(sizeof(struct bits))));
	free(copy);
	*heap = b;
	qsort(numbers, 5, sizeof(*numbers), compare);
	if (setjmp(place) == 0)
		jump(5);
	snprintf(text, sizeof(text), "%Lg %ld %d %c %ld", precise * 2, strtol("0x1f", NULL, 0),
		 numbers[2], heap->third, heap->second);
	copy = strdup(text);
	printf("%s %zu\n", copy, strlen(copy));
	free(copy);
	free(heap);
	return 0;
}
