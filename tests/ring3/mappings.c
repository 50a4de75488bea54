// SPDX-License-Identifier: MIT
//
// mmap, munmap and mprotect of anonymous private memory: what they give, what they refuse, and
// which bytes are left where afterwards.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(size_t length)
{
	return mmap(NULL, length, RW, PRIVATE, -1, 0);
}

static volatile char *touched;
static char sink;

static int read_it(void)
{
	sink = *touched;
	return 0;
}

static int write_it(void)
{
	*touched = 1;
	return 0;
}

static int call_it(void)
{
	((void (*)(void))touched)();
	return 0;
}

// "rw" for what can be read and written without a signal.
static void show_access(const char *name, char *page)
{
	touched = page;
	printf("# %s: %s%s\n", name, in_child(read_it) == 0 ? "r" : "-",
	       in_child(write_it) == 0 ? "w" : "-");
	fflush(stdout);
}

static long file_map(int flags, int prot, off_t offset)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	long result = syscall(SYS_mmap, NULL, PAGE, prot, flags, fd, offset);

	close(fd);
	return result;
}

static long file_map_at(char *page)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	long result =
		syscall(SYS_mmap, page, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);

	close(fd);
	return result;
}

static void what_is_refused(void)
{
	char *page = map(PAGE);

	show_pointer("length 0", mmap(NULL, 0, RW, PRIVATE, -1, 0));
	show_pointer("length that wraps", mmap(NULL, -PAGE + 1, RW, PRIVATE, -1, 0));
	show_pointer("larger than all", mmap(NULL, 1ul << 47, RW, PRIVATE, -1, 0));
	show_pointer("neither shared nor private", mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
	show_pointer("fixed and not aligned",
		     mmap(page + 1, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0));
	show_pointer("fixed in the kernel's half",
		     mmap((void *)0xffff800000000000, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0));
	show_pointer("fixed at ring 3's last page",
		     mmap((void *)0x7ffffffff000, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0));
	show_pointer("bad descriptor", mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0));
	show_pointer("offset not aligned",
		     (void *)syscall(SYS_mmap, NULL, PAGE, RW, PRIVATE, -1, 5));
	show("read-only file, shared, to be written", file_map(MAP_SHARED, PROT_WRITE, 0));
	show("the same without a type", file_map(0, PROT_WRITE, 0));
	show("the same to where something is", file_map_at(page));
	show("beyond the end of any file", file_map(MAP_PRIVATE, PROT_READ, -PAGE));
	show("munmap not aligned", munmap(page + 1, PAGE));
	show("munmap of nothing", munmap(page, 0));
	show("munmap that wraps", munmap(page, -PAGE));
	show("munmap in the kernel's half", munmap((void *)0xffff800000000000, PAGE));
	show("mprotect not aligned", syscall(SYS_mprotect, page + 1, PAGE, PROT_READ));
	show("mprotect of no bytes", mprotect(page, 0, PROT_READ));
	show("mprotect with unknown bits", mprotect(page, PAGE, 0x100));
	show("mprotect that wraps", mprotect(page, -PAGE, PROT_READ));
	show("munmap", munmap(page, PAGE));
	show("munmap again: nothing there is no error", munmap(page, PAGE));
	show("mprotect of nothing there", mprotect(page, PAGE, PROT_READ));
}

static void placing(void)
{
	char *area = map(8 * PAGE), *hinted;

	memset(area, 'a', 8 * PAGE);
	check(mmap(area + 2 * PAGE, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) == area + 2 * PAGE,
	      "MAP_FIXED over a mapping");
	check(area[2 * PAGE] == 0 && area[2 * PAGE - 1] == 'a' && area[3 * PAGE] == 'a',
	      "replaces just that page");
	show_pointer("MAP_FIXED_NOREPLACE over a mapping",
		     mmap(area, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0));
	munmap(area + 4 * PAGE, 2 * PAGE);
	hinted = mmap(area + 4 * PAGE, PAGE, RW, PRIVATE, -1, 0);
	check(hinted == area + 4 * PAGE, "a hint that is free is taken");
	hinted = mmap(area, PAGE, RW, PRIVATE, -1, 0);
	check(hinted != MAP_FAILED && hinted != area, "one that is not is not");
	check(area[0] == 'a', "and does no harm");
	hinted = mmap(area + 5 * PAGE + 123, PAGE, RW, PRIVATE, -1, 0);
	check((unsigned long)hinted % PAGE == 0, "an unaligned hint is rounded");
}

