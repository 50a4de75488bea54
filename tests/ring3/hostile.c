// SPDX-License-Identifier: MIT
//
// Ten thousand calls of every system call that exists, with arguments chosen to do harm: pointers
// to nothing, to the kernel, to the last bytes of a page, to memory that may not be written,
// lengths that wrap, descriptors that are closed. Whatever happens to the callers, the kernel
// goes on, and its audit finds nothing.
//
// The calls are made in children, as they unmap their own text and close their own files. A shared
// counter says how far a child came; one that stops counting waits for something that will not
// come, and a watchdog process kills it. What would reach past the child (a signal to its parent,
// a reboot) is left out.
//
// Its arguments are the word "seed", the seed (0: any) and the number of calls. Without them
// nothing happens: a child has managed to execute this file.
// arguments: seed 0 10000
// run: --timeout 240
// kernel only
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define NUMBERS   470
#define KILLS_MAX 40 // so many children had to be killed: it is a call that waits, and enough

struct progress {
	volatile pid_t child; // that makes calls now; 0: none
	volatile long done;
	volatile unsigned long random;
};

static struct progress *progress;
static char *area; // writable, full of pointers, read-only, inaccessible: a page each
static const char *const paths[] = {
	"/",          "", ".", "..", "/nothing", "/proc/self/exe", "/proc", "/proc/self/exe/",
	"/nothing/x", "x"};

static unsigned long next_random(void)
{
	unsigned long z = progress->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned long bad_pointer(void)
{
	static const unsigned long fixed[] = {
		0x8,
		0xfff,
		0x1000,
		0x400000,
		0x7ffffffff000,
		0x7fffffffffff,
		0x800000000000,
		0xffff7fffffffffff,
		0xffff800000000000,
		0xffff888000000000,
		0xffffc90000000000,
		0xffffffff80000000,
		0xffffffff80100000,
		0xfffffffffffff000,
		0xfffffffffffffff8,
		0xffffffffffffffff,
	};

	switch (next_random() % 8) {
	case 0:
		return (unsigned long)area + next_random() % PAGE;
	case 1:
		return (unsigned long)area + PAGE + next_random() % 64 * 8;
	case 2:
		return (unsigned long)area + 2 * PAGE - next_random() % 16;
	case 3:
		return (unsigned long)area + 3 * PAGE - next_random() % 300;
	case 4:
		return (unsigned long)paths[next_random() % (sizeof(paths) / sizeof(*paths))];
	case 5:
		return next_random();
	default:
		return fixed[next_random() % (sizeof(fixed) / sizeof(*fixed))];
	}
}

static unsigned long bad_number(void)
{
	switch (next_random() % 6) {
	case 0:
		return next_random() % 8;
	case 1:
		return next_random() % 5000;
	case 2:
		return 1ul << next_random() % 64;
	case 3:
		return -(1ul << next_random() % 64);
	case 4:
		return next_random() >> next_random() % 64;
	default:
		return next_random() % 16 * PAGE;
	}
}

static unsigned long bad_argument(void)
{
	return next_random() % 2 ? bad_pointer() : bad_number();
}

// Those whose first argument names a process: it must not be the parent.
static bool names_a_process(long number)
{
	return number == SYS_kill || number == SYS_tkill || number == SYS_tgkill ||
	       number == SYS_prlimit64 || number == SYS_rt_sigqueueinfo ||
	       number == SYS_rt_tgsigqueueinfo || number == SYS_setpgid ||
	       number == SYS_sched_setaffinity || number == SYS_sched_setparam ||
	       number == SYS_sched_setscheduler || number == SYS_sched_setattr ||
	       number == SYS_process_vm_writev || number == SYS_ptrace ||
	       number == SYS_setpriority || number == SYS_ioprio_set;
}

static bool left_out(long number)
{
	return number == SYS_reboot || number == SYS_exit || number == SYS_exit_group ||
	       number == SYS_kexec_load || number == SYS_swapoff || number == SYS_umount2 ||
	       number == SYS_settimeofday || number == SYS_clock_settime;
}

// The call, made so that a child that comes of it (fork, vfork, clone) ends before it uses the
// stack, which may be its parent's or nothing at all.
static long call(long number, const unsigned long *a)
{
	register unsigned long r10 __asm__("r10") = a[3];
	register unsigned long r8 __asm__("r8") = a[4];
	register unsigned long r9 __asm__("r9") = a[5];
	bool makes_processes = number == SYS_fork || number == SYS_vfork || number == SYS_clone ||
			       number == SYS_clone3;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "test %b[forks], %b[forks]\n\t"
			 "jz 1f\n\t"
			 "mov %[exit], %%eax\n\t"
			 "xor %%edi, %%edi\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(result)
			 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8),
			   "r"(r9), [forks] "b"(makes_processes), [exit] "i"(SYS_exit_group)
			 : "rcx", "r11", "memory");
	return result;
}

