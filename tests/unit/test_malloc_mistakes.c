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

// What the message has to name.
static void *blame(void *block)
{
	*culprit = block;
	return block;
}

static void free_twice(void)
{
	void *block = blame(tested_malloc(40));

	tested_malloc(40);
	tested_free(block);
	tested_free(block);
}

static void free_twice_after_merging(void)
{
	void *below = tested_malloc(40), *block = blame(tested_malloc(40));

	tested_malloc(40);
	tested_free(below);
	tested_free(block);
	tested_free(block);
}

static void free_twice_after_merging_upwards(void)
{
	void *below = tested_malloc(40), *block = blame(tested_malloc(40));

	tested_malloc(40);
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
	char *block = tested_malloc(40);

	blame(tested_malloc(40));
	block[48] ^= 1;
	tested_free(block);
}

static void write_before_the_start(void)
{
	char *block = blame(tested_malloc(40));

	block[-5] ^= 1;
	tested_free(block);
}

static void write_after_free(void)
{
	char *block = blame(tested_malloc(40));

	tested_malloc(40);
	tested_free(block);
	block[3] ^= 1;
	tested_malloc(40);
}

static void write_after_free_deep_in_a_list(void)
{
	char *blocks[6];

	for (int i = 0; i < 6; i++)
		blocks[i] = tested_malloc(40);
	for (int i = 0; i < 6; i += 2)
		tested_free(blocks[i]);
	*(void **)blame(blocks[2]) = outside;
	tested_malloc(40); // takes blocks[4], whose neighbour in the list it is
}

static void realloc_after_free(void)
{
	void *block = blame(tested_malloc(40));

	tested_malloc(40);
	tested_free(block);
	tested_realloc(block, 100);
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

static void mistakes(void **state)
{
	(void)state;
	culprit = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(culprit != MAP_FAILED);
	MISTAKE(free_twice, "freed twice");
	MISTAKE(free_twice_after_merging, "freed twice");
	MISTAKE(free_twice_after_merging_upwards, "freed twice");
	MISTAKE(free_twice_a_mapping, "never allocated");
	MISTAKE(write_past_the_end, "from the block below");
	MISTAKE(write_before_the_start, "header is overwritten");
	MISTAKE(write_after_free, "written to after it was freed");
	MISTAKE(write_after_free_deep_in_a_list, "written to after it was freed");
	MISTAKE(realloc_after_free, "used after it was freed");
	MISTAKE(free_static, "never allocated");
	MISTAKE(free_unmapped, "never allocated");
	MISTAKE(free_non_canonical, "never allocated");
	MISTAKE(free_inside, "never allocated");
	MISTAKE(free_misaligned, "never allocated");
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
	assert_int_equal(audit(), 0);
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
	malloc_narrate = watch;
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
	malloc_narrate = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mistakes),
		TEST(threads),
		TEST(narration),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("malloc_mistakes", tests, NULL, NULL);
}
