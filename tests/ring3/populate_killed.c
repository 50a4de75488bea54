// SPDX-License-Identifier: MIT
//
// Bringing in far more than anybody wants takes long: others run meanwhile, and a signal that
// kills the process ends it. Linux would really map all of it.
// kernel only
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define HUGE_SIZE (1ul << 40)

int main(void)
{
	struct timespec while_it_works = {0, 30000000};
	int status;
	pid_t child = fork();

	if (child == 0) {
		mmap(NULL, HUGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		     0);
		_exit(0);
	}
	nanosleep(&while_it_works, NULL);
	check(waitpid(child, &status, WNOHANG) == 0, "another process runs meanwhile");
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "SIGKILL ends it");
	return tap_end();
}
