// SPDX-License-Identifier: MIT
//
// /proc/sys/vm: what its files look like and which writes they take. On Linux they are the whole
// machine's, so that nothing is written here but what is wrong or what stands there already.
#include <fcntl.h>
#include "tests/ring3/tap.h"

static const char *const names[] = {
	"admin_reserve_kbytes", "max_map_count",       "mmap_min_addr", "overcommit_kbytes",
	"overcommit_memory",    "overcommit_ratio",    "panic_on_oom",  "swappiness",
	"page-cluster",         "user_reserve_kbytes",
};
#define COUNT (sizeof(names) / sizeof(names[0]))

static int open_setting(const char *name, int flags)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", name);
	return open(path, flags);
}

static long write_bytes(const char *name, const char *bytes, size_t count)
{
	int fd = open_setting(name, O_WRONLY);
	long result = write(fd, bytes, count);
	int error = errno;

	close(fd);
	errno = error;
	return result;
}

static void show_write(const char *name, const char *text)
{
	char label[120];
	long result = write_bytes(name, text, strlen(text));

	snprintf(label, sizeof(label), "%s <- \"%.40s\"", name, text);
	for (char *at = label; *at; at++)
		if (*at == '\n' || *at == '\t')
			*at = '~';
	show(label, result);
}

static long read_setting(const char *name, char *text, size_t size)
{
	int fd = open_setting(name, O_RDONLY);
	long length = read(fd, text, size - 1);

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length;
}

// One decimal number and a newline, whatever it is.
static void format(const char *name)
{
	char text[80], again[80];
	char *end;
	long length = read_setting(name, text, sizeof(text));

	strtoul(text, &end, 10);
	check(length > 1 && end > text && strcmp(end, "\n") == 0, name);
	// One of these two undoes the other.
	if (strcmp(name, "overcommit_kbytes") == 0 || strcmp(name, "overcommit_ratio") == 0)
		return;
	check(write_bytes(name, text, length) == length, "it takes what it says");
	check(write_bytes(name, text, length - 1) == length - 1, "without the newline too");
	read_setting(name, again, sizeof(again));
	check(strcmp(text, again) == 0, "and says it again");
}

static void wrong_writes(const char *name)
{
	static const char *const texts[] = {
		"x",  " ",   "\n",
		"-",  "1x",  "99999999999999999999999",
		"0x", "1,2", "0x123456789012345678901",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		show_write(name, texts[i]);
	// Even this would make overcommit_kbytes the one that counts.
	if (strcmp(name, "overcommit_kbytes") != 0)
		show("nothing", write_bytes(name, "", 0));
	show("a NUL at the end", write_bytes(name, "1\0", 2));
}

int main(void)
{
	for (size_t i = 0; i < COUNT; i++)
		format(names[i]);
	for (size_t i = 0; i < COUNT; i++)
		wrong_writes(names[i]);
	show_write("overcommit_memory", "3");
	show_write("overcommit_memory", "-1");
	show_write("overcommit_memory", "4294967296");
	show_write("max_map_count", "-1");
	show_write("max_map_count", "2147483648");
	show_write("overcommit_ratio", "2147483648");
	show_write("overcommit_ratio", "-2147483649");
	show_write("user_reserve_kbytes", "-1");
	show_write("admin_reserve_kbytes", "-5");
	return tap_end();
}
