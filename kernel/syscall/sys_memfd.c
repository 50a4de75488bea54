// SPDX-License-Identifier: MIT
//
// memfd_create: a file in memory without a name, and the seals that its users can rely on.
#include "kernel/file/tmpfs.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "lib/string.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/stat.h>

// Newer than some systems' headers.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC        0x0010U
#endif

#define PREFIX     "memfd:"
#define PREFIX_MAX (sizeof(PREFIX) - 1)
#define NAME_LIMIT (NAME_MAX - PREFIX_MAX) // bytes, without the NUL

static int check_flags(unsigned flags)
{
	unsigned known =
		MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC;

	if (flags & MFD_HUGETLB)
		known |= (unsigned)MFD_HUGE_MASK << MFD_HUGE_SHIFT;
	if (flags & ~known)
		return -EINVAL;
	return (flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL) ? -EINVAL : 0;
}

static struct file *create(const char *name, unsigned flags)
{
	uint32_t mode = flags & MFD_NOEXEC_SEAL ? 0666 : 0777;
	struct tmpfs_inode *node = tmpfs_create_nameless(name, S_IFREG | mode, 0);
	struct file *file = NULL;

	if (!node)
		return NULL;
	node->inode.uid = current_credentials()->users.files;
	node->inode.gid = current_credentials()->groups.files;
	node->file.seals = flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
	if (flags & MFD_NOEXEC_SEAL)
		node->file.seals = F_SEAL_EXEC;
	if (tmpfs_open(&node->inode, O_RDWR | O_LARGEFILE, &file))
		file = NULL;
	if (file)
		tmpfs_forget_writer(file);
	inode_put(&node->inode);
	return file;
}

long sys_memfd_create(uintptr_t user_name, unsigned flags)
{
	char name[NAME_MAX + 1] = PREFIX;
	struct file *file;
	long result = check_flags(flags);

	if (result)
		return result;
	result = strncpy_from_user(name + PREFIX_MAX, user_name, NAME_LIMIT + 1);
	if (result < 0)
		return result == -ENAMETOOLONG ? -EINVAL : result;
	if (flags & MFD_HUGETLB)
		return -ENOSYS; // as on a kernel without huge pages
	file = create(name, flags);
	if (!file)
		return -ENOMEM;
	result = files_install(current_task()->files, file, 0, descriptor_limit(),
			       flags & MFD_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}