static void cutting(void)
{
	char *area = map(8 * PAGE);

	for (int i = 0; i < 8; i++)
		memset(area + i * PAGE, 'a' + i, PAGE);
	show("munmap of the middle", munmap(area + 3 * PAGE, 2 * PAGE));
	show_access("below", area + 2 * PAGE);
	show_access("hole", area + 3 * PAGE);
	show_access("above", area + 5 * PAGE);
	check(area[2 * PAGE] == 'c' && area[5 * PAGE] == 'f', "the bytes beside the hole stay");
	show("munmap across the hole", munmap(area + 2 * PAGE, 4 * PAGE));
	show_access("left", area + PAGE);
	show_access("right", area + 6 * PAGE);
	show("munmap with a length that is rounded up", munmap(area, PAGE + 1));
	show_access("second page", area + PAGE);
	mmap(area, 6 * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
	check(area[0] == 0 && area[5 * PAGE] == 0, "mapped again: zero");
	check(area[6 * PAGE] == 'g', "the rest stays");
}

static void protecting(void)
{
	char *area = map(4 * PAGE);

	memset(area, 'x', 4 * PAGE);
	show("mprotect to read", mprotect(area + PAGE, PAGE, PROT_READ));
	show_access("before", area);
	show_access("read only", area + PAGE);
	show_access("after", area + 2 * PAGE);
	show("mprotect to none", mprotect(area + PAGE, 2 * PAGE, PROT_NONE));
	show_access("none", area + 2 * PAGE);
	show("mprotect back", mprotect(area, 4 * PAGE, RW));
	check(area[PAGE] == 'x' && area[2 * PAGE] == 'x', "the bytes are still there");
	show_access("all again", area + 2 * PAGE);
	munmap(area + 2 * PAGE, PAGE);
	show("mprotect over a hole", mprotect(area, 4 * PAGE, PROT_READ));
	show_access("before the hole", area + PAGE);
	show_access("after the hole", area + 3 * PAGE);
}

static void executing(void)
{
	char *area = map(PAGE);

	*area = (char)0xc3; // ret
	touched = area;
	show_status("calling data", in_child(call_it));
	mprotect(area, PAGE, PROT_READ | PROT_EXEC);
	show_status("calling it when it may be", in_child(call_it));
	show_status("writing to it", in_child(write_it));
}

static void untouched_protections(void)
{
	char *area = mmap(NULL, PAGE, PROT_NONE, PRIVATE, -1, 0);

	show_access("PROT_NONE", area);
	mprotect(area, PAGE, RW);
	show_access("made writable", area);
	area = mmap(NULL, PAGE, PROT_READ, PRIVATE, -1, 0);
	check(*area == 0, "read-only memory reads as zero");
	show_access("PROT_READ", area);
	mprotect(area, PAGE, RW);
	*area = 1;
	check(*area == 1 && area[1] == 0, "written after mprotect");
}

// Large but hardly touched: only what is touched takes memory.
static void reserving(void)
{
	size_t length = 64ul << 30;
	char *area = mmap(NULL, length, RW, PRIVATE | MAP_NORESERVE, -1, 0);

	if (!check(area != MAP_FAILED, "64 GiB"))
		return;
	for (size_t at = 0; at < length; at += 8ul << 30)
		area[at] = (char)(at >> 33);
	check(area[8ul << 30] == 1 && area[length - 1] == 0, "written in eight places");
	check(munmap(area, length) == 0, "and unmapped");
}

int main(void)
{
	what_is_refused();
	placing();
	cutting();
	protecting();
	executing();
	untouched_protections();
	reserving();
	return tap_end();
}