static void prepare_child(void)
{
	unsigned long *pointers = (unsigned long *)(area + PAGE);
	int ends[2];

	syscall(SYS_setsid);
	for (int i = 0; i < 512; i++)
		pointers[i] = bad_argument();
	mprotect(area + 2 * PAGE, PAGE, PROT_READ);
	mprotect(area + 3 * PAGE, PAGE, PROT_NONE);
	for (int fd = 0; fd < 8; fd++)
		close(fd);
	open("/proc/self/exe", O_RDONLY);
	open("/", O_RDONLY);
	if (pipe2(ends, O_NONBLOCK) == 0 && write(ends[1], area, 100) != 100)
		_exit(1);
}

static _Noreturn void child_main(long number, long calls)
{
	unsigned long arguments[6];

	prepare_child();
	while (progress->done < calls) {
		for (int i = 0; i < 6; i++)
			arguments[i] = bad_argument();
		if (names_a_process(number))
			arguments[0] = next_random() % 2 ? (unsigned long)getpid()
							 : 0x40000000 | next_random() % PAGE;
		if (number == SYS_tgkill)
			arguments[1] = arguments[0];
		progress->done++;
		call(number, arguments);
		while (number != SYS_wait4 && waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	_exit(0);
}

// Kills the child that makes calls when it has not come on for some ticks.
static _Noreturn void watchdog(void)
{
	long seen = -1;
	pid_t child = 0;
	int still = 0;

	for (;;) {
		usleep(5000);
		if (progress->child == child && progress->done == seen)
			still++;
		else
			still = 0;
		child = progress->child;
		seen = progress->done;
		if (child && still >= 3)
			kill(child, SIGKILL);
	}
}

// Waits for a child and all that came of it; whether the child had to be killed.
static bool wait_for(pid_t child)
{
	int status = 0;

	progress->child = child;
	waitpid(child, &status, 0);
	progress->child = 0;
	while (waitpid(0, NULL, WNOHANG) > 0)
		;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool exists(long number)
{
	unsigned long nothing[6] = {-1ul, -1ul, -1ul, -1ul, -1ul, -1ul};
	pid_t child;

	if (left_out(number))
		return false;
	if (names_a_process(number))
		nothing[0] = 0x40000000;
	progress->done = 0;
	child = fork();
	if (child == 0) {
		syscall(SYS_setsid);
		progress->done = 1;
		progress->done = call(number, nothing);
		_exit(0);
	}
	wait_for(child);
	return progress->done != -ENOSYS;
}

static bool check_child(pid_t child)
{
	return child > 0 || check(false, "a child can be made");
}

static void torment(long number, long calls)
{
	int killed = 0;

	progress->done = 0;
	while (progress->done < calls && killed < KILLS_MAX) {
		pid_t child = fork();

		if (child == 0)
			child_main(number, calls);
		if (!check_child(child))
			return;
		killed += wait_for(child);
	}
}

static void healthy(void)
{
	char line[200] = "";
	int fd = open("/sys/kernel/debug/faultline/audit", O_RDONLY);
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(read(fd, line, sizeof(line) - 1) > 0 && strstr(line, " 0 wrong") ? 42 : 1);
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42,
	      "the kernel goes on and its audit finds nothing");
}

int main(int argc, char **argv)
{
	long calls, existing = 0;
	unsigned long seed;
	pid_t guard;

	if (argc != 4 || strcmp(argv[1], "seed") != 0)
		return getpid() == 1 ? 2 : 0;
	seed = strtoul(argv[2], NULL, 0);
	calls = atol(argv[3]);
	if (seed == 0 && getrandom(&seed, sizeof(seed), 0) > 0)
		seed %= 1000000;
	printf("# to repeat: hostile seed %lu %ld\n", seed, calls);
	progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	guard = fork();
	if (guard == 0)
		watchdog();
	for (long number = 0; number < NUMBERS; number++) {
		progress->random = seed + (unsigned long)number;
		if (!exists(number))
			continue;
		existing++;
		torment(number, calls);
		printf("# call %ld made %ld times\n", number, progress->done);
		fflush(stdout);
	}
	kill(guard, SIGKILL);
	waitpid(guard, NULL, 0);
	printf("# %ld system calls exist\n", existing);
	check(existing > 40, "there are system calls");
	healthy();
	return tap_end();
}
