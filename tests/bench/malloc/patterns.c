// SPDX-License-Identifier: MIT
//
// What malloc costs, in guest instructions, user and kernel together: under QEMU's icount one tick
// of the time-stamp counter is one instruction. The same binary runs with whichever allocator is
// preloaded; tools/bench-malloc makes the table of it.
//
// Each line of its output is NAME FIGURE, the mean over all operations of a pattern after a first
// round of it: instructions per operation, which is a malloc and the free that belongs to it
// (realloc: one realloc), the pattern's own work of some ten instructions included. Fragmentation
// is how much the resident set grew, over the bytes that the program has then.
//
//	bench-malloc [SCALE [NAME...]]    SCALE divides the lengths; all patterns where none is
// named
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long scale = 1;

// -- what patterns need

static inline uint64_t now(void)
{
	uint64_t ticks;

	asm volatile("rdtsc\n\tshl $32, %%rdx\n\tor %%rdx, %%rax" : "=a"(ticks)::"rdx", "memory");
	return ticks;
}

static inline uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

// The compiler must not see that nobody wants the block. Its first byte is written, as a program
// would: what was never touched costs its fault here.
static inline void *used(void *block)
{
	if (!block) {
		fputs("bench-malloc: no memory\n", stderr);
		exit(1);
	}
	*(volatile char *)block = 1;
	asm volatile("" : "+r"(block)::"memory");
	return block;
}

static size_t resident(void)
{
	static char text[128]; // no stdio: that would allocate
	int file = open("/proc/self/statm", O_RDONLY);
	ssize_t length = read(file, text, sizeof(text) - 1);
	char *second;

	close(file);
	text[length > 0 ? length : 0] = '\0';
	second = strchr(text, ' ');
	return second ? strtoul(second, NULL, 10) * 4096 : 0;
}

// -- one thread

static unsigned long pairs_of_64(unsigned long rounds)
{
	for (unsigned long i = 0; i < rounds; i++)
		free(used(malloc(64)));
	return rounds;
}

#define STACKED 1000

static unsigned long stacked(unsigned long rounds, size_t size)
{
	static void *blocks[STACKED];

	for (unsigned long i = 0; i < rounds; i++) {
		for (int j = 0; j < STACKED; j++)
			blocks[j] = used(malloc(size));
		for (int j = STACKED; j-- > 0;)
			free(blocks[j]);
	}
	return rounds * STACKED;
}

static unsigned long stacked_32(unsigned long rounds)
{
	return stacked(rounds, 32);
}

static unsigned long stacked_256(unsigned long rounds)
{
	return stacked(rounds, 256);
}

// Slots of which a random one gets a new block of a random size: half of them live at any time
// for longer than one in e rounds.
static unsigned long random_sizes(unsigned long operations, void **slots, uint32_t count,
				  uint32_t least, uint32_t most)
{
	uint64_t random = 1;

	for (unsigned long i = 0; i < operations; i++) {
		uint32_t number = next_random(&random);
		void **slot = &slots[number % count];

		free(*slot);
		*slot = used(malloc(least + (number >> 12) % (most - least + 1)));
	}
	return operations;
}

static unsigned long random_small(unsigned long operations)
{
	static void *slots[4096];

	return random_sizes(operations, slots, 4096, 16, 1024);
}

static unsigned long random_medium(unsigned long operations)
{
	static void *slots[512];

	return random_sizes(operations, slots, 512, 1024, 32768);
}

static unsigned long large(unsigned long operations)
{
	static void *slots[16];

	return random_sizes(operations, slots, 16, 256 << 10, 4 << 20);
}

// A buffer that grows by half, as one that text is read into, while a small block is made now and
// then; its new end is written.
static unsigned long growth(unsigned long rounds)
{
	unsigned long operations = 0;

	for (unsigned long i = 0; i < rounds; i++) {
		char *text = NULL;
		void *between[32];
		int count = 0;

		for (size_t size = 64; size < 4 << 20; size += size / 2, operations++) {
			text = used(realloc(text, size));
			text[size - 1] = 1;
			between[count++] = used(malloc(40));
		}
		free(text);
		while (count > 0)
			free(between[--count]);
	}
	return operations;
}

// -- threads

#define THREADS 4

static pthread_barrier_t together;
static unsigned long thread_rounds;

static void start_threads(void *(*function)(void *))
{
	pthread_t ids[THREADS];

	pthread_barrier_init(&together, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&ids[i], NULL, function, (void *)i) != 0)
			exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
}

// A request allocates some thirty blocks of mixed sizes, frees most of them as it goes on, the
// rest at its end; what one in thirty-two allocates goes into a table that outlives it.
#define REQUEST 32
#define KEPT    256

