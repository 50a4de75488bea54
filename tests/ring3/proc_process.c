// SPDX-License-Identifier: MIT
//
// /proc/self: files that steer (oom_score_adj, clear_refs), that tell where things are (auxv,
// stat, wchan), and that tell of descriptors (fdinfo). Printed is what does not differ from
// machine to machine.
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define RW (PROT_READ | PROT_WRITE)

static char text[65536];
static int initialised = 1;

static long read_file(const char *name)
{
	int fd = open(name, O_RDONLY);
	long total = 0, got;

	while (fd >= 0 && (got = read(fd, text + total, sizeof(text) - 1 - (size_t)total)) > 0)
		total += got;
	text[total] = '\0';
	close(fd);
	return fd < 0 ? -1 : total;
}

static unsigned long status_number(const char *name)
{
	char *at = read_file("/proc/self/status") > 0 ? strstr(text, name) : NULL;

	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

// ---- oom_score_adj ----
static int adjustment; // the file, open for writing

static void adjust(const char *value)
{
	char label[80];

	snprintf(label, sizeof(label), "oom_score_adj <- \"%s\"", value);
	for (char *at = label; *at; at++)
		if (*at == '\n')
			*at = '~';
	show(label, pwrite(adjustment, value, strlen(value), 0));
}

static int adjusted(void)
{
	read_file("/proc/self/oom_score_adj");
	return atoi(text);
}

static int unprivileged(void)
{
	if (getuid() == 0)
		syscall(SYS_setresuid, 65534, 65534, 65534);
	printf("# without privilege:\n");
	adjust("200");
	adjust("-1");
	adjust("-1000");
	show("what it is", adjusted());
	return 0;
}

static void scores(void)
{
	static const char *const values[] = {
		"100",  " 300\n", "+7",     "0x10", "-1001",       "1001",       "",
		"\n",   "x",      "5 6",    "5x",   "99999999999", "4294967297", "1000000000000",
		"1000", "0",      "100\n\n"};
	long before;

	adjustment = open("/proc/self/oom_score_adj", O_WRONLY);
	adjust("0");
	read_file("/proc/self/oom_score");
	before = atol(text);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		adjust(values[i]);
	show("what it is", adjusted());
	read_file("/proc/self/oom_score");
	check(atol(text) > before, "the score goes up with it");
	fflush(stdout);
	show_status("a child has it too", in_child(unprivileged));
	adjust("0");
}

// ---- clear_refs ----
static void clear(const char *value)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	char label[40];

	snprintf(label, sizeof(label), "clear_refs <- \"%.*s\"", (int)strcspn(value, "\n"), value);
	show(label, write(fd, value, strlen(value)));
	close(fd);
}

