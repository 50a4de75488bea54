// SPDX-License-Identifier: MIT
//
// run: --cpus 4
//
// epoll where it could go wrong: chains and nets of epolls that grow from above, several who wait
// for one event that only one may have, and files that are closed while a poll waits for an epoll.
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "tests/ring3/tap.h"

#define CHAIN   200
#define LAYERS  4
#define WIDTH   40
#define WAITERS 4
#define ROUNDS  300

static int add(int set, int file, unsigned events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(set, EPOLL_CTL_ADD, file, &event);
}

static void chain_from_above(void)
{
	struct epoll_event event;
	int sets[CHAIN], length;

	for (length = 0; length < CHAIN; length++) {
		sets[length] = epoll_create1(0);
		if (length && add(sets[length - 1], sets[length], EPOLLIN))
			break;
	}
	show("a chain that grows at its end ends after", length);
	show("looked at", epoll_wait(sets[0], &event, 1, 0));
	show("one before it", add(sets[length], sets[0], EPOLLIN));
	for (int i = 0; i <= length && i < CHAIN; i++)
		close(sets[i]);
}

// Everyone of a layer watches everyone of the next: ways from top to bottom are WIDTH^LAYERS.
static void net(void)
{
	static int sets[LAYERS][WIDTH];
	struct epoll_event event;
	int leaf = eventfd(1, 0), refused = 0;

	for (int layer = 0; layer < LAYERS; layer++)
		for (int i = 0; i < WIDTH; i++)
			sets[layer][i] = epoll_create1(0);
	for (int i = 0; i < WIDTH; i++)
		add(sets[LAYERS - 1][i], leaf, EPOLLIN);
	for (int layer = LAYERS - 1; layer > 0; layer--) {
		for (int i = 0; i < WIDTH * WIDTH && refused != EINVAL; i++)
			if (add(sets[layer - 1][i / WIDTH], sets[layer][i % WIDTH], EPOLLIN))
				refused = errno;
	}
	check(refused == EINVAL, "too many ways from one epoll to a file are refused");
	check(epoll_wait(sets[LAYERS - 2][0], &event, 1, 0) == 1, "what was not is there");
	for (int layer = 0; layer < LAYERS; layer++)
		for (int i = 0; i < WIDTH; i++)
			close(sets[layer][i]);
	close(leaf);
}

// ---- one event, several who wait ----
static int set, counter, done;
static unsigned got;
static pthread_barrier_t together;

static void *waits(void *argument)
{
	struct epoll_event event;
	(void)argument;

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&together);
		if (epoll_wait(set, &event, 1, 0) == 1)
			__atomic_add_fetch(&got, 1, __ATOMIC_RELAXED);
		pthread_barrier_wait(&together);
	}
	return NULL;
}

static void only_one(unsigned mode, const char *name)
{
	struct epoll_event event = {.events = EPOLLIN | mode};
	pthread_t threads[WAITERS];
	unsigned wrong = 0;

	set = epoll_create1(0);
	counter = eventfd(0, EFD_NONBLOCK);
	add(set, counter, EPOLLIN | mode);
	pthread_barrier_init(&together, NULL, WAITERS + 1);
	for (int i = 0; i < WAITERS; i++)
		pthread_create(&threads[i], NULL, waits, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		got = 0;
		epoll_ctl(set, EPOLL_CTL_MOD, counter, &event);
		eventfd_write(counter, 1);
		pthread_barrier_wait(&together);
		pthread_barrier_wait(&together);
		wrong += got != 1;
	}
	for (int i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	if (!check(!wrong, name))
		printf("# %u of %d rounds\n", wrong, ROUNDS);
	close(set);
	close(counter);
}

// ---- a file that ends while others look at it, through poll and through epoll_wait ----
static int watched[2];

static void *polls_on(void *argument)
{
	struct pollfd requests[] = {{.fd = set, .events = POLLIN}, {.fd = done, .events = POLLIN}};

	(void)argument;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&together);
		poll(requests, 2, -1);
		pthread_barrier_wait(&together);
	}
	return NULL;
}

static void *waits_on(void *argument)
{
	struct epoll_event event;

	(void)argument;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&together);
		epoll_wait(set, &event, 1, -1);
		pthread_barrier_wait(&together);
	}
	return NULL;
}

// The reader gets the end of the pipe, however many look at its other end, or begin to just now.
static void closed_while_looked_at(void)
{
	pthread_t threads[WAITERS];
	long ends = 0;
	uint64_t count;
	char byte;

	set = epoll_create1(0);
	done = eventfd(0, EFD_NONBLOCK);
	add(set, done, EPOLLIN);
	pthread_barrier_init(&together, NULL, WAITERS + 1);
	for (int i = 0; i < WAITERS; i++)
		pthread_create(&threads[i], NULL, i % 2 ? polls_on : waits_on, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		if (pipe(watched))
			exit(1);
		add(set, watched[1], EPOLLERR);
		pthread_barrier_wait(&together);
		for (volatile int i = 0; i < round * 40; i++)
			;
		close(watched[1]);
		alarm(10);
		ends += read(watched[0], &byte, 1) == 0;
		alarm(0);
		close(watched[0]);
		eventfd_write(done, 1);
		pthread_barrier_wait(&together);
		eventfd_read(done, &count);
	}
	for (int i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	show("ends of pipes", ends);
	close(set);
	close(done);
}

// ---- the same, with nobody to look but one who sleeps ----
static void *polls(void *argument)
{
	struct pollfd requests[] = {{.fd = set, .events = POLLIN}, {.fd = done, .events = POLLIN}};

	(void)argument;
	return (void *)(intptr_t)poll(requests, 2, -1);
}

static void closed_while_polled(void)
{
	int ends[2];
	char byte;
	pthread_t thread;
	void *result;

	set = epoll_create1(0);
	done = eventfd(0, 0);
	if (pipe(ends))
		exit(1);
	add(set, ends[1], EPOLLERR);
	pthread_create(&thread, NULL, polls, NULL);
	usleep(20000); // whoever is late makes the test easier, not wrong
	close(ends[1]);
	alarm(10);
	show("the pipe's reader gets", read(ends[0], &byte, 1));
	alarm(0);
	eventfd_write(done, 1);
	pthread_join(thread, &result);
	show("poll", (intptr_t)result);
	close(ends[0]);
	close(done);
	close(set);
}

int main(void)
{
	chain_from_above();
	net();
	only_one(EPOLLONESHOT, "an event that is told once is told to one");
	only_one(EPOLLET, "an edge is told to one");
	closed_while_polled();
	closed_while_looked_at();
	return tap_end();
}