static void *serve(void *seed)
{
	uint64_t random = (uintptr_t)seed + 1;
	void *request[REQUEST], *kept[KEPT] = {NULL};

	pthread_barrier_wait(&together);
	for (unsigned long i = 0; i < thread_rounds; i++) {
		void **slot = &kept[i % KEPT];

		memset(request, 0, sizeof(request));
		for (int j = 0; j < REQUEST; j++) {
			uint32_t number = next_random(&random);
			size_t size = 16 + (number >> 8) % (number % 8 ? 240 : 2048);
			void **at = &request[(number >> 4) % REQUEST];

			free(*at);
			*at = used(malloc(size));
		}
		free(*slot);
		*slot = request[0];
		for (int j = 1; j < REQUEST; j++)
			free(request[j]);
	}
	for (int i = 0; i < KEPT; i++)
		free(kept[i]);
	return NULL;
}

static unsigned long server(unsigned long rounds)
{
	thread_rounds = rounds;
	start_threads(serve);
	return rounds * THREADS * REQUEST;
}

// Each thread frees what its neighbour allocated in the round before.
#define PASSED 1000

static void *passed[THREADS][PASSED];

static void *pass(void *number)
{
	uintptr_t me = (uintptr_t)number, other = (me + 1) % THREADS;
	uint64_t random = me + 1;

	for (unsigned long i = 0; i < thread_rounds; i++) {
		for (int j = 0; j < PASSED; j++)
			passed[me][j] = used(malloc(16 + next_random(&random) % 240));
		pthread_barrier_wait(&together);
		for (int j = 0; j < PASSED; j++)
			free(passed[other][j]);
		pthread_barrier_wait(&together);
	}
	return NULL;
}

static unsigned long freed_by_others(unsigned long rounds)
{
	thread_rounds = rounds;
	start_threads(pass);
	return rounds * THREADS * PASSED;
}

// -- fragmentation

#define FRAGMENTED (20ul << 20) // bytes that are live
#define PIECES     (512u << 10) // more than there are

struct piece {
	char *block;
	size_t size;
};

static struct piece *pieces; // a mapping
static size_t live;

static void piece_free(struct piece *piece)
{
	if (piece->block)
		live -= piece->size;
	free(piece->block);
	*piece = (struct piece){0};
}

static void piece_allocate(struct piece *piece, size_t size)
{
	piece->block = malloc(size);
	memset(used(piece->block), 1, size);
	piece->size = size;
	live += size;
}

// The program changes what it does: three of four small blocks go, at random, and larger ones come
// until as much is live as before. All is written in full.
static double fragmentation(void)
{
	size_t target = FRAGMENTED / scale, before;
	uint64_t random = 1;

	pieces = mmap(NULL, PIECES * sizeof(*pieces), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (pieces == MAP_FAILED)
		exit(1);
	before = resident();
	for (struct piece *at = pieces; live < target; at++)
		piece_allocate(at, 16 + next_random(&random) % 241);
	for (struct piece *at = pieces; at->block; at++)
		if (next_random(&random) % 4 != 0)
			piece_free(at);
	for (struct piece *at = pieces; live < target; at++)
		if (!at->block)
			piece_allocate(at, 257 + next_random(&random) % 768);
	return (double)(resident() - before) / (double)live;
}

// -- the whole

static const struct {
	const char *name;
	unsigned long (*run)(unsigned long rounds);
	unsigned long rounds;
} patterns[] = {
	{"pair-64", pairs_of_64, 100000},
	{"stack-32", stacked_32, 100},
	{"stack-256", stacked_256, 100},
	{"random-small", random_small, 200000},
	{"random-medium", random_medium, 50000},
	{"realloc", growth, 100},
	{"large", large, 5000},
	{"server", server, 1000},
	{"passed", freed_by_others, 50},
};

static int wanted(int count, char **words, const char *name)
{
	for (int i = 2; i < count; i++)
		if (strcmp(words[i], name) == 0)
			return 1;
	return count <= 2;
}

int main(int count, char **words)
{
	if (count > 1)
		scale = strtoul(words[1], NULL, 10);
	if (!scale)
		return 2;
	if (wanted(count, words, "fragmentation") && fork() == 0) { // what it leaves is its own
		printf("fragmentation %.2f\n", fragmentation());
		return 0;
	}
	wait(NULL);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		unsigned long rounds = patterns[i].rounds / scale, operations;
		uint64_t since;

		if (!wanted(count, words, patterns[i].name))
			continue;
		patterns[i].run(rounds / 4 + 1);
		since = now();
		operations = patterns[i].run(rounds);
		printf("%s %.0f\n", patterns[i].name,
		       (double)(now() - since) / (double)operations);
		fflush(stdout);
	}
	return 0;
}
