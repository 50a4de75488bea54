// SPDX-License-Identifier: MIT
//
// The calls on files whose last argument is there only sometimes.
#include "lib/libc/system_call.h"
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Read also when the caller gave none: it is then whatever was in the register, as in the kernel.
#define LAST_ARGUMENT(previous)                 \
	({                                      \
		va_list arguments;              \
		long last;                      \
                                                \
		va_start(arguments, previous);  \
		last = va_arg(arguments, long); \
		va_end(arguments);              \
		last;                           \
	})

int open(const char *path, int flags, ...)
{
	long mode = LAST_ARGUMENT(flags);

	return (int)libc_result(system_call3(__NR_open, (long)path, flags, mode));
}

int openat(int directory, const char *path, int flags, ...)
{
	long mode = LAST_ARGUMENT(flags);

	return (int)libc_result(system_call4(__NR_openat, directory, (long)path, flags, mode));
}

int creat(const char *path, mode_t mode)
{
	return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int fcntl(int fd, int command, ...)
{
	long argument = LAST_ARGUMENT(command);

	return (int)libc_result(system_call3(__NR_fcntl, fd, command, argument));
}

int ioctl(int fd, unsigned long request, ...)
{
	long argument = LAST_ARGUMENT(request);

	return (int)libc_result(system_call3(__NR_ioctl, fd, (long)request, argument));
}

int isatty(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0;
}
