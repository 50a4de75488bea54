// SPDX-License-Identifier: MIT
//
// N2.7: no process reaches another's memory. One has a secret at a known address in a known frame;
// another one tries every way to it that a program may think of, each in a child of its own.
#include "user/experiment/experiment.h"
#include "user/experiment/member.h"
#include "user/lib/kernel_files.h"
#include "user/lib/pagemap.h"
#include "user/lib/screen.h"
#include <asm/unistd_64.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <linux/uio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET    "the secret that nobody else may read"
#define SOMEBODY  1000 // a user without rights
#define FOUND     201  // exit statuses above all errors
#define OWN       202
#define NOT_FOUND 203

static struct member victim;
static struct member_answer secret; // where it is
static char *kernels_address;       // that the kernel has for the secret's frame

// ---- attempts: each returns an error's number, or one of those above ----
static int look(const char *memory)
{
	return memcmp(memory, SECRET, sizeof(SECRET)) == 0 ? FOUND : OWN;
}

static int same_address(void)
{
	return look((const char *)secret.address);
}

static int address_of_its_own(void)
{
	return look((const char *)MEMBER_ALONE);
}

static int read_from(const char *path, off_t offset)
{
	char text[sizeof(SECRET)] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, text, sizeof(text), offset) < 0)
		return errno;
	return look(text);
}

static int proc_mem(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", victim.pid);
	return read_from(path, (off_t)secret.address);
}

static int dev_mem(void)
{
	return read_from("/dev/mem", (off_t)((uintptr_t)kernels_address - DIRECT_MAP));
}

static int call_ptrace(void)
{
	return syscall(__NR_ptrace, PTRACE_ATTACH, victim.pid, 0, 0) < 0 ? errno : FOUND;
}

static int call_vm_readv(void)
{
	char text[sizeof(SECRET)] = "";
	struct iovec here = {text, sizeof(text)}, there = {(void *)secret.address, sizeof(text)};

	if (syscall(__NR_process_vm_readv, victim.pid, &here, 1, &there, 1, 0) < 0)
		return errno;
	return look(text);
}

static int kernel_read(void)
{
	return look(kernels_address);
}

static int kernel_write(void)
{
	*(volatile char *)kernels_address = 'X';
	return FOUND;
}

// The kernel may read that address; it must not do so for a program.
static int kernel_reads_for_me(void)
{
	int ends[2];

	if (pipe2(ends, 0) < 0)
		return errno;
	return write(ends[1], kernels_address, sizeof(SECRET)) < 0 ? errno : FOUND;
}

