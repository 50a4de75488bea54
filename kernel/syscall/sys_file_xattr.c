// SPDX-License-Identifier: MIT
//
// Extended attributes. No file here has any, and programs that ask (ls -l does) are told so in the
// words of a file system that knows none.
#include "kernel/file/inode.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

// `answer` if the path names something.
static long answer_for_path(uintptr_t path, unsigned flags, long answer)
{
	struct inode *inode;
	int error = lookup_user_path(AT_FDCWD, path, flags, false, &inode);

	if (error)
		return error;
	inode_put(inode);
	return answer;
}

static long answer_for_file(int descriptor, long answer)
{
	struct file *file = get_open_file(descriptor);

	if (!file)
		return -EBADF;
	file_put(file);
	return answer;
}

long sys_getxattr(uintptr_t path)
{
	return answer_for_path(path, 0, -EOPNOTSUPP);
}

long sys_lgetxattr(uintptr_t path)
{
	return answer_for_path(path, LOOKUP_NO_FOLLOW, -EOPNOTSUPP);
}

long sys_fgetxattr(int descriptor)
{
	return answer_for_file(descriptor, -EOPNOTSUPP);
}

long sys_listxattr(uintptr_t path)
{
	return answer_for_path(path, 0, 0);
}

long sys_llistxattr(uintptr_t path)
{
	return answer_for_path(path, LOOKUP_NO_FOLLOW, 0);
}

long sys_flistxattr(int descriptor)
{
	return answer_for_file(descriptor, 0);
}
