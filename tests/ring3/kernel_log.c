// SPDX-License-Identifier: MIT
//
// The kernel's log as dmesg reads it (syslog). What is in it differs from Linux's, and so does who
// may read it there (dmesg_restrict); what is asserted holds on both.
#include <sys/klog.h>
#include <sys/utsname.h>
#include "tests/ring3/tap.h"

enum { OPEN = 1, READ_ALL = 3, READ_CLEAR = 4, CLEAR = 5, LEVEL = 8, UNREAD = 9, SIZE = 10 };

static bool linux_refuses; // to whoever runs the test there

static bool ours(void)
{
	struct utsname name;

	return uname(&name) == 0 && strcmp(name.nodename, "faultline") == 0;
}

static bool fails(int error, long result)
{
	return result == -1 && errno == (linux_refuses ? EPERM : error);
}

static void wrong_arguments(void)
{
	char byte;

	check(fails(EINVAL, klogctl(READ_ALL, NULL, 10)), "into nothing");
	check(fails(EINVAL, klogctl(READ_ALL, &byte, -1)), "of less than none");
	check(linux_refuses || klogctl(READ_ALL, &byte, 0) == 0, "of no bytes");
	check(!ours() || fails(EFAULT, klogctl(READ_ALL, (char *)8, 100)), "to nowhere");
	check(fails(EINVAL, klogctl(LEVEL, NULL, 9)), "a level that is none");
	check(fails(EINVAL, klogctl(LEVEL, NULL, 0)), "no level");
	check(fails(EINVAL, klogctl(11, NULL, 0)), "an unknown action");
	check(fails(EINVAL, klogctl(-1, NULL, 0)), "another");
}

// The last lines that fit, and nothing but whole lines.
static bool reads(void)
{
	int size = klogctl(SIZE, NULL, 0), all, some;
	char *log = calloc(2, (size_t)size), *end;

	if (size < 4096 || !log)
		return false;
	all = klogctl(READ_ALL, log, size);
	some = klogctl(READ_ALL, log + size, 300);
	if (all <= 0 || all > size || some <= 0 || some > 300 || some > all)
		return false;
	end = log + all - some;
	return memcmp(end, log + size, (size_t)some) == 0 && (end == log || end[-1] == '\n') &&
	       klogctl(UNREAD, NULL, 0) >= 0;
}

// Linux's is not ours to clear.
static bool clears(void)
{
	static char log[1 << 16];

	return klogctl(READ_ALL, log, sizeof(log)) > 0 && klogctl(CLEAR, NULL, 0) == 0 &&
	       klogctl(READ_ALL, log, sizeof(log)) == 0 &&
	       klogctl(READ_CLEAR, log, sizeof(log)) == 0;
}

static void others(void)
{
	char log[300];

	check(geteuid() || seteuid(65534) == 0, "another user");
	linux_refuses = true;
	check(fails(EPERM, klogctl(CLEAR, NULL, 0)), "may not clear it");
	check(fails(EPERM, klogctl(11, NULL, 0)), "nor ask for what is not there");
	check(!ours() || klogctl(READ_ALL, log, sizeof(log)) >= 0, "but read it");
}

int main(void)
{
	linux_refuses = klogctl(OPEN, NULL, 0) < 0;
	check(!linux_refuses || !ours(), "opened");
	wrong_arguments();
	check(linux_refuses || reads(), "the last lines");
	check(!ours() || clears(), "cleared");
	others();
	return tap_end();
}
