// SPDX-License-Identifier: MIT
//
// kernel only
//
// /proc/kpageflags and kpagecount beside the kernel's own account of its frames, buddyinfo beside
// what is free, a page followed from pagemap to its frame, a long text of what changes while it
// is read, and which pages were written since clear_refs.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define RW         (PROT_READ | PROT_WRITE)
#define FRAMES_MAX (1 << 20)
#define FLAG(name) (1ul << KPF_##name)
#define MANY       60000l // VMAs

static uint64_t flags[FRAMES_MAX], counts[FRAMES_MAX];
static char text[65536];

static long read_whole(const char *name, void *buffer, size_t size)
{
	int fd = open(name, O_RDONLY);
	long total = 0, got;

	while (fd >= 0 && (got = read(fd, (char *)buffer + total, size - (size_t)total)) > 0)
		total += got;
	close(fd);
	return fd < 0 ? -1 : total;
}

// Frames with all of these flags and none of those.
static long with(long frames, uint64_t all, uint64_t none)
{
	long count = 0;

	for (long i = 0; i < frames; i++)
		count += (flags[i] & all) == all && !(flags[i] & none);
	return count;
}

// All that is compared, read in one go. The second time nothing is touched for the first time.
static char account[4096], buddies[1024], zones[8192];
static long frames;

static void gather(void)
{
	for (int i = 0; i < 2; i++) {
		memset(text, 0, sizeof(text));
		read_whole("/proc/buddyinfo", buddies, sizeof(buddies) - 1);
		read_whole("/proc/zoneinfo", zones, sizeof(zones) - 1);
		read_whole("/proc/kpagecount", counts, sizeof(counts));
		frames = read_whole("/proc/kpageflags", flags, sizeof(flags)) / 8;
		read_whole("/sys/kernel/debug/faultline/frames", account, sizeof(account) - 1);
	}
}

static long number_after(const char *where, const char *name)
{
	const char *at = strstr(where, name);

	return at ? atol(at + strlen(name)) : -1;
}

static long kind_count(const char *name)
{
	return number_after(account, name);
}

static void same(long got, long wanted, const char *name)
{
	if (!check(got == wanted, name))
		printf("# %ld is not %ld\n", got, wanted);
}

static void kinds(void)
{
	// `own`: the page through which kpageflags is read is a slab meanwhile.
	static const struct {
		const char *name;
		uint64_t all, none;
		long own;
	} kinds[] = {
		{"\nfree ", FLAG(BUDDY), 0, -1},
		{"\nslab ", FLAG(SLAB), 0, 1},
		{"\npage-table ", FLAG(PGTABLE), 0, 0},
		{"\nanonymous ", FLAG(ANON) | FLAG(MMAP), 0, 0},
		{"\nzero ", FLAG(ZERO_PAGE), 0, 0},
		{"\nfile ", FLAG(LRU), FLAG(ANON), 0},
		{"\ntotal ", 0, FLAG(NOPAGE), 0},
	};
	int wrong = 0;

	check(frames > 1000 && frames < FRAMES_MAX, "kpageflags has a word for each frame");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		same(with(frames, kinds[i].all, kinds[i].none),
		     kind_count(kinds[i].name) + kinds[i].own, kinds[i].name + 1);
	for (long i = 0; i < frames; i++)
		wrong += !!counts[i] != !!(flags[i] & FLAG(MMAP));
	show("mapped and not counted", wrong);
	show("in the middle of a word", read_whole("/proc/kpagecount", text, 7));
}

static long free_in_buddyinfo(void)
{
	long sum = 0;
	char *at;

	at = strstr(buddies, "Normal") + 6;
	for (int order = 0; order <= 10; order++)
		sum += strtol(at, &at, 10) << order;
	return sum;
}

// What is free is in the buddy lists, or on a CPU's own.
static void free_frames(void)
{
	same(free_in_buddyinfo() + number_after(zones, "count: "), kind_count("\nfree "),
	     "buddyinfo and zoneinfo: all that is free");
	same(number_after(zones, "pages free "), kind_count("\nfree "), "pages free");
}

static uint64_t pagemap_word(const void *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t word = 0;

	check(pread(fd, &word, 8, (long)address / PAGE * 8) == 8, "pagemap");
	close(fd);
	return word;
}

static uint64_t frame_word(const char *file, uint64_t word)
{
	int fd = open(file, O_RDONLY);
	uint64_t value = 0;

	check(pread(fd, &value, 8, (long)(word & ((1ul << 55) - 1)) * 8) == 8, file);
	close(fd);
	return value;
}

static void one_page(void)
{
	char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2];
	pid_t child = -1;

	page[0] = 1;
	show("mapped", (long)frame_word("/proc/kpagecount", pagemap_word(page)));
	check(pipe(ends) == 0 && (child = fork()) >= 0, "a child");
	if (child == 0)
		_exit(read(ends[0], text, 1) > 2); // until it is killed
	show("shared with a child", (long)frame_word("/proc/kpagecount", pagemap_word(page)));
	check(frame_word("/proc/kpageflags", pagemap_word(page)) & FLAG(ANON), "anonymous");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	show("and alone", (long)frame_word("/proc/kpagecount", pagemap_word(page)));
	munmap(page, PAGE);
}