static int map_there(void)
{
	void *memory =
		mmap((void *)((uintptr_t)kernels_address & -page_size()), page_size(),
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return memory == MAP_FAILED ? errno : FOUND;
}

static int another_users_pagemap(void)
{
	uint64_t word;

	if (syscall(__NR_setuid, SOMEBODY) < 0)
		return errno;
	errno = ENOENT;
	return pagemap_read(victim.pid, secret.address, &word, 1) ? FOUND : errno;
}

// Once its owner has ended: takes all free memory and searches it, every byte that is not zero.
static int left_behind(void)
{
	unsigned long words = nearly_all_free() / sizeof(long);
	const long *memory;

	memory = mmap(NULL, words * sizeof(long), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return errno;
	for (unsigned long at = 0; at < words; at += page_size() / sizeof(long))
		((volatile char *)(memory + at))[page_size() - 1] = 0; // now it has a frame
	for (unsigned long i = 0; i < words; i++)
		if (memory[i])
			return FOUND;
	return NOT_FOUND;
}

static const struct attempt {
	const char *what;
	int (*make)(void);
	int signal, status; // the answer that is wanted: one of them
} attempts[] = {
	{"read the same address", same_address, 0, OWN},
	{"read an address that only the other one has", address_of_its_own, SIGSEGV, 0},
	{"read where the kernel keeps its frame", kernel_read, SIGSEGV, 0},
	{"write there", kernel_write, SIGSEGV, 0},
	{"have the kernel read there: write() from it", kernel_reads_for_me, 0, EFAULT},
	{"map memory there: mmap(MAP_FIXED)", map_there, 0, ENOMEM},
	{"open /proc/PID/mem", proc_mem, 0, ENOENT},
	{"open /dev/mem", dev_mem, 0, ENOENT},
	{"ptrace(PTRACE_ATTACH)", call_ptrace, 0, ENOSYS},
	{"process_vm_readv", call_vm_readv, 0, ENOSYS},
	{"as another user: ask which frame it is in", another_users_pagemap, 0, EACCES},
};
static const struct attempt last_attempt = {"after its end: search all free memory", left_behind,
					    0, NOT_FOUND};

static int make(void *context)
{
	const struct attempt *attempt = context;

	return attempt->make();
}

static const char *answer_text(int status)
{
	static char text[64];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "ended by %s",
			 WTERMSIG(status) == SIGSEGV ? "SIGSEGV" : "another signal");
	else if (WEXITSTATUS(status) == FOUND)
		snprintf(text, sizeof(text), "reached it");
	else if (WEXITSTATUS(status) == OWN)
		snprintf(text, sizeof(text), "its own page is there");
	else if (WEXITSTATUS(status) == NOT_FOUND)
		snprintf(text, sizeof(text), "every byte is 0");
	else
		snprintf(text, sizeof(text), "%s", strerror(WEXITSTATUS(status)));
	return text;
}

static void attempt(const struct attempt *attempt, unsigned number)
{
	int status = in_child(make, (void *)attempt, NULL);
	bool as_wanted = attempt->signal
				 ? WIFSIGNALED(status) && WTERMSIG(status) == attempt->signal
				 : WIFEXITED(status) && WEXITSTATUS(status) == attempt->status;

	check(as_wanted, "%s: %s", attempt->what, answer_text(status));
	csv("%u,%s,%s,%d", number, attempt->what, answer_text(status),
	    WIFEXITED(status) && WEXITSTATUS(status) == FOUND);
}

static void run(void)
{
	size_t count = sizeof(attempts) / sizeof(attempts[0]);
	struct member_answer after = {0};
	uint64_t word = 0;
	bool there;

	member_start(&victim);
	there = member_ask(&victim, SECRET, &secret) &&
		pagemap_read(victim.pid, secret.address, &word, 1);
	check(there, "process %d has \"%s\" at %#lx, in frame %#lx", victim.pid, secret.text,
	      secret.address, word & PAGEMAP_FRAME);
	kernels_address = (char *)(DIRECT_MAP + (word & PAGEMAP_FRAME) * page_size());
	csv("number,attempt,answer,reached");
	for (size_t i = 0; i < count; i++)
		attempt(&attempts[i], (unsigned)i + 1);
	check(member_ask(&victim, "", &after) && strcmp(after.text, SECRET) == 0,
	      "the secret is what it was");
	member_end(&victim);
	attempt(&last_attempt, (unsigned)count + 1);
}

const struct station experiment_isolation = {
	.id = "isolation",
	.title = "No way to another process's memory",
	.claim = "a process reaches only what its own page table leads to, and so not another's "
		 "memory.",
	.look_for = "each attempt and its answer; all are made by the superuser but the one that "
		    "says so.",
	.run = run,
	.seen = "no attempt reached the secret: addresses are one's own, the kernel's half is not "
		"for ring 3, the kernel does not lend its eyes, and a frame is cleared before it "
		"changes hands.",
	.code = "mm/page_table.h (the user bit), mm/fault.c: demand_zero() (clearing), "
		"kernel/machine/user_copy.c (pointers that programs pass). On Linux the superuser "
		"is served by /proc/PID/mem, ptrace and process_vm_readv, which are not here.",
};
