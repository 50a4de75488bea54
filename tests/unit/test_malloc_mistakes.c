// SPDX-License-Identifier: MIT
//
// What lib/libc/malloc.c says to the mistakes that programs make, each in a child that it ends;
// threads; and what it tells somebody who watches.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "tests/unit/malloc_under_test.h"

// -- mistakes

static char outside[64] __attribute__((aligned(16)));
static void **culprit; // shared with the child that makes the mistake
static size_t size;    // of the block: one that a cache keeps, and one that it does not

// What the message has to name.
static void *blame(void *block)
{
	*culprit = block;
	return block;
}

static void free_twice(void)
{
	void *block = blame(tested_malloc(size));

	tested_malloc(size);
	tested_free(block);
	tested_free(block);
}

static void free_twice_after_merging(void)
{
	void *below = tested_malloc(size), *block = blame(tested_malloc(size));

	tested_malloc(size);
	tested_free(below);
	tested_free(block);
	tested_free(block);
}

static void free_twice_after_merging_upwards(void)
{
	void *below = tested_malloc(size), *block = blame(tested_malloc(size));

	tested_malloc(size);
	tested_free(block);
	tested_free(below);
	tested_free(block);
}

static void free_twice_a_mapping(void)
{
	void *block = blame(tested_malloc(1 << 20));

	tested_free(block);
	tested_free(block);
}

// The first byte after those it was given is in the next one's header.
static void write_past_the_end(void)
{
	char *block = tested_malloc(size);

	void *next = blame(tested_malloc(size));

	block[tested_usable_size(block)] ^= 1;
	tested_free(next);
}

static void write_before_the_start(void)
{
	char *block = blame(tested_malloc(size));

	block[-5] ^= 1;
	tested_free(block);
}

static void write_after_free(void)
{
	char *block = blame(tested_malloc(size));

	tested_malloc(size);
	tested_free(block);
	block[3] ^= 1;
	tested_malloc(size);
}

static void write_after_free_deep_in_a_list(void)
{
	char *blocks[6];

	for (int i = 0; i < 6; i++)
		blocks[i] = tested_malloc(size);
	for (int i = 0; i < 6; i += 2)
		tested_free(blocks[i]);
	*(void **)blame(blocks[2]) = outside;
	tested_malloc(size); // takes blocks[4], whose neighbour in the list it is
	tested_malloc(size);
}

static void realloc_after_free(void)
{
	void *block = blame(tested_malloc(size));

	tested_malloc(size);
	tested_free(block);
	tested_realloc(block, 2 * size);
}

static void free_static(void)
{
	tested_free(blame(outside + 32));
}

static void free_unmapped(void)
{
	tested_free(blame((void *)0x123456789000));
}

static void free_non_canonical(void)
{
	tested_free(blame((void *)0xdeadbeefdeadbee0));
}

static void free_inside(void)
{
	char *block = tested_malloc(100);

	memset(block, 'x', 100);
	tested_free(blame(block + 32));
}

static void free_misaligned(void)
{
	tested_free(blame((char *)tested_malloc(100) + 1));
}

// Its header looks like one, but for the check that only this run's key gives.
static void free_forged(void)
{
	char *block = tested_malloc(100);

	memcpy(block, block - HEADER, HEADER);
	tested_free(blame(block + 16));
}

static void expect_message(const char *name, void (*mistake)(void), const char *wanted)
{
	char text[256], expected[64];
	int ends[2], status;
	ssize_t length;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], 2);
		mistake();
		_exit(0);
	}
	close(ends[1]);
	length = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("%s: wait status %#x", name, (unsigned int)status);
	text[length > 0 ? length : 0] = '\0';
	snprintf(expected, sizeof(expected), "malloc: block %p: ", *culprit);
	if (strncmp(text, expected, strlen(expected)) != 0 || !strstr(text, wanted))
		fail_msg("%s: message \"%s\", should be \"%s%s\"", name, text, expected, wanted);
}

#define MISTAKE(name, wanted) expect_message(#name, name, wanted)

static void of_a_size(void)
{
	MISTAKE(free_twice, "freed twice");
	MISTAKE(free_twice_after_merging, "freed twice");
	MISTAKE(free_twice_after_merging_upwards, "freed twice");
	MISTAKE(write_past_the_end, "header is overwritten");
	MISTAKE(write_before_the_start, "header is overwritten");
	MISTAKE(write_after_free, "written to after it was freed");
	MISTAKE(write_after_free_deep_in_a_list, "written to after it was freed");
	MISTAKE(realloc_after_free, "used after it was freed");
}

