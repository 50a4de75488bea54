// SPDX-License-Identifier: MIT
//
// Where mappings may be: the lowest and the highest addresses, below 2 GiB, beside stacks that
// grow. And what is executed from them: code that changes, text of the program's own file.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <linux/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#define AT(page) ((char *)0x200000000 + (page)*PAGE)
#define RW       (PROT_READ | PROT_WRITE)
#define PRIVATE  (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED    (PRIVATE | MAP_FIXED)

static long map(void *address, size_t size, int prot, int flags)
{
	return syscall(SYS_mmap, address, size, prot, flags, -1, 0);
}

static void show_map(const char *what, void *address, size_t size, int prot, int flags)
{
	long result = map(address, size, prot, flags);

	if (result == -1 || (void *)result == address)
		show(what, result == -1 ? -1 : 0);
	else
		printf("# %s: elsewhere\n", what);
	if (result != -1)
		syscall(SYS_munmap, result, size);
}

static sigjmp_buf back;
static siginfo_t caught;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	caught = *info;
	siglongjmp(back, 1);
}

static void catch_faults(void)
{
	static char stack[1 << 14];
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void show_fault(const char *what, const char *address)
{
	printf("# %s: signal %d, code %d, %s\n", what, caught.si_signo, caught.si_code,
	       caught.si_addr == address ? "there" : "elsewhere");
	fflush(stdout);
}

static void show_store(const char *what, volatile char *address)
{
	if (sigsetjmp(back, 1)) {
		show_fault(what, (char *)address);
		return;
	}
	*address = 1;
	show(what, 0);
}

static void show_call(const char *what, char *address)
{
	if (sigsetjmp(back, 1)) {
		show_fault(what, address);
		return;
	}
	show(what, ((int (*)(void))address)());
}

static void lowest_and_highest(void)
{
	show_map("at 0", NULL, PAGE, RW, FIXED);
	show_map("at the second page", (void *)PAGE, PAGE, RW, FIXED);
	show_map("at 64 KiB", (void *)65536, PAGE, RW, FIXED);
	show_map("the last page", (void *)0x7fffffffe000, PAGE, RW, FIXED);
	show_map("the last two", (void *)0x7fffffffd000, 2 * PAGE, RW, FIXED);
	show_map("one too far", (void *)0x7fffffffe000, 2 * PAGE, RW, FIXED);
	show_map("beyond", (void *)0x7ffffffff000, PAGE, RW, FIXED);
	show_map("a hint beyond", (void *)0x7ffffffff000, PAGE, RW, PRIVATE);
	show_map("a hint in the kernel's half", (void *)0xffff800000000000, PAGE, RW, PRIVATE);
	show_map("a hint at the last page", (void *)0x7fffffffe000, PAGE, RW, PRIVATE);
	show_map("a hint that reaches too far", (void *)0x7fffffffe000, 2 * PAGE, RW, PRIVATE);
	if (map((void *)0x7fffffffe000, PAGE, RW, FIXED) != -1) {
		show_store("the last byte", (char *)0x7fffffffefff);
		show("mremap to beyond", syscall(SYS_mremap, 0x7fffffffe000, PAGE, 2 * PAGE, 0));
		show("mprotect of it", syscall(SYS_mprotect, 0x7fffffffe000, PAGE, PROT_READ));
		show("mprotect beyond", syscall(SYS_mprotect, 0x7fffffffe000, 2 * PAGE, 1));
		show("madvise beyond", syscall(SYS_madvise, 0x7fffffffe000, 2 * PAGE, 4));
		show("mlock beyond", syscall(SYS_mlock, 0x7fffffffe000, 2 * PAGE));
		show("msync beyond", syscall(SYS_msync, 0x7fffffffe000, 2 * PAGE, MS_ASYNC));
		show("munmap beyond", syscall(SYS_munmap, 0x7fffffffe000, 2 * PAGE));
		show("munmap", syscall(SYS_munmap, 0x7fffffffe000, PAGE));
	}
	show_store("the kernel's half", (char *)0xffff800000000000);
	caught = (siginfo_t){};
	show_store("no address at all", (char *)0x0000900000000000);
}

static void below_2_gib(void)
{
	long low = map(NULL, PAGE, RW, PRIVATE | MAP_32BIT);

	check(low != -1 && low + PAGE <= 1l << 31 && low >= 1l << 30, "MAP_32BIT");
	show("2 GiB of it", map(NULL, 1ul << 31, RW, PRIVATE | MAP_32BIT));
	show_map("with a hint", (void *)0x50000000, PAGE, RW, PRIVATE | MAP_32BIT);
	show_map("with one that is too high", (void *)0x80000000, PAGE, RW, PRIVATE | MAP_32BIT);
	show("huge pages, of which there are none", map(NULL, 1 << 21, RW, PRIVATE | MAP_HUGETLB));
	show("of no size that there is", map(NULL, 1 << 21, RW, PRIVATE | MAP_HUGETLB | 3 << 26));
	show("huge pages of nothing", map(NULL, 0, RW, PRIVATE | MAP_HUGETLB));
}

// A stack keeps 256 pages free below it, but for what can not be accessed.
static void beside_stacks(void)
{
	map(AT(1000), 2 * PAGE, RW, FIXED | MAP_GROWSDOWN);
	show_store("a page below it", AT(999));
	show_store("far below", AT(700));
	map(AT(500), PAGE, RW, FIXED);
	show_store("256 pages above what is below", AT(757));
	show_store("one less", AT(756));
	show_store("much less", AT(600));
	syscall(SYS_mprotect, AT(500), PAGE, PROT_NONE);
	show_store("above what is not to be accessed", AT(600));
	show_store("right above that", AT(501));
	show_map("a hint in the gap", AT(300), PAGE, RW, PRIVATE);
	show_map("a hint right below it", AT(499) - 256 * PAGE, PAGE, RW, PRIVATE);
	show("mprotect, down", syscall(SYS_mprotect, AT(1000), PAGE, RW | PROT_GROWSDOWN));
	show("mprotect, up", syscall(SYS_mprotect, AT(1000), PAGE, RW | PROT_GROWSUP));
	show("munmap in it", syscall(SYS_munmap, AT(800), PAGE));
	show_store("below the upper part, which is a stack, too", AT(800));
	syscall(SYS_munmap, AT(0), 2000 * PAGE);
}

// mov $N, %eax; ret
static void put_code(char *to, char value)
{
	const char code[] = {(char)0xb8, value, 0, 0, 0, (char)0xc3};

	memcpy(to, code, sizeof(code));
}

static void executing(void)
{
	int self = open("/proc/self/exe", O_RDONLY);

	map(AT(0), 2 * PAGE, RW | PROT_EXEC, FIXED);
	put_code(AT(0), 1);
	show_call("code written a moment ago", AT(0));
	put_code(AT(0), 2);
	show_call("and changed", AT(0));
	put_code(AT(1) - 3, 3);
	show_call("across two pages", AT(1) - 3);
	syscall(SYS_mprotect, AT(0), 2 * PAGE, RW);
	show_call("not to be executed any more", AT(0));
	syscall(SYS_mprotect, AT(0), PAGE, PROT_READ | PROT_EXEC);
	show_call("again", AT(0));
	show_call("across, when the second page is not", AT(1) - 3);
	show("moved", syscall(SYS_mremap, AT(0), PAGE, PAGE, 3, AT(5)) == (long)AT(5));
	show_call("where it was moved to", AT(5));
	show_call("where it was", AT(0));
	syscall(SYS_mmap, AT(10), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, self, 0);
	check(!memcmp(AT(10), "\177ELF", 4), "the program's own file");
	show_call("a file that is only to be read", AT(10));
	syscall(SYS_mmap, AT(10), PAGE, RW | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, self, 0);
	put_code(AT(10), 4);
	show_call("a private copy of it, changed", AT(10));
	syscall(SYS_mmap, AT(11), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, self, 1 << 30);
	show_call("beyond its end", AT(11));
	show("shared, to be written", syscall(SYS_mmap, AT(11), PAGE, RW, MAP_SHARED, self, 0));
	close(self);
}

// Under Linux the vDSO is above it; or else what the library mapped before.
static void first_mapping(void)
{
	long place = map(NULL, PAGE, RW, PRIVATE);

	show("the first mapping grows", syscall(SYS_mremap, place, PAGE, 2 * PAGE, 0));
	show("it moves", syscall(SYS_mremap, place, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != place);
}

int main(void)
{
	first_mapping();
	catch_faults();
	lowest_and_highest();
	below_2_gib();
	beside_stacks();
	executing();
	return tap_end();
}
