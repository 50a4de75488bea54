// SPDX-License-Identifier: MIT
//
// Core files: which signals leave one, what the parent is told, what is in it, and when there is
// none.
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include "tests/ring3/workplace.h"

#define ROOM (8 << 20)

static void limit(rlim_t bytes)
{
	struct rlimit core;

	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = bytes;
	check(!setrlimit(RLIMIT_CORE, &core), "a limit");
}

static void told(const char *name, pid_t child)
{
	siginfo_t info = {0};
	struct stat file;
	int status;

	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	waitpid(child, &status, 0);
	printf("# %s: signal %d%s; code %d, status %d; %s\n", name, WTERMSIG(status),
	       WCOREDUMP(status) ? ", core dumped" : "", info.si_code, info.si_status,
	       stat("core", &file) ? "no file" : "a file");
	fflush(stdout);
}

static void end_child(const char *name, int signal)
{
	pid_t child;

	unlink("core");
	child = fork();
	if (!child) {
		for (;;)
			pause();
	}
	kill(child, signal);
	told(name, child);
}

static void all_signals(void)
{
	char name[32];

	for (int signal = 1; signal <= SIGRTMAX; signal++) {
		if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
		    signal == SIGTTOU || signal == SIGCONT || signal == SIGCHLD ||
		    signal == SIGURG || signal == SIGWINCH || (signal > 31 && signal < SIGRTMAX))
			continue;
		snprintf(name, sizeof(name), "kill by %d", signal);
		end_child(name, signal);
	}
}

static char *volatile nowhere = (char *)8;

static void *fault(void *unused)
{
	(void)unused;
	*nowhere = 1;
	return NULL;
}

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

// By faults and abort; with other threads; what was blocked or caught.
static void from_inside(int kind)
{
	sigset_t set;
	pthread_t thread;

	switch (kind) {
	case 0:
		abort();
	case 1:
		fault(NULL);
		break;
	case 2:
		pthread_create(&thread, NULL, idle, NULL);
		pthread_create(&thread, NULL, fault, NULL);
		idle(NULL);
		break;
	case 3:
		sigemptyset(&set);
		sigaddset(&set, SIGSEGV);
		sigprocmask(SIG_BLOCK, &set, NULL);
		fault(NULL);
		break;
	case 4:
		signal(SIGSEGV, SIG_IGN);
		fault(NULL);
		break;
	case 5:
		prctl(PR_SET_DUMPABLE, 0);
		abort();
	case 6:
		__builtin_trap();
	default:
		mkdir("core", 0700);
		abort();
	}
}

static void insides(void)
{
	static const char *const names[] = {
		"abort",
		"a fault",
		"a fault in a thread",
		"a blocked fault",
		"an ignored fault",
		"not dumpable",
		"an invalid instruction",
		"a directory",
	};

	for (int i = 0; i < 8; i++) {
		pid_t child;

		unlink("core");
		child = fork();
		if (!child) {
			from_inside(i);
			_exit(0);
		}
		told(names[i], child);
	}
	rmdir("core");
	symlink("other", "core");
	end_child("a name taken by nothing", SIGQUIT);
}

static char *mark;

static const Elf64_Phdr *segment_of(const Elf64_Ehdr *header, uintptr_t address)
{
	const Elf64_Phdr *segment = (const void *)((const char *)header + header->e_phoff);

	for (int i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type == PT_LOAD && address - segment->p_vaddr < segment->p_memsz)
			return segment;
	}
	return NULL;
}

static const struct elf_prstatus *status_of(const Elf64_Ehdr *header)
{
	const Elf64_Phdr *notes = (const void *)((const char *)header + header->e_phoff);
	const char *at = (const char *)header + notes->p_offset;
	const Elf64_Nhdr *note = (const void *)at;

	if (notes->p_type != PT_NOTE || note->n_type != NT_PRSTATUS)
		return NULL;
	return (const void *)(at + sizeof(*note) + ((note->n_namesz + 3) & ~3u));
}

