// SPDX-License-Identifier: MIT
//
// cow: one page, two processes, and the write that gives one of them a copy
//
// As little as there can be around one copy-on-write fault, to be stepped through in gdb, forwards
// and backwards (docs/debugging.md).
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char page[4096] __attribute__((aligned(4096)));

static __attribute__((noinline)) void write_to(volatile char *byte, char value)
{
	*byte = value;
}

int main(void)
{
	int status = 0;
	pid_t child;

	write_to(page, 'P');
	child = fork();
	if (child < 0) {
		perror("cow: fork");
		return 1;
	}
	if (child == 0) {
		write_to(page, 'C'); // the page is still the parent's too
		_exit(page[0]);
	}
	waitpid(child, &status, 0);
	printf("The child wrote '%c' and ended; the parent still reads '%c'.\n",
	       WEXITSTATUS(status), page[0]);
	return page[0] == 'P' && WEXITSTATUS(status) == 'C' ? 0 : 1;
}
