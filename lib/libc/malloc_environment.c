// SPDX-License-Identifier: MIT
#include "lib/libc/malloc_environment.h"
#include "lib/libc/system_call.h"
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

extern char **environ;

static const char *from_proc(const char *name)
{
	static char environment[32768];
	long fd = system_call4(__NR_openat, AT_FDCWD, (long)"/proc/self/environ",
			       O_RDONLY | O_CLOEXEC, 0);
	size_t size = 0, length = strlen(name);
	long got = 1;

	if (fd < 0)
		return NULL;
	while (got > 0 && size < sizeof(environment) - 1) {
		got = system_call3(__NR_read, fd, (long)(environment + size),
				   (long)(sizeof(environment) - 1 - size));
		size += got > 0 ? (size_t)got : 0;
	}
	system_call1(__NR_close, fd);
	environment[size] = '\0';
	for (const char *at = environment; at < environment + size; at += strlen(at) + 1)
		if (strncmp(at, name, length) == 0)
			return at + length;
	return NULL;
}

const char *malloc_environment(const char *name)
{
	size_t length = strlen(name);

	if (getauxval(AT_SECURE))
		return NULL;
	if (!environ)
		return from_proc(name);
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, name, length) == 0)
			return *variable + length;
	return NULL;
}
