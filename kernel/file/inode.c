// SPDX-License-Identifier: MIT
//
// What all inodes have in common, wherever they come from.
#include "kernel/file/inode.h"
#include "lib/string.h"
#include "mm/layout.h"
#include <asm/errno.h>
#include <linux/stat.h>

struct inode *root_inode;

struct inode *inode_get(struct inode *inode)
{
	__atomic_add_fetch(&inode->references, 1, __ATOMIC_RELAXED);
	return inode;
}

void inode_put(struct inode *inode)
{
	if (!inode || __atomic_sub_fetch(&inode->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (inode->ops->release)
		inode->ops->release(inode);
}

int inode_permission(const struct inode *inode, unsigned mask)
{
	bool device = inode_is(inode, S_IFCHR) || inode_is(inode, S_IFBLK);

	if ((mask & 2) && inode->read_only && !device)
		return -EROFS;
	// root may search any directory, and execute what somebody may execute.
	if ((mask & 1) && !inode_is(inode, S_IFDIR) && !(inode->mode & 0111))
		return -EACCES;
	return 0;
}

void inode_stat(const struct inode *inode, struct stat *status)
{
	memset(status, 0, sizeof(*status));
	status->st_dev = inode->device;
	status->st_ino = inode->number;
	status->st_nlink = inode->links;
	status->st_mode = inode->mode;
	status->st_uid = inode->uid;
	status->st_gid = inode->gid;
	status->st_rdev = inode->special;
	status->st_size = (long)inode->size;
	status->st_blksize = PAGE_SIZE;
	status->st_blocks = inode->object ? (long)(inode->size + 511) / 512 : 0;
	status->st_atime = inode->mtime;
	status->st_mtime = inode->mtime;
	status->st_ctime = inode->mtime;
}

// Writes the path backwards from the buffer's end, then moves it to the front.
long inode_path(const struct inode *inode, char *buffer, size_t size)
{
	char *at = buffer + size;
	size_t length;

	if (size < 2)
		return -ENAMETOOLONG;
	*--at = '\0';
	if (inode->parent == inode)
		*--at = '/';
	for (; inode->parent != inode; inode = inode->parent) {
		length = strlen(inode->name);
		if ((size_t)(at - buffer) < length + 1)
			return -ENAMETOOLONG;
		at -= length;
		memcpy(at, inode->name, length);
		*--at = '/';
	}
	length = (size_t)(buffer + size - at) - 1;
	memmove(buffer, at, length + 1);
	return (long)length;
}
