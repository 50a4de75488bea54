// SPDX-License-Identifier: MIT
//
// kernel only
// run: --memory 64M --cpus 4
//
// Memory runs out on several CPUs at once, while others end on their own and give theirs back: the
// one that is meant is ended, and nobody else. Those who ask have signals to handle meanwhile.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include "tests/ring3/tap.h"

#define RW     (PROT_READ | PROT_WRITE)
#define ROUNDS 3
#define ASKERS 3

static volatile sig_atomic_t *ready, *go, *prepared;

static long free_kib(void)
{
	char text[4096] = "";
	int fd = open("/proc/meminfo", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) <= 0)
		exit(1);
	close(fd);
	return atol(strstr(text, "MemFree:") + 8);
}

static char *take(long kib)
{
	return mmap(NULL, (size_t)kib << 10, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
}

static pid_t holder(long kib)
{
	pid_t child;
	int fd;

	*ready = 0;
	child = fork();
	if (child)
		return child;
	fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (write(fd, "900", 3) != 3)
		_exit(1);
	memset(take(kib), 1, (size_t)kib << 10);
	*ready = 1;
	for (;;)
		pause();
}

static void ignore(int signal)
{
	(void)signal;
}

// 0: has had it all, by its own hands or the kernel's. What can fail is done before it goes.
static int ask(long kib, bool reads)
{
	const struct itimerval often = {{0, 2000}, {0, 2000}};
	int zero = open("/dev/zero", O_RDONLY);
	char *area = take(kib);
	long got;

	if (zero < 0 || area == MAP_FAILED)
		return 3;
	signal(SIGALRM, ignore);
	setitimer(ITIMER_REAL, &often, NULL);
	__atomic_add_fetch(prepared, 1, __ATOMIC_RELEASE);
	while (!*go)
		usleep(1000);
	if (!reads)
		memset(area, 2, (size_t)kib << 10);
	for (long total = 0; reads && total < kib << 10; total += got) {
		got = (kib << 10) - total;
		got = read(zero, area + total, got < 1 << 20 ? (size_t)got : 1 << 20);
		if (got <= 0)
			return 2;
	}
	return 0;
}

static void storm(long all, bool reads, const char *name)
{
	int status, wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		pid_t first = holder(all * 7 / 10), askers[ASKERS];

		*go = *prepared = 0;
		while (!*ready)
			usleep(1000);
		for (int i = 0; i < ASKERS; i++) {
			askers[i] = fork();
			if (askers[i] == 0)
				_exit(ask(all * 2 / 10, reads));
		}
		while (__atomic_load_n(prepared, __ATOMIC_ACQUIRE) < ASKERS)
			usleep(1000);
		*go = 1;
		for (int i = 0; i < ASKERS; i++) {
			waitpid(askers[i], &status, 0);
			if (!status)
				continue;
			show_status("who asked", status);
			wrong++;
		}
		kill(first, SIGKILL);
		waitpid(first, &status, 0);
	}
	check(!wrong, name);
}

int main(void)
{
	long all;

	ready = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	go = ready + 1;
	prepared = ready + 2;
	*ready = 0;
	all = free_kib();
	storm(all, false, "who touched memory has it");
	storm(all, true, "whom the kernel wrote for has it");
	return tap_end();
}
