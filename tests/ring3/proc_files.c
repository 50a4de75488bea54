// SPDX-License-Identifier: MIT
//
// /proc/self: that its files have Linux's form, and that what they say is so. Numbers differ from
// kernel to kernel; what is printed is how they relate.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "tests/ring3/tap.h"

static char text[65536];

// The whole of a file, read `piece` bytes at a time; its length.
static long read_file(const char *name, size_t piece)
{
	int fd = open(name, O_RDONLY);
	long total = 0, got;

	while (fd >= 0 && total < (long)sizeof(text) - 1) {
		size_t room = sizeof(text) - 1 - (size_t)total;

		got = read(fd, text + total, piece < room ? piece : room);
		if (got <= 0)
			break;
		total += got;
	}
	text[total] = '\0';
	close(fd);
	return fd < 0 ? -1 : total;
}

static unsigned long field(int number)
{
	char *at = strrchr(text, ')') + 2;

	for (int i = 3; i < number; i++)
		at = strchr(at, ' ') + 1;
	return strtoul(at, NULL, 10);
}

static void stat_file(void)
{
	int fields = 2;

	check(read_file("/proc/self/stat", 4096) > 0, "stat");
	check(atoi(text) == getpid(), "pid");
	check(strstr(text, " (proc_files) R ") != NULL, "name and state");
	for (char *at = strrchr(text, ')'); *at; at++)
		fields += *at == ' ';
	show("fields", fields);
	check(field(4) == (unsigned long)getppid(), "parent");
	check(field(5) == (unsigned long)getpgrp(), "group");
	check(field(10) > 0, "minor faults");
	show("threads", (long)field(20));
	check(field(23) > PAGE && field(23) % PAGE == 0, "size");
	show("ends its line", text[strlen(text) - 1] == '\n');
}

static void statm_file(void)
{
	unsigned long size, resident, shared, code, library, data, dirty;
	int got;

	check(read_file("/proc/self/statm", 4096) > 0, "statm");
	got = sscanf(text, "%lu %lu %lu %lu %lu %lu %lu\n", &size, &resident, &shared, &code,
		     &library, &data, &dirty);
	show("numbers", got);
	check(size > resident && resident > shared && code > 0 && data > 0, "in order");
	show("library", (long)library);
	show("dirty", (long)dirty);
}

static unsigned long status_number_in(const char *name, int base)
{
	char *at = strstr(text, name);

	return at ? strtoul(at + strlen(name), NULL, base) : 0;
}

static unsigned long status_number(const char *name)
{
	return status_number_in(name, 10);
}

static void status_file(void)
{
	static const char *const names[] = {
		"Name:\tproc_files\n",
		"State:\tR (running)\n",
		"\nTgid:\t",
		"\nPid:\t",
		"\nPPid:\t",
		"\nUid:\t",
		"\nGid:\t",
		"\nVmPeak:\t",
		"\nVmSize:\t",
		"\nVmLck:\t       0 kB\n",
		"\nVmHWM:\t",
		"\nVmRSS:\t",
		"\nRssAnon:\t",
		"\nRssFile:\t",
		"\nRssShmem:\t",
		"\nVmData:\t",
		"\nVmStk:\t",
		"\nVmExe:\t",
		"\nVmLib:\t",
		"\nVmPTE:\t",
		"\nVmSwap:\t",
		"\nThreads:\t1\n",
		"\nSigIgn:\t",
	};

	check(read_file("/proc/self/status", 7) > 0, "status, seven bytes at a time");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		check(strstr(text, names[i]) != NULL, names[i][0] == '\n' ? names[i] + 1 : "line");
	check(status_number("VmRSS:") == status_number("RssAnon:") + status_number("RssFile:") +
						 status_number("RssShmem:"),
	      "resident is the sum of its kinds");
	// What glibc's posix_spawn starts, as under make, ignores the two that are glibc's own.
	check((status_number_in("SigIgn:", 16) & ~0x180000000UL) == 0, "no signal is ignored");
	check(status_number("VmPeak:") >= status_number("VmSize:"), "peak and size");
	check(status_number("VmHWM:") >= status_number("VmRSS:"), "highest and now");
}

