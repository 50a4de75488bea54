// SPDX-License-Identifier: MIT
//
// The settings of /proc/sys/vm at work: what programs are promised, and what they are refused. Not
// on Linux, where they are the whole machine's:
//
// kernel only
// run: --cpus 2 --append sysctl.vm.user_reserve_kbytes=1234
#include <fcntl.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define MIB     (1ul << 20)

static void set(const char *name, long value)
{
	char path[80], text[24];
	int length = snprintf(text, sizeof(text), "%ld\n", value);
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", name);
	fd = open(path, O_WRONLY);
	check(write(fd, text, length) == length, name);
	close(fd);
}

// A line of /proc/meminfo, in bytes.
static size_t meminfo(const char *name)
{
	static char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t length = read(fd, text, sizeof(text) - 1);
	char *line;

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, name);
	return line ? strtoul(line + strlen(name) + 1, NULL, 10) * 1024 : 0;
}

static bool can_map(size_t size, int flags)
{
	void *memory = mmap(NULL, size, RW, PRIVATE | flags, -1, 0);

	return memory != MAP_FAILED && munmap(memory, size) == 0;
}

static void counting(void)
{
	size_t before = meminfo("Committed_AS");
	char *memory = mmap(NULL, 64 * MIB, RW, PRIVATE, -1, 0);

	check(before > 0, "programs have been promised something");
	check(meminfo("Committed_AS") == before + 64 * MIB, "64 MiB more are promised");
	munmap(memory, 16 * MIB);
	check(meminfo("Committed_AS") == before + 48 * MIB, "16 MiB less");
	mprotect(memory + 16 * MIB, 48 * MIB, PROT_NONE);
	check(meminfo("Committed_AS") == before, "nothing for what can not be touched");
	munmap(memory + 16 * MIB, 48 * MIB);
}

// A file in memory counts by the pages it has.
static void files(void)
{
	size_t before = meminfo("Committed_AS");
	static char bytes[64 * PAGE];
	int fd = open("/overcommit.file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *shared;

	check(write(fd, bytes, sizeof(bytes)) == sizeof(bytes), "a file is written");
	check(meminfo("Committed_AS") == before + 64 * PAGE, "its pages are promised");
	check(ftruncate(fd, 128 * PAGE) == 0, "it becomes longer");
	check(meminfo("Committed_AS") == before + 64 * PAGE, "by a hole");
	shared = mmap(NULL, 128 * PAGE, RW, MAP_SHARED, fd, 0);
	shared[100 * PAGE] = 1;
	check(meminfo("Committed_AS") == before + 65 * PAGE, "a page of it is written to");
	check(ftruncate(fd, 32 * PAGE) == 0, "it becomes shorter");
	check(meminfo("Committed_AS") == before + 32 * PAGE, "what is left");
	munmap(shared, 128 * PAGE);
	close(fd);
	unlink("/overcommit.file");
	check(meminfo("Committed_AS") == before, "nothing is left");
}

static void policies(void)
{
	size_t ram = meminfo("MemTotal");

	check(can_map(ram / 2, 0) && can_map(ram, 0), "as much as there is");
	check(!can_map(ram + PAGE, 0), "not more at once");
	check(can_map(100 * ram, MAP_NORESERVE), "unless it is asked not to count");
	set("overcommit_memory", 1);
	check(can_map(100 * ram, 0), "everything");
	set("overcommit_memory", 2);
	check(!can_map(meminfo("CommitLimit"), 0), "less than the limit");
	check(!can_map(100 * ram, MAP_NORESERVE), "whatever is asked");
	check(meminfo("CommitLimit") == ram / 4096 / 2 * 4096, "half of RAM");
	set("overcommit_ratio", 25);
	check(meminfo("CommitLimit") == ram / 4096 / 4 * 4096, "a quarter");
	set("overcommit_kbytes", 32 * 1024);
	check(meminfo("CommitLimit") == 32 * MIB, "32 MiB");
	check(!can_map(32 * MIB, 0), "and no more");
	set("overcommit_ratio", 50);
	set("overcommit_memory", 0);
}

static int fork_it(void)
{
	return fork() < 0 && errno == ENOMEM ? 0 : 1;
}

static void fork_is_refused(void)
{
	size_t left = 8 * MIB;
	char *memory = mmap(NULL, 16 * MIB, RW, PRIVATE, -1, 0);

	set("overcommit_kbytes", (meminfo("Committed_AS") + left) / 1024);
	set("overcommit_memory", 2);
	check(fork_it() == 0, "fork of more than is left");
	munmap(memory, 16 * MIB);
	set("overcommit_memory", 0);
	set("overcommit_ratio", 50);
}

static void number_of_mappings(void)
{
	int count = 0;
	char *area;

	set("max_map_count", 50);
	// Two kinds in turn, so that they do not become one.
	while (mmap(NULL, PAGE, count % 2 ? RW : PROT_READ, PRIVATE, -1, 0) != MAP_FAILED)
		count++;
	check(count > 30 && count <= 51, "as many as there may be");
	set("max_map_count", 65530);
	area = mmap(NULL, 3 * PAGE, RW, PRIVATE, -1, 0);
	set("max_map_count", 0);
	check(munmap(area + PAGE, PAGE) == -1 && errno == ENOMEM, "no hole in the middle");
	check(munmap(area, PAGE) == 0, "but one at the end");
	set("max_map_count", 65530);
}

// Several at once: in the end everything promised has been taken back.
static int take_and_give(void)
{
	for (int i = 0; i < 300; i++) {
		char *area = mmap(NULL, 64 * PAGE, PROT_NONE, PRIVATE, -1, 0);

		mprotect(area + i % 32 * PAGE, 8 * PAGE, RW);
		area[i % 32 * PAGE] = 1;
		if (i % 16 == 0 && fork() == 0)
			_exit(0);
		munmap(area + PAGE, 31 * PAGE);
		munmap(area, 64 * PAGE);
	}
	while (wait(NULL) > 0)
		continue;
	return 0;
}

static void several(void)
{
	size_t before = meminfo("Committed_AS");
	int status, failed = 0;

	set("overcommit_memory", 2);
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			_exit(take_and_give());
	while (wait(&status) > 0)
		failed += status != 0;
	set("overcommit_memory", 0);
	check(!failed, "four at once");
	check(meminfo("Committed_AS") == before, "nothing stays promised");
}

static void boot_option(void)
{
	char text[16] = "";
	int fd = open("/proc/sys/vm/user_reserve_kbytes", O_RDONLY);

	check(read(fd, text, sizeof(text) - 1) == 5 && strcmp(text, "1234\n") == 0,
	      "as the boot option says");
	close(fd);
}

int main(void)
{
	boot_option();
	counting();
	files();
	policies();
	fork_is_refused();
	number_of_mappings();
	several();
	return tap_end();
}