static void mistakes(void **state)
{
	(void)state;
	culprit = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(culprit != MAP_FAILED);
	size = 40;
	of_a_size();
	size = 40000;
	of_a_size();
	MISTAKE(free_twice_a_mapping, "never allocated");
	MISTAKE(free_static, "never allocated");
	MISTAKE(free_unmapped, "never allocated");
	MISTAKE(free_non_canonical, "never allocated");
	MISTAKE(free_inside, "never allocated");
	MISTAKE(free_misaligned, "never allocated");
	MISTAKE(free_forged, "never allocated");
}

// -- threads, and somebody who watches

static void *thread_main(void *seed)
{
	unsigned char *blocks[64] = {NULL};
	unsigned int random = (unsigned int)(uintptr_t)seed;

	for (int i = 0; i < 20000; i++) {
		int at = rand_r(&random) % 64;
		size_t size = (size_t)rand_r(&random) % 2000 + 1;

		if (blocks[at] && (blocks[at][0] != at || blocks[at][1] != (uintptr_t)seed % 256))
			return "another thread's bytes";
		tested_free(blocks[at]);
		blocks[at] = tested_malloc(size + 1);
		blocks[at][0] = (unsigned char)at;
		blocks[at][1] = (unsigned char)(uintptr_t)seed;
	}
	for (int i = 0; i < 64; i++)
		tested_free(blocks[i]);
	malloc_thread_end();
	tested_free(tested_malloc(100)); // still works
	return NULL;
}

static void threads(void **state)
{
	pthread_t ids[4];
	void *complaint;

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, thread_main, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(ids[i], &complaint);
		assert_null(complaint);
	}
	audit();
	empty_caches();
	assert_int_equal(audit(), 0);
	assert_in_range(cache_count, 1, 5); // one is this thread's
}

// Blocks that others free go back to the cache they came from, and from there are used again.
#define PASSED 64

static void *passed[PASSED];

static void *free_passed(void *ignored)
{
	(void)ignored;
	for (int i = 0; i < PASSED; i++)
		tested_free(passed[i]);
	malloc_thread_end();
	return NULL;
}

static void freed_by_others(void **state)
{
	size_t bytes = 0;
	pthread_t id;

	(void)state;
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < PASSED; i++)
			passed[i] = tested_malloc(500);
		assert_int_equal(pthread_create(&id, NULL, free_passed, NULL), 0);
		pthread_join(id, NULL);
		if (round == 0)
			bytes = heap.bytes;
		assert_int_equal(heap.bytes, bytes);
	}
	audit();
	empty_caches();
	assert_int_equal(audit(), 0);
}

// More came back than the list may hold: what it is told to give away is not taken off its limit.
static void more_than_the_limit(void **state)
{
	unsigned int bin = bin_of(block_size(500));
	pthread_t id;

	(void)state;
	for (int i = 0; i < PASSED; i++)
		passed[i] = tested_malloc(500);
	empty_cache(mine);
	assert_int_equal(pthread_create(&id, NULL, free_passed, NULL), 0);
	pthread_join(id, NULL);
	passed[0] = tested_malloc(500);
	assert_true(mine->lists[bin].room < 0);
	heap_lock();
	for (int i = 0; i < 4; i++) {
		mine->look_at = bin;
		release_unused(mine);
		assert_true(mine->lists[bin].limit >= 0);
	}
	heap_unlock();
	audit();
	for (int i = 1; i < PASSED; i++)
		assert_non_null(passed[i] = tested_malloc(500));
	free_passed(NULL);
	thread_ending = false;
	empty_caches();
	assert_int_equal(audit(), 0);
}

static void *allocate_passed(void *ignored)
{
	(void)ignored;
	for (int i = 0; i < PASSED; i++)
		passed[i] = tested_malloc(500);
	malloc_thread_end();
	return mine;
}

// What a thread had is the next one's, what comes back later too.
static void taken_over(void **state)
{
	pthread_t id;

	(void)state;
	for (int round = 0; round < 20; round++) {
		assert_int_equal(pthread_create(&id, NULL, allocate_passed, NULL), 0);
		pthread_join(id, NULL);
		free_passed(NULL);
		thread_ending = false;
	}
	assert_in_range(cache_count, 1, 2);
	assert_true(heap.bytes <= 2 * GROW_STEP);
	empty_caches();
	assert_int_equal(audit(), 0);
}

static int fork_and_use(void)
{
	int status;
	pid_t child;

	malloc_before_fork();
	child = fork();
	if (child != 0) {
		malloc_after_fork();
		waitpid(child, &status, 0);
		return status;
	}
	malloc_in_child();
	for (int i = 0; i < 1000; i++)
		tested_free(tested_malloc((size_t)i * 50));
	_exit(holding || lock_word);
}

static void forks(void **state)
{
	pthread_t ids[2];

	(void)state;
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, thread_main, (void *)(i + 1)), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(fork_and_use(), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(ids[i], NULL);
	empty_caches();
	assert_int_equal(audit(), 0);
}

