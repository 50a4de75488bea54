// SPDX-License-Identifier: MIT
//
// Extended attributes: no file has any, which is said as Linux says it of such file systems.
// kernel only
#include <fcntl.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static bool gives(long result, int error)
{
	return error ? result == -1 && errno == error : result == 0;
}

int main(void)
{
	const char *self = "/proc/self/exe", *name = "user.comment";
	char value[16];
	int file = open(self, O_RDONLY);

	check(gives(syscall(SYS_getxattr, self, name, value, 16), EOPNOTSUPP), "getxattr");
	check(gives(syscall(SYS_lgetxattr, "/bin", name, value, 16), EOPNOTSUPP), "lgetxattr");
	check(gives(syscall(SYS_fgetxattr, file, name, value, 16), EOPNOTSUPP), "fgetxattr");
	check(gives(syscall(SYS_listxattr, self, value, 16), 0), "listxattr: none");
	check(gives(syscall(SYS_flistxattr, file, value, 16), 0), "flistxattr: none");
	check(gives(syscall(SYS_getxattr, "/none", name, value, 16), ENOENT), "a missing file");
	check(gives(syscall(SYS_fgetxattr, 99, name, value, 16), EBADF), "a missing descriptor");
	check(gives(syscall(SYS_getxattr, 16, name, value, 16), EFAULT), "no path");
	return tap_end();
}
