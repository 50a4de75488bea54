// SPDX-License-Identifier: MIT
//
// What a process asks about the system and about itself. Where the answers must differ from
// Linux's, only what they have in common is printed.
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include "tests/ring3/tap.h"

static void names(void)
{
	struct utsname name;

	check(uname(&name) == 0, "uname");
	printf("# %s\n", name.machine);
	check(name.sysname[0] && name.release[0] && name.version[0], "its other fields");
	show("uname to nowhere", syscall(SYS_uname, 8));
}

static void identity(void)
{
	check(getpid() > 0, "getpid");
	check(getuid() == geteuid() && getgid() == getegid(), "users and groups");
	show("an unknown call", syscall(5000));
	show("a negative call", syscall(-5));
	check(syscall(1l << 40 | SYS_getpid) == getpid(), "of the number the low 32 bits count");
}

static void limits(void)
{
	struct rlimit limit, again;

	check(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 256, "RLIMIT_NOFILE");
	check(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= 1 << 20, "RLIMIT_STACK");
	limit.rlim_cur = 4 << 20;
	check(setrlimit(RLIMIT_STACK, &limit) == 0, "a lower stack limit");
	check(getrlimit(RLIMIT_STACK, &again) == 0 && again.rlim_cur == 4 << 20, "is kept");
	limit.rlim_cur = 8;
	limit.rlim_max = 4;
	show("more than the hard limit", setrlimit(RLIMIT_STACK, &limit));
	show("an unknown limit", syscall(SYS_prlimit64, 0, 99, NULL, &limit));
	show("to nowhere", syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, 8));
	show("of nobody", syscall(SYS_prlimit64, 999999, RLIMIT_STACK, NULL, &limit));
}

static void memory_of_the_system(void)
{
	struct sysinfo information;
	unsigned long all;

	check(sysinfo(&information) == 0, "sysinfo");
	all = information.totalram * information.mem_unit;
	check(all > 16 << 20 && information.freeram <= information.totalram, "its memory");
	check(information.procs > 0, "its processes");
	show("sysinfo to nowhere", syscall(SYS_sysinfo, 8));
}

static void time_goes_on(void)
{
	struct timespec start, end, pause = {0, 30000000}, bad = {0, 1000000000};
	long milliseconds;

	check(clock_gettime(CLOCK_MONOTONIC, &start) == 0, "the monotonic clock");
	check(nanosleep(&pause, NULL) == 0, "sleeping 30 ms");
	clock_gettime(CLOCK_MONOTONIC, &end);
	milliseconds =
		(end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	check(milliseconds >= 29 && milliseconds < 5000, "takes about that long");
	for (int i = 0; i < 1000; i++) {
		start = end;
		clock_gettime(CLOCK_MONOTONIC, &end);
		if (end.tv_sec < start.tv_sec ||
		    (end.tv_sec == start.tv_sec && end.tv_nsec < start.tv_nsec))
			check(false, "it never goes back");
	}
	check(clock_gettime(CLOCK_REALTIME, &end) == 0 && end.tv_sec > 1600000000, "the time");
	show("an unknown clock", syscall(SYS_clock_gettime, 99, &end));
	show("a clock to nowhere", syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
	show("a second of nanoseconds", nanosleep(&bad, NULL));
	bad.tv_nsec = -1;
	show("negative nanoseconds", nanosleep(&bad, NULL));
	show("from nowhere", syscall(SYS_nanosleep, 8, NULL));
}

// The address `count` bytes before the end of what is mapped.
static char *half_mapped(size_t count)
{
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + PAGE, PAGE);
	return page + PAGE - count;
}

static void randomness(void)
{
	unsigned char a[32] = {0}, b[32] = {0};

	show("getrandom", getrandom(a, sizeof(a), 0));
	show("again", getrandom(b, sizeof(b), 0));
	check(memcmp(a, b, sizeof(a)) != 0, "is not the same");
	show("unknown flags", getrandom(a, 1, 0x100));
	show("to nowhere", syscall(SYS_getrandom, 8, 10, 0));
	show("of nothing", getrandom(a, 0, 0));
	show("more than fits before a hole", syscall(SYS_getrandom, half_mapped(1000), 2000, 0));
}

static void directory(void)
{
	char path[256] = "", small[2];

	check(getcwd(path, sizeof(path)) != NULL && path[0] == '/', "getcwd");
	show("to nowhere", syscall(SYS_getcwd, 8, 256));
	check(chdir("/") == 0 && getcwd(path, sizeof(path)) && strcmp(path, "/") == 0, "chdir");
	show("into two bytes", syscall(SYS_getcwd, small, 2));
	show("into one byte", syscall(SYS_getcwd, small, 1));
	show("chdir to nothing", chdir("/nothing-here"));
	show("chdir to a file", chdir("/proc/self/exe"));
}

static void thread_words(void)
{
	int word = 1;

	check(syscall(SYS_set_tid_address, &word) == getpid(), "set_tid_address");
	show("set_robust_list with a wrong length", syscall(SYS_set_robust_list, &word, 1));
	show("cpuid is allowed", syscall(SYS_arch_prctl, 0x1011, 0));
	check(syscall(SYS_arch_prctl, 0x1012, 1) == 0 || errno == ENODEV, "and stays so");
	show("arch_prctl, unknown", syscall(SYS_arch_prctl, 0x9999, 0));
	show("arch_prctl, base in the kernel",
	     syscall(SYS_arch_prctl, 0x1002, 0xffff888000000000));
	check(sched_yield() == 0, "sched_yield");
}

int main(void)
{
	names();
	identity();
	limits();
	memory_of_the_system();
	time_goes_on();
	randomness();
	directory();
	thread_words();
	return tap_end();
}
