// SPDX-License-Identifier: MIT
//
// Names of signals, for the log.
#include "kernel/process/signal_name.h"

#include <asm/signal.h>

static const char *const names[32] = {
#define NAME(signal) [signal] = #signal
	NAME(SIGHUP),    NAME(SIGINT),  NAME(SIGQUIT),  NAME(SIGILL),  NAME(SIGTRAP),
	NAME(SIGABRT),   NAME(SIGBUS),  NAME(SIGFPE),   NAME(SIGKILL), NAME(SIGUSR1),
	NAME(SIGSEGV),   NAME(SIGUSR2), NAME(SIGPIPE),  NAME(SIGALRM), NAME(SIGTERM),
	NAME(SIGSTKFLT), NAME(SIGCHLD), NAME(SIGCONT),  NAME(SIGSTOP), NAME(SIGTSTP),
	NAME(SIGTTIN),   NAME(SIGTTOU), NAME(SIGURG),   NAME(SIGXCPU), NAME(SIGXFSZ),
	NAME(SIGVTALRM), NAME(SIGPROF), NAME(SIGWINCH), NAME(SIGIO),   NAME(SIGPWR),
	NAME(SIGSYS),
#undef NAME
};

const char *signal_name(int signal)
{
	if (signal >= 32 && signal <= 64)
		return "SIGRT";
	return signal > 0 && signal < 32 ? names[signal] : "SIG?";
}
