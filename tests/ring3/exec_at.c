// SPDX-License-Identifier: MIT
//
// execveat: programs and scripts by descriptor, what they are told of their path, what is refused.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"
#include "tests/ring3/workplace.h"

#define FIXED 50 // a descriptor whose number is told

static char *no_environment[] = {NULL};

static int play_show(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("# argv[%d] = \"%s\"\n", i, argv[i]);
	printf("# AT_EXECFN: %s\n", (char *)getauxval(AT_EXECFN));
	fflush(stdout);
	return 0;
}

static long execve_at(int directory, const char *path, int flags)
{
	char *arguments[] = {"name", "show", NULL};

	return syscall(SYS_execveat, directory, path, arguments, no_environment, flags);
}

static void run(const char *name, int directory, const char *path, int flags)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		show(name, execve_at(directory, path, flags));
		_exit(99);
	}
	waitpid(child, &status, 0);
	show_status(name, status);
}

static void opened(int flags)
{
	int file = open("/proc/self/exe", flags);

	dup3(file, FIXED, flags & O_CLOEXEC);
	close(file);
}

static void programs(void)
{
	opened(O_RDONLY);
	run("a descriptor", FIXED, "", AT_EMPTY_PATH);
	run("without the flag", FIXED, "", 0);
	run("no directory", FIXED, "name", 0);
	opened(O_PATH);
	run("a descriptor for its path", FIXED, "", AT_EMPTY_PATH);
	opened(O_RDONLY | O_CLOEXEC);
	run("one that is closed", FIXED, "", AT_EMPTY_PATH);
	close(FIXED);
	run("none", FIXED, "", AT_EMPTY_PATH);
	run("none, and a path", FIXED, "program", 0);
	run("none, and a path from the root", FIXED, "/proc/self/exe", 0);
	run("unknown flags", AT_FDCWD, "/proc/self/exe", 1);
	run("a link not to be followed", AT_FDCWD, "/proc/self/exe", AT_SYMLINK_NOFOLLOW);
	run("the working directory", AT_FDCWD, "", AT_EMPTY_PATH);
}

static void in_a_directory(void)
{
	int directory = open(".", O_RDONLY | O_DIRECTORY);

	dup2(directory, FIXED);
	close(directory);
	symlink("/proc/self/exe", "link");
	run("below a directory", FIXED, "link", 0);
	run("in the working directory", AT_FDCWD, "link", 0);
	run("a link not to be followed", FIXED, "link", AT_SYMLINK_NOFOLLOW);
	run("nothing there", FIXED, "nothing", 0);
	run("a directory", FIXED, "", AT_EMPTY_PATH);
	close(FIXED);
}

static void scripts(void)
{
	static const char text[] = "#!/proc/self/exe show\n";
	int file = open("script", O_WRONLY | O_CREAT, 0755);

	check(write(file, text, sizeof(text) - 1) == sizeof(text) - 1, "a script");
	close(file);
	file = open("script", O_RDONLY);
	dup2(file, FIXED);
	close(file);
	run("a script", FIXED, "", AT_EMPTY_PATH);
	fcntl(FIXED, F_SETFD, FD_CLOEXEC);
	run("a script that will be closed", FIXED, "", AT_EMPTY_PATH);
	run("a script by its path", AT_FDCWD, "script", 0);
	close(FIXED);
	chmod("script", 0644);
	run("one that may not be executed", AT_FDCWD, "script", 0);
}

static void from_memory(void)
{
	int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("program", 0);
	char bytes[4096];
	ssize_t length;

	while ((length = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)length) != length)
			exit(1);
	close(from);
	dup2(to, FIXED);
	close(to);
	run("a file without a name", FIXED, "", AT_EMPTY_PATH);
	close(FIXED);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "show"))
		return play_show(argc, argv);
	programs();
	enter_workplace();
	in_a_directory();
	scripts();
	from_memory();
	leave_workplace();
	return tap_end();
}
