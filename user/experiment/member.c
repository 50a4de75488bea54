// SPDX-License-Identifier: MIT
//
// The same program in several processes; see member.h.
#include "user/experiment/member.h"
#include "user/lib/subject.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char page[4096] __attribute__((aligned(4096))) = "nothing yet";

static _Noreturn void become_member(const int *ask, const int *answer)
{
	char *const words[] = {"experiment", MEMBER, NULL};

	if (dup2(ask[0], STDIN_FILENO) >= 0 && dup2(answer[1], STDOUT_FILENO) >= 0)
		execv("/proc/self/exe", words);
	_exit(127);
}

void member_start(struct member *member)
{
	int ask[2], answer[2];

	if (pipe2(ask, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0) {
		perror("pipe");
		exit(2);
	}
	member->pid = child_start();
	if (member->pid == 0)
		become_member(ask, answer);
	close(ask[0]);
	close(answer[1]);
	member->ask = ask[1];
	member->answer = answer[0];
}

bool member_ask(const struct member *member, const char *text, struct member_answer *answer)
{
	char line[MEMBER_TEXT] = "";

	snprintf(line, sizeof(line), "%s", text);
	return write(member->ask, line, sizeof(line)) == (ssize_t)sizeof(line) &&
	       read(member->answer, answer, sizeof(*answer)) == (ssize_t)sizeof(*answer);
}

int member_end(struct member *member)
{
	int status = 0;

	close(member->ask);
	close(member->answer);
	waitpid(member->pid, &status, 0);
	return status;
}

int member_main(void)
{
	struct member_answer answer = {(uintptr_t)page, (uintptr_t)member_main, ""};
	char text[MEMBER_TEXT];
	char *alone = mmap((void *)MEMBER_ALONE, sizeof(page), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (alone == MAP_FAILED)
		return 1;
	while (read(STDIN_FILENO, text, sizeof(text)) == (ssize_t)sizeof(text)) {
		if (*text) {
			memcpy(page, text, sizeof(text));
			memcpy(alone, text, sizeof(text));
		}
		memcpy(answer.text, page, sizeof(answer.text));
		if (write(STDOUT_FILENO, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
			return 1;
	}
	return 0;
}