static void figures(void **state)
{
	struct mallinfo2 before = tested_mallinfo2(), now;
	void *block = tested_malloc(1000), *kept = tested_malloc(50000);
	void *large = tested_malloc(1 << 20);

	(void)state;
	now = tested_mallinfo2();
	assert_in_range(now.uordblks - before.uordblks, 51000, 51100);
	assert_int_equal(now.hblks, 1);
	assert_in_range(now.hblkhd, 1 << 20, (1 << 20) + 8192);
	assert_int_equal(now.arena, now.uordblks + now.fordblks);
	tested_free(large);
	tested_free(kept);
	tested_free(block);
	now = tested_mallinfo2();
	assert_int_equal(now.uordblks, before.uordblks);
	assert_int_equal(now.hblks + now.hblkhd, 0);
	assert_int_equal(tested_trim(0), 1);
	now = tested_mallinfo2();
	assert_true(now.arena <= 8192);
	assert_int_equal(now.smblks, 0);
	assert_int_equal(tested_trim(0), 0);
	audit();
}

static int steps_seen[MALLOC_UNMAPPED + 1];

static void watch(enum malloc_step step, const void *where, size_t a, size_t b)
{
	(void)where;
	(void)a;
	(void)b;
	steps_seen[step]++;
}

static void narration(void **state)
{
	(void)state;
	malloc_watch(watch);
	tested_free(tested_malloc(100));
	assert_int_equal(steps_seen[MALLOC_ASKED], 1);
	assert_int_equal(steps_seen[MALLOC_SEARCHED], 1);
	assert_int_equal(steps_seen[MALLOC_SPLIT], 1);
	assert_int_equal(steps_seen[MALLOC_GRANTED], 1);
	assert_int_equal(steps_seen[MALLOC_COALESCED], 1);
	assert_int_equal(steps_seen[MALLOC_BRK], 0);
	tested_free(tested_malloc(200 << 10));
	assert_int_equal(steps_seen[MALLOC_MAPPED], 1);
	assert_int_equal(steps_seen[MALLOC_UNMAPPED], 1);
	malloc_watch(NULL);
}

// -- a layer above: everything goes through it, and it uses what is below

#define FRONT 32 // bytes that it puts before each block

static int layer_calls;

static void *layer_allocate(size_t bytes, size_t alignment, bool zeroed)
{
	size_t front = alignment > FRONT ? alignment : FRONT;
	char *payload = bytes > PTRDIFF_MAX ? NULL : malloc_plain(front + bytes, alignment);

	layer_calls++;
	if (!payload)
		return NULL;
	payload += front;
	((size_t *)payload)[-1] = front;
	((size_t *)payload)[-2] = bytes;
	if (zeroed)
		memset(payload, 0, bytes);
	return payload;
}

static void layer_release(void *payload)
{
	layer_calls++;
	malloc_plain_free((char *)payload - ((size_t *)payload)[-1]);
}

static size_t layer_usable(void *payload)
{
	layer_calls++;
	return ((size_t *)payload)[-2];
}

static void *layer_resize(void *payload, size_t bytes)
{
	char *whole = malloc_plain_resize((char *)payload - FRONT, bytes + FRONT);

	layer_calls++;
	if (!whole)
		return NULL;
	((size_t *)(whole + FRONT))[-2] = bytes;
	return whole + FRONT;
}

static void layered(void **state)
{
	static const struct malloc_layer tested = {layer_allocate, layer_release, layer_resize,
						   layer_usable, .thread_end = NULL};
	char *block, *aligned;

	(void)state;
	mine = &no_cache;
	layer = &tested;
	for (size_t bytes = 1; bytes < 3ul << 20; bytes = bytes * 3 + 1) {
		block = tested_calloc(bytes, 1);
		assert_int_equal(tested_usable_size(block), bytes);
		assert_int_equal(block[0] + block[bytes - 1], 0);
		block[bytes - 1] = 'x';
		block = tested_realloc(block, bytes + 100);
		assert_int_equal(block[bytes - 1], 'x');
		assert_int_equal(tested_usable_size(block), bytes + 100);
		aligned = tested_memalign(4096, bytes);
		assert_int_equal((uintptr_t)aligned % 4096, 0);
		tested_free(aligned);
		tested_free(block);
		tested_free(NULL);
	}
	errno = 0;
	assert_null(tested_malloc(SIZE_MAX - 100));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(layer_calls, 14 * 7 + 1);
	layer = NULL;
	empty_caches();
	assert_int_equal(audit(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mistakes),   TEST(threads), TEST(freed_by_others), TEST(more_than_the_limit),
		TEST(taken_over), TEST(forks),   TEST(figures),         TEST(narration),
		TEST(layered),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("malloc_mistakes", tests, NULL, NULL);
}