static void peak(void)
{
	size_t size = 100 << 20;
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long before;

	read_file("/proc/self/status", 4096);
	before = status_number("VmSize:");
	munmap(map, size);
	read_file("/proc/self/status", 4096);
	check(status_number("VmPeak:") == before, "the peak stays");
	check(before - status_number("VmSize:") == size >> 10, "the size does not");
}

// The line of an address: its permissions and name, or "none".
static const char *map_of(const void *address)
{
	static char answer[300];
	unsigned long start, end, wanted = (unsigned long)address;
	char permissions[8], name[200];

	read_file("/proc/self/maps", 4096);
	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		char *end_of_line = strchr(line, '\n');

		name[0] = '\0';
		*end_of_line = '\0'; // a blank in a format would skip it
		if (sscanf(line, "%lx-%lx %7s %*x %*x:%*x %*u %199[^\n]", &start, &end,
			   permissions, name) < 3)
			return "malformed";
		*end_of_line = '\n';
		if (wanted < start || wanted >= end)
			continue;
		if (name[0] == '/')
			strcpy(name, "a file");
		snprintf(answer, sizeof(answer), "%s %s", permissions, name);
		return answer;
	}
	return "none";
}

static void maps_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY), local;
	char *map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE), *line;

	printf("# code: %s\n", map_of((void *)maps_file));
	printf("# data: %s\n", map_of(&tap_count));
	printf("# stack: %s\n", map_of(&local));
	printf("# a file: %s\n", map_of(map));
	line = strstr(text, " 00001000 ");
	check(line != NULL, "its offset");
	// The name stands in column 73, whatever is before it.
	line = strstr(text, "[stack]");
	check(line && (line == text || line[-1] == ' '), "a name after blanks");
	while (line > text && line[-1] != '\n')
		line--;
	show("column of the name", (long)(strstr(line, "[stack]") - line));
	munmap(map, PAGE);
	printf("# unmapped: %s\n", map_of(map));
	map = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(strncmp(map_of(map), "---s", 4) == 0, "shared, no access");
	close(fd);
}

