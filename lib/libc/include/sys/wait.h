// SPDX-License-Identifier: MIT
#pragma once

#include <linux/wait.h>
#include <sys/types.h>

// A wait status: the low seven bits are the signal that ended the process (0: it exited, 0x7f: it
// is stopped), bit 7 says that it left a core; the exit status or stop signal is in bits 8 to 15.
#define WEXITSTATUS(status)  ((status) >> 8 & 0xff)
#define WTERMSIG(status)     ((status)&0x7f)
#define WSTOPSIG(status)     WEXITSTATUS(status)
#define WCOREDUMP(status)    (((status)&0x80) != 0)
#define WIFEXITED(status)    (WTERMSIG(status) == 0)
#define WIFSTOPPED(status)   (((status)&0xff) == 0x7f)
#define WIFSIGNALED(status)  (!WIFEXITED(status) && !WIFSTOPPED(status))
#define WIFCONTINUED(status) ((status) == 0xffff)

struct rusage;

pid_t wait(int *status);
pid_t waitpid(pid_t pid, int *status, int options);
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage);
