// SPDX-License-Identifier: MIT
//
// Shows what it was given and ends as its first argument says: `exit N`, `signal N`, `env NAME`,
// `stderr TEXT`, `loop`, `touch ADDRESS`.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print_all(char **argv)
{
	for (; *argv; argv++)
		printf("[%s]\n", *argv);
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	const char *what = argc > 2 ? argv[2] : "";

	if (!strcmp(how, "exit"))
		return atoi(what);
	if (!strcmp(how, "signal"))
		return kill(getpid(), atoi(what));
	if (!strcmp(how, "env"))
		return printf("%s\n", getenv(what) ? getenv(what) : "(unset)") < 0;
	if (!strcmp(how, "stderr"))
		return fprintf(stderr, "%s\n", what) < 0;
	if (!strcmp(how, "touch"))
		return *(volatile char *)strtoul(what, NULL, 0);
	while (!strcmp(how, "loop"))
		;
	return print_all(argv + 1);
}