// maps of 60,000 VMAs, some of which go while it is read: each line is whole, addresses go up, and
// all that were there are told.
static void long_text(void)
{
	char *area = mmap(NULL, MANY * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long last = 0, start, end;
	long ours = 0, backwards = 0;
	char line[300];
	FILE *file;

	for (long i = 0; i < MANY; i += 2)
		mprotect(area + i * PAGE, PAGE, PROT_READ);
	file = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 || start < last)
			backwards++;
		ours += start >= (unsigned long)area && end <= (unsigned long)area + MANY * PAGE;
		// The one just read goes: the next must be told all the same.
		if (ours % 100 == 50)
			munmap((void *)start, end - start);
		last = end;
	}
	fclose(file);
	show("lines of its own", ours);
	show("backwards", backwards);
	munmap(area, MANY * PAGE);
}

// ---- soft-dirty: many a Linux is built without ----
#define AT(page) ((char *)0x300000000 + (page)*PAGE)
#define PAGES    16

// A letter for each page: written since (w) or not (.).
static void expect(const char *wanted, const char *when)
{
	char got[PAGES + 1] = "";
	uint64_t words[PAGES];
	int fd = open("/proc/self/pagemap", O_RDONLY);

	pread(fd, words, sizeof(words), (long)AT(0) / PAGE * 8);
	close(fd);
	for (int i = 0; i < PAGES; i++)
		got[i] = words[i] >> 55 & 1 ? 'w' : '.';
	if (!check(!strcmp(got, wanted), when))
		printf("# %s is not %s\n", got, wanted);
}

static void clear_soft_dirty(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	check(write(fd, "4", 1) == 1, "clear_refs");
	close(fd);
}

static int child_writes(void)
{
	expect(".w.w......w.....", "soft-dirty: in a child");
	AT(5)[0] = AT(6)[0] = 1;
	expect(".w.w.ww...w.....", "soft-dirty: when it has written to two");
	return 0;
}

static void map(int page, int pages, int flags)
{
	mmap(AT(page), (size_t)(pages * PAGE), RW, MAP_FIXED | MAP_ANONYMOUS | flags, -1, 0);
}

static void written(void)
{
	volatile char byte;

	map(0, 8, MAP_PRIVATE);
	map(10, 4, MAP_SHARED);
	memset(AT(0), 1, 6 * PAGE);
	memset(AT(10), 1, 2 * PAGE);
	expect("wwwwwwww..wwww..", "soft-dirty: new");
	clear_soft_dirty();
	expect("................", "soft-dirty: cleared");
	AT(1)[0] = AT(10)[0] = 2;
	byte = AT(2)[0];
	byte = AT(6)[0];
	expect(".w........w.....", "soft-dirty: two written, two read");
	mprotect(AT(3), 2 * PAGE, PROT_READ);
	mprotect(AT(3), 2 * PAGE, RW);
	expect(".w........w.....", "soft-dirty: forbidden and allowed again");
	AT(3)[0] = 2;
	expect(".w.w......w.....", "soft-dirty: and one of them written");
	mprotect(AT(0), 2 * PAGE, PROT_NONE);
	mprotect(AT(0), 2 * PAGE, RW);
	expect(".w.w......w.....", "soft-dirty: hidden and back");
	fflush(stdout);
	in_child(child_writes);
	expect(".w.w......w.....", "soft-dirty: nothing of that here");
	clear_soft_dirty();
	madvise(AT(1), PAGE, MADV_DONTNEED);
	expect("................", "soft-dirty: cleared, one thrown away");
	AT(1)[0] = byte;
	expect(".w..............", "soft-dirty: and written anew");
	map(8, 2, MAP_PRIVATE);
	expect("wwwwwwwwww......", "soft-dirty: continued by a new mapping");
	munmap(AT(0), PAGES * PAGE);
	expect("................", "soft-dirty: gone");
}

// What moves page by page counts as written; what moves with its table does not, as on Linux.
static void moved(void)
{
	char *far = AT(0) + (4 << 20);

	map(0, 2, MAP_PRIVATE);
	AT(0)[0] = 1;
	clear_soft_dirty();
	expect("................", "soft-dirty: one that is there, one that is not");
	mremap(AT(0), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(14));
	expect("..............w.", "soft-dirty: moved");
	mprotect(AT(14), 2 * PAGE, PROT_READ);
	mprotect(AT(14), 2 * PAGE, RW);
	expect("..............w.", "soft-dirty: moved, forbidden and allowed again");
	clear_soft_dirty();
	expect("................", "soft-dirty: cleared");
	AT(14)[0] = 2;
	expect("..............w.", "soft-dirty: written");
	munmap(AT(14), 2 * PAGE);
	far = (char *)(((unsigned long)far + (2 << 20) - 1) & -(2ul << 20));
	mmap(far, 2 << 20, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	far[0] = 1;
	clear_soft_dirty();
	mremap(far, 2 << 20, 2 << 20, MREMAP_MAYMOVE | MREMAP_FIXED, AT(0));
	expect("................", "soft-dirty: moved with its table");
	munmap(AT(0), 2 << 20);
}

int main(void)
{
	memset(flags, 1, sizeof(flags));
	memset(counts, 1, sizeof(counts));
	gather();
	kinds();
	free_frames();
	one_page();
	long_text();
	written();
	moved();
	return tap_end();
}