// Many VMAs: what is read piece by piece, forwards and backwards, is one text.
static void long_maps(void)
{
	static char whole[400000], part[1000];
	char *area = mmap(NULL, 2000 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long total = 0, got, lines = 0, same = 1;
	int fd = open("/proc/self/maps", O_RDONLY);

	for (int i = 0; i < 2000; i += 2)
		mprotect(area + i * PAGE, PAGE, PROT_NONE);
	while ((got = read(fd, whole + total, 3000)) > 0)
		total += got;
	for (long i = 0; i < total; i++)
		lines += whole[i] == '\n';
	check(lines >= 2000 && lines < 2030, "a line for each");
	for (long at = total - 1000; at > 0; at -= 7001) {
		got = pread(fd, part, sizeof(part), at);
		same &= got > 0 && memcmp(part, whole + at, (size_t)got) == 0;
	}
	check(same, "the same from anywhere");
	show("behind the end", pread(fd, part, 10, total));
	show("far behind", pread(fd, part, 10, 1l << 40));
	munmap(area, 2000 * PAGE);
	close(fd);
}

static void strings(void)
{
	char expected[300];
	long length = readlink("/proc/self/exe", expected, sizeof(expected) - 1);

	expected[length < 0 ? 0 : length] = '\0';
	check(strstr(expected, "/proc_files") != NULL, "exe");
	length = read_file("/proc/self/cmdline", 4096);
	check(length > 10 && strstr(text, "proc_files") && text[length - 1] == '\0', "cmdline");
	check(read_file("/proc/self/comm", 4096) == 11 && !strcmp(text, "proc_files\n"), "comm");
	check(read_file("/proc/self/environ", 4096) >= 0, "environ");
	snprintf(expected, sizeof(expected), "/proc/%d/comm", getpid());
	check(read_file(expected, 1) == 11, "the same by its number");
}

// What reading in pieces, seeking and re-reading give.
static void positions(void)
{
	int fd = open("/proc/self/comm", O_RDONLY);
	char bytes[8] = "";

	show("read", read(fd, bytes, 4));
	show("lseek", lseek(fd, 1, SEEK_SET));
	check(read(fd, bytes, 3) == 3 && memcmp(bytes, "roc", 3) == 0, "from there");
	check(pread(fd, bytes, 4, 5) == 4 && memcmp(bytes, "file", 4) == 0, "pread");
	show("position", lseek(fd, 0, SEEK_CUR));
	show("past the end", pread(fd, bytes, 4, 1000));
	show("to nowhere", pread(fd, (char *)8, 4, 0));
	show("write", write(fd, "x", 1));
	close(fd);
	show("a file that is not there", open("/proc/self/nothing", O_RDONLY));
}

static int child_of(void)
{
	read_file("/proc/self/stat", 4096);
	return atoi(text) == getpid() && field(4) == (unsigned long)getppid() ? 0 : 1;
}

static void descriptors(void)
{
	char name[64], target[64] = "", byte = 0;
	int null = open("/dev/null", O_RDONLY), ends[2], again;
	struct stat status;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", null);
	check(readlink(name, target, sizeof(target)) == 9 && !strcmp(target, "/dev/null"),
	      "its name");
	check(lstat(name, &status) == 0 && S_ISLNK(status.st_mode), "a link");
	show("which says how it is open", status.st_mode & 0777);
	check(stat(name, &status) == 0 && S_ISCHR(status.st_mode), "to a device");
	show("opened again", (again = open(name, O_RDONLY)) < 0);
	close(again);
	close(null);
	show("closed", readlink(name, target, sizeof(target)));
	check(pipe(ends) == 0 && write(ends[1], "p", 1) == 1, "a pipe");
	snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
	check(readlink(name, target, 6) == 6 && memcmp(target, "pipe:[", 6) == 0, "its name");
	check(stat(name, &status) == 0 && S_ISFIFO(status.st_mode), "a link to a pipe");
	again = open(name, O_RDONLY);
	check(again > ends[1] && read(again, &byte, 1) == 1 && byte == 'p', "opened again");
	close(again);
	close(ends[0]);
	close(ends[1]);
	show("no number", open("/proc/self/fd/x", O_RDONLY));
	show("no such number", open("/proc/self/fd/99", O_RDONLY));
	show("a number with a zero before it", open("/proc/self/fd/00", O_RDONLY));
}

static void other_processes(void)
{
	char name[40];
	int ends[2], status;
	pid_t child;

	show_status("/proc/self of a child", in_child(child_of));
	check(pipe(ends) == 0, "a pipe");
	child = fork();
	if (child == 0) {
		close(ends[1]);
		_exit(read(ends[0], name, 1) != 0);
	}
	snprintf(name, sizeof(name), "/proc/%d/stat", child);
	while (read_file(name, 4096) > 0 && !strstr(text, ") S "))
		continue;
	check(field(4) == (unsigned long)getpid(), "whose parent is this");
	close(ends[1]);
	close(ends[0]);
	while (read_file(name, 4096) > 0 && !strstr(text, ") Z "))
		continue;
	show("size of a zombie", (long)field(23));
	waitpid(child, &status, 0);
	show("gone", read_file(name, 4096));
}

static void the_system(void)
{
	static const char *const wanted[] = {
		"MemTotal:", "MemFree:",   "MemAvailable:", "Buffers:",
		"Cached:",   "SwapTotal:", "SwapFree:",     "Shmem:"};
	char *end;

	check(read_file("/proc/meminfo", 4096) > 0, "meminfo");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		char *line = strstr(text, wanted[i]);

		check(line != NULL, wanted[i]);
		show("length of the line", line ? (long)strcspn(line, "\n") : -1);
	}
	check(status_number("MemTotal:") > status_number("MemFree:"), "free is less than all");
	check(read_file("/proc/uptime", 4096) > 0 && strtod(text, &end) > 0 && *end == ' ',
	      "uptime");
	check(read_file("/proc/version", 4096) > 0 && !strncmp(text, "Linux version ", 14),
	      "version");
	check(read_file("/proc/stat", 4096) > 0 && !strncmp(text, "cpu  ", 5), "stat");
	check(read_file("/proc/loadavg", 4096) > 0, "loadavg");
	check(read_file("/proc/cpuinfo", 4096) > 0 && strstr(text, "processor\t: 0\n"), "cpuinfo");
	check(read_file("/proc/sys/kernel/osrelease", 4096) > 0, "osrelease");
}

int main(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	stat_file();
	statm_file();
	status_file();
	peak();
	maps_file();
	long_maps();
	strings();
	positions();
	descriptors();
	other_processes();
	the_system();
	return tap_end();
}
