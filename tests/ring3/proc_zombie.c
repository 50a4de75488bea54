// SPDX-License-Identifier: MIT
//
// What /proc says of a process that has ended and that nobody has waited for.
#include <fcntl.h>
#include <signal.h>
#include "tests/ring3/tap.h"

static int zombie;

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", zombie, name);
	return path;
}

static void file(const char *name)
{
	char text[512], title[64];
	int descriptor = open(path_of(name), O_RDONLY);
	long length = descriptor;

	snprintf(title, sizeof(title), "%s: %s", name, descriptor < 0 ? "open" : "bytes");
	if (descriptor >= 0)
		length = read(descriptor, text, sizeof(text));
	show(title, length);
	close(descriptor);
}

// A short file whose text says the same on both.
static void words(const char *name)
{
	char text[64];
	int descriptor = open(path_of(name), O_RDONLY);
	long length = read(descriptor, text, sizeof(text) - 1);

	text[length < 0 ? 0 : length] = '\0';
	printf("# %s: %s\n", name, text);
	close(descriptor);
}

static void link_of(const char *name)
{
	char text[64];
	long length = readlink(path_of(name), text, sizeof(text));

	show(name, length < 0 ? length : 0);
}

int main(void)
{
	static const char *const files[] = {"environ", "auxv",    "maps",    "smaps",
					    "mounts",  "cmdline", "pagemap", "smaps_rollup"};
	siginfo_t info;

	zombie = fork();
	if (zombie == 0)
		_exit(3);
	check(waitid(P_PID, zombie, &info, WEXITED | WNOWAIT) == 0, "a zombie");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		file(files[i]);
	words("statm");
	words("oom_score");
	words("oom_score_adj");
	words("wchan");
	link_of("exe");
	link_of("cwd");
	link_of("root");
	check(waitid(P_PID, zombie, &info, WEXITED) == 0, "waited for");
	file("stat");
	return tap_end();
}
