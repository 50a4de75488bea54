// SPDX-License-Identifier: MIT
//
// kernel only
// run: --memory 64M
//
// Memory runs out: who is ended for it, and that everybody else goes on. Each scene: one that
// holds much and does nothing, and one that asks for more than is left; both smaller than all of
// memory.
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define RW (PROT_READ | PROT_WRITE)

static long free_kib(void)
{
	char text[4096] = "";
	int fd = open("/proc/meminfo", O_RDONLY);

	check(read(fd, text, sizeof(text) - 1) > 0, "meminfo");
	close(fd);
	return atol(strstr(text, "MemFree:") + 8);
}

static long number_in(const char *file, const char *name)
{
	static char text[16384];
	int fd = open(file, O_RDONLY);
	long length = read(fd, text, sizeof(text) - 1);
	char *at;

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

static void write_file(const char *name, const char *value)
{
	int fd = open(name, O_WRONLY);

	if (write(fd, value, strlen(value)) < 0)
		check(false, name);
	close(fd);
}

static char *take(long kib)
{
	return mmap(NULL, (size_t)kib << 10, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
}

static volatile sig_atomic_t *ready;

// Holds so much, by touching it.
static pid_t holder(long kib, const char *adjustment)
{
	pid_t child;

	*ready = 0;
	child = fork();
	if (child)
		return child;
	write_file("/proc/self/oom_score_adj", adjustment);
	memset(take(kib), 1, (size_t)kib << 10);
	*ready = 1;
	for (;;)
		pause();
}

static int asked_by_touching(long kib)
{
	memset(take(kib), 2, (size_t)kib << 10);
	return 0;
}

// The kernel touches it.
static int asked_by_reading(long kib)
{
	int zero = open("/dev/zero", O_RDONLY);
	char *area = take(kib);
	long got, total = 0;

	kib = kib / 1024 * 1024;
	while (total < kib << 10 && (got = read(zero, area + total, 1 << 20)) > 0)
		total += got;
	return total == kib << 10 ? 0 : 2;
}

// Brought in before it is touched: it must not come back half-way either.
static int asked_by_locking(long kib)
{
	return mlock(take(kib), (size_t)kib << 10) ? 2 : 0;
}

static int asked_by_populating(long kib)
{
	size_t size = (size_t)kib << 10;
	unsigned char *in = malloc(size / PAGE);
	char *area = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return mincore(area, size, in) || memchr(in, 0, size / PAGE) ? 2 : 0;
}

static void scene(const char *name, long held, const char *adjustment, long asked,
		  int (*ask)(long kib), bool asker_lives)
{
	pid_t first = holder(held, adjustment), second;
	int status = 0, state;
	char label[80];

	while (!*ready)
		usleep(1000);
	second = fork();
	if (second == 0)
		_exit(ask(asked));
	waitpid(second, &status, 0);
	snprintf(label, sizeof(label), "%s: who asked %s", name,
		 WIFSIGNALED(status) ? "is ended" : "has it");
	check(WIFSIGNALED(status) ? !asker_lives && WTERMSIG(status) == SIGKILL
				  : asker_lives && WEXITSTATUS(status) == 0,
	      label);
	state = waitpid(first, &status, WNOHANG);
	snprintf(label, sizeof(label), "%s: who held %s", name, state ? "is ended" : "lives");
	check((state == 0) == !asker_lives && (!state || WTERMSIG(status) == SIGKILL), label);
	if (state)
		return;
	kill(first, SIGKILL);
	waitpid(first, &status, 0);
}

int main(void)
{
	long all, before;

	ready = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*ready = 0;
	all = free_kib();
	before = number_in("/proc/vmstat", "oom_kill ");
	scene("the larger", all * 6 / 10, "0", all * 5 / 10, asked_by_touching, true);
	check(number_in("/proc/vmstat", "oom_kill ") == before + 1, "counted");
	scene("the kernel asks", all * 6 / 10, "0", all * 5 / 10, asked_by_reading, true);
	scene("mlock asks", all * 6 / 10, "0", all * 5 / 10, asked_by_locking, true);
	scene("mmap asks", all * 6 / 10, "0", all * 5 / 10, asked_by_populating, true);
	scene("who locks is larger", all * 4 / 10, "0", all * 8 / 10, asked_by_locking, false);
	scene("who asks is larger", all * 4 / 10, "0", all * 8 / 10, asked_by_touching, false);
	scene("adjusted up", all * 4 / 10, "900", all * 8 / 10, asked_by_touching, true);
	scene("never", all * 6 / 10, "-1000", all * 5 / 10, asked_by_touching, false);
	write_file("/proc/sys/vm/oom_kill_allocating_task", "1");
	scene("who asks", all * 6 / 10, "0", all * 5 / 10, asked_by_touching, false);
	write_file("/proc/sys/vm/oom_kill_allocating_task", "0");
	check(number_in("/proc/vmstat", "oom_kill ") == before + 9, "all counted");
	check(number_in("/sys/kernel/debug/faultline/log", "Out of memory: Killed process ") > 1,
	      "and logged");
	check(free_kib() > all - 2048, "all is free again");
	return tap_end();
}
