// SPDX-License-Identifier: MIT
//
// Opening by path: Linux's order of checks on a file system that mostly does not change.
#include "kernel/file/file.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <stddef.h>

// O_PATH: the file stands for its inode only, and nothing can be done with its contents.
static const struct file_ops path_ops;

static int open_path_only(struct inode *inode, unsigned flags, struct file **file)
{
	*file = file_create(&path_ops, inode_get(inode), flags);
	if (*file)
		return 0;
	inode_put(inode);
	return -ENOMEM;
}

static unsigned access_mask(unsigned flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return flags & O_TRUNC ? 4 | 2 : 4;
	case O_WRONLY:
		return 2;
	default:
		return 4 | 2;
	}
}

int file_open_inode(struct inode *inode, unsigned flags, struct file **file)
{
	int result;

	if (flags & O_PATH)
		return open_path_only(inode, flags & (O_PATH | O_CLOEXEC | O_DIRECTORY), file);
	if (inode_is(inode, S_IFLNK))
		return -ELOOP;
	if (inode_is(inode, S_IFDIR) && (flags & O_ACCMODE) != O_RDONLY)
		return -EISDIR;
	result = inode_permission(inode, access_mask(flags));
	if (result)
		return result;
	if (!inode->ops->open)
		return -ENXIO;
	return inode->ops->open(inode, flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC),
				file);
}

// What O_CREAT changes for a name that exists.
static int check_create(const struct inode *inode, unsigned flags)
{
	if (!(flags & O_CREAT) || (flags & O_PATH))
		return 0;
	if (flags & O_EXCL)
		return -EEXIST;
	return inode_is(inode, S_IFDIR) ? -EISDIR : 0;
}

static unsigned lookup_flags(unsigned flags)
{
	unsigned lookup = 0;

	if ((flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		lookup |= LOOKUP_NO_FOLLOW;
	if (flags & O_DIRECTORY)
		lookup |= LOOKUP_DIRECTORY;
	if ((flags & O_CREAT) && !(flags & O_PATH))
		lookup |= LOOKUP_PARENT | LOOKUP_CREATE;
	return lookup;
}

int file_open(struct inode *directory, const char *path, unsigned flags, struct file **file)
{
	struct inode *inode;
	int result;

	if ((flags & __O_TMPFILE) && !(flags & O_PATH))
		return -EOPNOTSUPP;
	result = path_lookup_at(directory, path, lookup_flags(flags), &inode);
	if (result < 0)
		return result;
	if (result == 1)
		result = inode->read_only ? -EROFS : -EACCES;
	else
		result = check_create(inode, flags);
	if (result == 0)
		result = file_open_inode(inode, flags, file);
	inode_put(inode);
	return result;
}