// The TLB is emptied by unmapping many pages at once: Linux does not do it for clear_refs.
static void flush(void)
{
	char *many = mmap(NULL, 100 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	munmap(many, 100 * PAGE);
}

// A line of the mapping at `start`, in KiB.
static long smaps_line(const char *start, const char *name)
{
	char wanted[32], *at;

	snprintf(wanted, sizeof(wanted), "%lx-", (unsigned long)start);
	read_file("/proc/self/smaps");
	at = strstr(text, wanted);
	at = at ? strstr(at, name) : NULL;
	return at ? atol(at + strlen(name)) : -1;
}

static void references(void)
{
	static const char *const wrong[] = {"0", "6", "-1", "x", "", "0x1", "99999999999"};
	char *map = mmap((void *)0x200000000, 8 * PAGE, RW,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	memset(map, 1, 6 * PAGE);
	show("referenced", smaps_line(map, "\nReferenced:"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		clear(wrong[i]);
	show("still", smaps_line(map, "\nReferenced:"));
	clear("3");
	show("of files only", smaps_line(map, "\nReferenced:"));
	clear("1");
	show("none", smaps_line(map, "\nReferenced:"));
	show("but all are there", smaps_line(map, "\nRss:"));
	flush();
	map[PAGE] = map[3 * PAGE] = 2;
	show("used since", smaps_line(map, "\nReferenced:"));
	clear("2\n");
	show("anonymous ones", smaps_line(map, "\nReferenced:"));
	check(open("/proc/self/clear_refs", O_RDONLY) < 0 || getuid() == 0, "not to be read");
	munmap(map, 8 * PAGE);
}

static void peak(void)
{
	size_t size = 8 << 20;
	char *map = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	unsigned long before, after;

	munmap(map, size);
	before = status_number("VmHWM:");
	clear("5");
	after = status_number("VmHWM:");
	check(before - after > 7000 && after >= status_number("VmRSS:"), "the peak is what is");
}

// ---- where things are ----
static unsigned long field(int number)
{
	char *at = strrchr(text, ')') + 2;

	for (int i = 3; i < number; i++)
		at = strchr(at, ' ') + 1;
	return strtoul(at, NULL, 10);
}

static void bounds(void)
{
	unsigned long code = (unsigned long)bounds, data = (unsigned long)&initialised;

	read_file("/proc/self/stat");
	check(field(26) <= code && code < field(27), "code is where stat says");
	check(field(45) <= data && data < field(46), "so is data");
	check(field(47) <= (unsigned long)sbrk(0), "and the heap");
	check(field(48) < field(49) && field(49) <= field(50) && field(50) < field(51),
	      "arguments, then the environment");
	check(status_number("VmExe:") > 0 && status_number("VmExe:") < 2000, "VmExe");
}

static void auxiliary(void)
{
	long length = read_file("/proc/self/auxv");
	const Elf64_auxv_t *entry = (const void *)text;
	int wrong = 0;

	check(length > 0 && length % (long)sizeof(*entry) == 0, "auxv: whole entries");
	for (; entry->a_type != AT_NULL; entry++)
		wrong += getauxval(entry->a_type) != entry->a_un.a_val;
	show("of them wrong", wrong);
	check(entry > (const Elf64_auxv_t *)text + 10, "and enough of them");
}

static void waiting(void)
{
	char name[40];
	pid_t child = fork();
	int status;

	if (child == 0)
		for (;;)
			pause();
	read_file("/proc/self/wchan");
	check(!strcmp(text, "0"), "who runs waits nowhere");
	snprintf(name, sizeof(name), "/proc/%d/wchan", child);
	while (read_file(name) > 0 && !strcmp(text, "0"))
		continue;
	check(strlen(text) > 3, "who sleeps waits in a function");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

// A file of tmpfs is in memory only, however it is mapped; a copy of its page is not.
static void file_in_memory(unsigned long before)
{
	int fd = memfd_create("memory", 0);
	volatile char *map;

	check(!ftruncate(fd, 8 * PAGE) && pwrite(fd, "x", 1, 0) == 1, "a file in memory");
	map = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	show("copies of its pages", (long)(status_number("RssShmem:") - before));
	munmap((void *)map, 8 * PAGE);
	map = mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	show("its pages", (long)(status_number("RssShmem:") - before));
	munmap((void *)map, 8 * PAGE);
	close(fd);
}

static void shared_memory(void)
{
	unsigned long before = status_number("RssShmem:"), file = status_number("RssFile:");
	char *map = mmap(NULL, 8 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(map, 1, 5 * PAGE);
	show("shared memory", (long)(status_number("RssShmem:") - before));
	check(status_number("RssFile:") - file < 100, "and not a file's");
	munmap(map, 8 * PAGE);
	show("afterwards", (long)(status_number("RssShmem:") - before));
	file_in_memory(before);
}

// ---- fdinfo ----
static void descriptors(void)
{
	char name[40];
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), ends[2];
	unsigned long inode = 0;
	struct stat status;
	char *at;

	lseek(fd, 7, SEEK_SET);
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	read_file(name);
	at = strstr(text, "mnt_id:\t");
	printf("# %.*s", at ? (int)(at - text) : 0, text);
	at = strstr(text, "\nino:\t");
	if (at)
		inode = strtoul(at + 6, NULL, 10);
	check(fstat(fd, &status) == 0 && inode == status.st_ino, "its inode");
	close(fd);
	show("closed", read_file(name));
	show("no number", read_file("/proc/self/fdinfo/x"));
	show("00", read_file("/proc/self/fdinfo/00"));
	check(pipe2(ends, O_NONBLOCK) == 0, "a pipe");
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", ends[1]);
	read_file(name);
	at = strstr(text, "mnt_id:\t");
	printf("# %.*s", at ? (int)(at - text) : 0, text);
	fflush(stdout);
}

int main(void)
{
	scores();
	references();
	peak();
	bounds();
	auxiliary();
	waiting();
	shared_memory();
	descriptors();
	return tap_end();
}
