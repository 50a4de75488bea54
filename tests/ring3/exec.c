// SPDX-License-Identifier: MIT
//
// execve: what the new program is given, what it keeps of the old, and what is refused. It
// executes itself; the first argument then says which part to play.
#include <elf.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static const char self[] = "/proc/self/exe";
static char *no_environment[] = {NULL};

static int play_show(int argc, char **argv, char **environment)
{
	for (int i = 0; i < argc; i++)
		printf("# argv[%d] = \"%s\"\n", i, argv[i]);
	for (char **at = environment; *at; at++)
		printf("# %s\n", *at);
	printf("# argv ends with %s\n", argv[argc] ? "something" : "NULL");
	fflush(stdout);
	return 0;
}

static int play_kept(char **argv)
{
	int kept = atoi(argv[2]), closed = atoi(argv[3]);
	struct sigaction ignored, caught;

	sigaction(SIGUSR1, NULL, &ignored);
	sigaction(SIGUSR2, NULL, &caught);
	show("a descriptor", fcntl(kept, F_GETFD));
	show("one to be closed", fcntl(closed, F_GETFD));
	check(ignored.sa_handler == SIG_IGN, "what was ignored is ignored");
	check(caught.sa_handler == SIG_DFL, "what was caught is not");
	check(getpid() == atoi(argv[4]), "the process is the same");
	check(syscall(SYS_mprotect, atol(argv[5]), PAGE, PROT_READ) == -1 && errno == ENOMEM,
	      "the old memory is gone");
	return 0;
}

static int play_vectors(void)
{
	Elf64_Ehdr *header = NULL;
	Elf64_Phdr *first = (Elf64_Phdr *)getauxval(AT_PHDR);

	check(getauxval(AT_PAGESZ) == PAGE, "AT_PAGESZ");
	check(getauxval(AT_PHENT) == sizeof(Elf64_Phdr), "AT_PHENT");
	check(getauxval(AT_ENTRY) != 0, "AT_ENTRY");
	check(getauxval(AT_RANDOM) != 0, "AT_RANDOM");
	check(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid(), "AT_UID, AT_EGID");
	check(getauxval(AT_SECURE) == 0, "AT_SECURE");
	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		if (first[i].p_type == PT_LOAD && first[i].p_offset == 0)
			header = (Elf64_Ehdr *)first[i].p_vaddr;
	check(header && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0, "AT_PHDR and AT_PHNUM");
	check(header && header->e_entry == getauxval(AT_ENTRY), "the entry is the file's");
	check(strlen((char *)getauxval(AT_EXECFN)) > 0, "AT_EXECFN");
	check((unsigned long)__builtin_frame_address(0) % 16 == 0, "the stack is aligned");
	return 0;
}

static int play_count(int argc, char **argv)
{
	size_t bytes = 0;

	for (int i = 0; i < argc; i++)
		bytes += strlen(argv[i]);
	printf("# %d arguments of %zu bytes\n", argc, bytes);
	fflush(stdout);
	return 0;
}

static void run(char **argv, char **environment)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execve(self, argv, environment);
		show("execve", -1);
		_exit(99);
	}
	waitpid(child, &status, 0);
	show_status(argv[0] && argv[1] ? argv[1] : "no arguments", status);
}

static void what_is_passed(void)
{
	char *environment[] = {"A=1", "EMPTY=", "", "B=two words", NULL};
	char *arguments[] = {"the name", "show", "", "with space", "last", NULL};
	char *vectors[] = {"exec", "vectors", NULL};

	run(arguments, environment);
	run(vectors, environment);
}

static void what_is_kept(void)
{
	char kept[12], closed[12], process[12], memory[24];
	char *arguments[] = {"exec", "kept", kept, closed, process, memory, NULL};
	void *mapping = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	snprintf(kept, sizeof(kept), "%d", open(self, O_RDONLY));
	snprintf(closed, sizeof(closed), "%d", open(self, O_RDONLY | O_CLOEXEC));
	snprintf(memory, sizeof(memory), "%ld", (long)mapping);
	child = fork();
	if (child == 0) {
		signal(SIGUSR1, SIG_IGN);
		signal(SIGUSR2, _exit);
		snprintf(process, sizeof(process), "%d", getpid());
		execve(self, arguments, no_environment);
		_exit(99);
	}
	waitpid(child, &status, 0);
	show_status("kept", status);
}

static void large_arguments(void)
{
	static char long_one[100000];
	static char *many[3002];
	char *one[] = {"exec", "count", long_one, NULL};

	memset(long_one, 'x', sizeof(long_one) - 1);
	run(one, no_environment);
	many[0] = "exec";
	many[1] = "count";
	for (int i = 2; i < 3001; i++)
		many[i] = "0123456789";
	run(many, no_environment);
}

static long raw_execve(long path, long arguments, long environment)
{
	return syscall(SYS_execve, path, arguments, environment);
}

// A child that shares the descriptors: exec closes its own only.
static void shared_descriptors(void)
{
	int shared = open("/", O_RDONLY | O_CLOEXEC), status;
	pid_t child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (child == 0) {
		execve(self, (char *[]){"exec", "true", NULL}, no_environment);
		_exit(1);
	}
	waitpid(child, &status, 0);
	show_status("a program of a child that shares descriptors", status);
	show("one to be closed is still there", fcntl(shared, F_GETFD));
	close(shared);
}

static void refusals(void)
{
	static char too_long[200000];
	char *arguments[] = {"exec", "show", NULL}, *huge[] = {"exec", "count", too_long, NULL};

	memset(too_long, 'x', sizeof(too_long) - 1);
	show("no such file", execve("/nothing-here", arguments, no_environment));
	show("a directory", execve("/", arguments, no_environment));
	show("name nowhere", raw_execve(8, (long)arguments, (long)no_environment));
	show("arguments nowhere", raw_execve((long)self, 8, (long)no_environment));
	show("no such file, and arguments nowhere",
	     raw_execve((long)"/nothing-here", 8, (long)no_environment));
	show("a directory, and environment nowhere", raw_execve((long)"/", (long)arguments, 8));
	show("an argument nowhere",
	     execve(self, (char *[]){"a", (char *)8, NULL}, no_environment));
	show("environment in the kernel",
	     raw_execve((long)self, (long)arguments, 0xffff888000000000));
	show("empty name", execve("", arguments, no_environment));
	show("an argument that is too long", execve(self, huge, no_environment));
	check(true, "the old program goes on after each");
}

int main(int argc, char **argv, char **environment)
{
	const char *part = argc > 1 ? argv[1] : "";

	if (strcmp(part, "show") == 0)
		return play_show(argc, argv, environment);
	if (strcmp(part, "kept") == 0)
		return play_kept(argv);
	if (strcmp(part, "vectors") == 0)
		return play_vectors();
	if (strcmp(part, "count") == 0)
		return play_count(argc, argv);
	if (strcmp(part, "true") == 0)
		return 0;
	what_is_passed();
	what_is_kept();
	large_arguments();
	shared_descriptors();
	refusals();
	return tap_end();
}
