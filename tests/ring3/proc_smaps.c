// SPDX-License-Identifier: MIT
//
// /proc/self/smaps, smaps_rollup and pagemap, of mappings that are known exactly: private and
// shared, touched, read, locked, advised, and what a child shares.
#include <fcntl.h>
#include <linux/mman.h>
#include <stdint.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define AT(page) ((char *)0x200000000 + (page)*PAGE)
#define RW       (PROT_READ | PROT_WRITE)
#define PRIVATE  (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define SHARED   (MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)

static char *map(int page, int pages, int prot, int flags)
{
	return (char *)syscall(SYS_mmap, AT(page), pages * PAGE, prot, flags, -1, 0);
}

static void advise(int page, int advice)
{
	show("madvise", syscall(SYS_madvise, AT(page), PAGE, advice));
}

// Whether what a line tells is the kernel's own affair, or of Linux's configuration.
static bool left_out(const char *line)
{
	return !strncmp(line, "THPeligible", 11) || !strncmp(line, "Referenced", 10);
}

// `sd` stands where Linux tracks changes of its own.
static void print_line(char *line)
{
	char *found = strncmp(line, "VmFlags", 7) ? NULL : strstr(line, " sd");

	if (found)
		memmove(found, found + 3, strlen(found + 3) + 1);
	printf("#   %s", line);
}

// The lines of smaps about what is mapped at AT(page).
static void show_mapping(const char *what, int page)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512];
	bool ours = false;

	printf("# %s:\n", what);
	while (file && fgets(line, sizeof(line), file)) {
		unsigned long start, end;
		char protection[8];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, protection) == 3) {
			ours = start <= (unsigned long)AT(page) && (unsigned long)AT(page) < end;
			if (ours)
				printf("#   %ld pages %s\n", (long)(end - start) / PAGE,
				       protection);
		} else if (ours && !left_out(line)) {
			print_line(line);
		}
	}
	if (file)
		fclose(file);
	fflush(stdout);
}

static void flags(void)
{
	map(0, 4, RW, PRIVATE);
	map(10, 4, RW, SHARED);
	map(20, 4, PROT_NONE, PRIVATE);
	map(30, 4, RW, PRIVATE | MAP_NORESERVE);
	map(40, 4, RW, PRIVATE | MAP_GROWSDOWN);
	AT(0)[0] = AT(10)[0] = AT(1)[0] = 1;
	check(AT(2)[0] == 0, "a page that is only read");
	show_mapping("private", 0);
	show_mapping("shared", 10);
	show_mapping("not to be accessed", 20);
	show_mapping("not reserved", 30);
	show_mapping("grows down", 40);
	syscall(SYS_mlock, AT(0), PAGE);
	syscall(SYS_mlock2, AT(10), 4 * PAGE, 1);
	show_mapping("locked", 0);
	show_mapping("beside it", 1);
	show_mapping("locked when touched", 10);
	syscall(SYS_munlockall);
	show_mapping("nothing is locked", 0);
}

static void advices(void)
{
	static const int advices[] = {MADV_RANDOM,     MADV_SEQUENTIAL, MADV_NORMAL,
				      MADV_DONTFORK,   MADV_DOFORK,     MADV_WIPEONFORK,
				      MADV_KEEPONFORK, MADV_DONTDUMP,   MADV_DODUMP};

	for (unsigned i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		advise(1, advices[i]);
		show_mapping("advised", 1);
	}
}

static int in_the_child(void)
{
	AT(0)[0] = 2;
	show_mapping("the child's, who wrote to one", 0);
	return 0;
}

static uint64_t bits(int page)
{
	int file = open("/proc/self/pagemap", O_RDONLY);
	uint64_t word = 0;

	if (pread(file, &word, 8, (unsigned long)AT(page) / PAGE * 8) != 8)
		word = 1;
	close(file);
	return word >> 56 & ~2ul; // without the number, and soft-dirty's place
}

static void pagemap(void)
{
	uint64_t words[4];
	int file = open("/proc/self/pagemap", O_RDONLY);

	printf("# pagemap: written %lx, of zeros %lx, untouched %lx, shared %lx, not mapped %lx\n",
	       bits(1) & ~1ul, bits(2) & ~1ul, bits(3), bits(10), bits(5));
	show("pagemap, 7 bytes", pread(file, words, 7, 0));
	show("pagemap, from byte 4", pread(file, words, 8, 4));
	show("pagemap, two words", pread(file, words, 16, 0));
	show("pagemap, beyond the end", pread(file, words, 16, 0x800000000000 / PAGE * 8));
	close(file);
}

static void rollup(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[512], name[64];
	unsigned long value;

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, "[rollup]"))
			printf("# rollup: %s", strstr(line, " ---p"));
		else if (sscanf(line, "%63[^:]: %lu kB", name, &value) == 2)
			printf("# rollup has %s\n", name);
	}
	if (file)
		fclose(file);
	fflush(stdout);
}

int main(void)
{
	flags();
	advices();
	show_status("child", in_child(in_the_child));
	show_mapping("the parent's afterwards", 0);
	pagemap();
	rollup();
	return tap_end();
}