static void contents(void)
{
	const struct elf_prstatus *status;
	const Elf64_Phdr *segment;
	const Elf64_Ehdr *header;
	struct stat file;
	pid_t child;
	int fd;

	mark = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unlink("core");
	child = fork();
	if (!child) {
		strcpy(mark + 2 * PAGE, "left behind");
		abort();
	}
	told("with a mark", child);
	fd = open("core", O_RDONLY);
	fstat(fd, &file);
	check((file.st_mode & 07777) == 0600, "for its owner only");
	header = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (!check(header != MAP_FAILED && !memcmp(header->e_ident, ELFMAG, SELFMAG) &&
			   header->e_type == ET_CORE && header->e_machine == EM_X86_64,
		   "an ELF core file"))
		return;
	segment = segment_of(header, (uintptr_t)mark);
	check(segment && !strcmp((const char *)header + segment->p_offset +
					 ((uintptr_t)mark - segment->p_vaddr) + 2 * PAGE,
				 "left behind"),
	      "has what was in memory");
	status = status_of(header);
	check(status && status->pr_cursig == SIGABRT && status->pr_pid == child, "whose, and why");
	check(status && segment_of(header, status->pr_reg[19]), "its stack pointer's segment");
	close(fd);
}

// What a filter leaves of a page that only this process has.
static bool has_mark(const char *name, const char *filter, int advice)
{
	const Elf64_Phdr *segment;
	const Elf64_Ehdr *header;
	bool found = false;
	struct stat file;
	pid_t child;
	int fd;

	unlink("core");
	child = fork();
	if (!child) {
		fd = open("/proc/self/coredump_filter", O_WRONLY);
		strcpy(mark, "here");
		if (write(fd, filter, strlen(filter)) < 0 || madvise(mark, 4 * PAGE, advice))
			_exit(1);
		abort();
	}
	told(name, child);
	fd = open("core", O_RDONLY);
	fstat(fd, &file);
	header = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	segment = segment_of(header, (uintptr_t)mark);
	if (segment && segment->p_filesz)
		found = !strcmp((const char *)header + segment->p_offset +
					((uintptr_t)mark - segment->p_vaddr),
				"here");
	munmap((void *)header, (size_t)file.st_size);
	return found;
}

static void filters(void)
{
	char text[16] = "";
	int fd = open("/proc/self/coredump_filter", O_RDWR);

	read(fd, text, sizeof(text) - 1);
	printf("# the filter: %s", text);
	show("no number", write(fd, "x", 1));
	show("too large", write(fd, "0x100000000", 11));
	close(fd);
	check(has_mark("all", "0x33", MADV_NORMAL), "it is there");
	check(!has_mark("not to be dumped", "0x33", MADV_DONTDUMP), "it is not");
	check(has_mark("to be dumped again", "0x33", MADV_DODUMP), "it is there again");
	check(!has_mark("nothing anonymous", "0x30", MADV_NORMAL), "it is not");
}

// The pattern is the machine's: it is only changed where nobody else lives. Elsewhere the same is
// printed.
static void pattern(void)
{
	char name[64], text[64] = "";
	struct utsname system;
	struct stat file;
	bool here;
	pid_t child;
	int fd;

	uname(&system);
	here = strstr(system.release, "faultline");
	fd = open("/proc/sys/kernel/core_pattern", here ? O_RDWR : O_RDONLY);
	if (here)
		check(write(fd, "x-%p.%s%%%q%e-%u\nmore", 20) == 20, "a pattern");
	else
		check(fd >= 0, "a pattern");
	pread(fd, text, sizeof(text) - 1, 0);
	check(!here || !strcmp(text, "x-%p.%s%%%q%e-%u\n"), "is what can be read");
	child = fork();
	if (!child) {
		prctl(PR_SET_NAME, "me");
		abort();
	}
	waitpid(child, NULL, 0);
	snprintf(name, sizeof(name), "x-%d.6%%me-0", (int)child);
	check(!here || !stat(name, &file), "the file has that name");
	if (here) {
		unlink(name);
		check(write(fd, "core\n", 5) == 5, "as it was");
	} else {
		check(true, "as it was");
	}
	close(fd);
}

int main(void)
{
	enter_workplace();
	limit(ROOM);
	all_signals();
	insides();
	contents();
	filters();
	pattern();
	limit(0);
	end_child("no room", SIGQUIT);
	limit(PAGE - 1);
	end_child("less than a page", SIGQUIT);
	limit(2 * PAGE);
	end_child("two pages", SIGQUIT);
	leave_workplace();
	return tap_end();
}
