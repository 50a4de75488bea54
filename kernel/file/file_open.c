// SPDX-License-Identifier: MIT
//
// Opening by path: Linux's order of checks, names that are made, contents that go.
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

// Without asking whether that is permitted: whoever makes a file may use it as he says.
static int open_allowed(struct inode *inode, unsigned flags, struct file **file)
{
	int result;

	if (!inode->ops->open)
		return -ENXIO;
	result = inode->ops->open(
		inode, flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC), file);
	if (result || !(flags & O_TRUNC) || !inode->ops->resize)
		return result;
	result = inode->ops->resize(inode, 0);
	if (result)
		file_put(*file);
	return result;
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
	return open_allowed(inode, flags, file);
}

// What O_CREAT changes for a name that exists.
static int check_create(const struct inode *inode, unsigned flags)
{
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
		lookup |= LOOKUP_CREATE;
	return lookup;
}

// Makes the file that a path with O_CREAT names and opens it. -EEXIST: somebody else was faster.
static int create(const struct path_name *name, unsigned flags, uint32_t mode, struct file **file)
{
	struct inode *directory = name->directory, *inode;
	struct new_name what = {
		.name = name->name, .length = name->length, .mode = S_IFREG | mode};
	int result;

	if (!directory->ops->make)
		return -EACCES;
	result = directory->ops->make(directory, &what, &inode);
	if (result)
		return result;
	result = open_allowed(inode, flags & ~(unsigned)O_TRUNC, file);
	inode_put(inode);
	return result;
}

// One attempt; -EEXIST without O_EXCL: the name was made between looking and making.
static int open_or_create(struct inode *directory, const char *path, unsigned flags, uint32_t mode,
			  struct file **file)
{
	struct path_name name;
	struct inode *inode;
	int result = path_find(directory, path, lookup_flags(flags), &inode, &name);

	if (result < 0)
		return result;
	if (result == 1) {
		result = create(&name, flags, mode, file);
		inode_put(name.directory);
		return result;
	}
	result = check_create(inode, flags);
	if (result == 0)
		result = file_open_inode(inode, flags, file);
	inode_put(inode);
	return result;
}

// O_TMPFILE: a file without a name, in the file system of a directory.
static int open_unnamed(struct inode *directory, const char *path, unsigned flags, uint32_t mode,
			struct file **file)
{
	struct inode *parent, *inode;
	int result = path_lookup_at(directory, path, lookup_flags(flags), &parent);

	if (result)
		return result;
	if (parent->ops->make_unnamed)
		result = parent->ops->make_unnamed(parent, mode, &inode);
	else
		result = -EOPNOTSUPP;
	inode_put(parent);
	if (result)
		return result;
	result = open_allowed(inode, flags, file);
	inode_put(inode);
	return result;
}

int file_open(struct inode *directory, const char *path, unsigned flags, uint32_t mode,
	      struct file **file)
{
	struct inode *inode;
	int result;

	if ((flags & __O_TMPFILE) && !(flags & O_PATH))
		return open_unnamed(directory, path, flags, mode, file);
	if ((flags & O_CREAT) && !(flags & O_PATH)) {
		do
			result = open_or_create(directory, path, flags, mode, file);
		while (result == -EEXIST && !(flags & O_EXCL));
		return result;
	}
	result = path_lookup_at(directory, path, lookup_flags(flags), &inode);
	if (result)
		return result;
	result = file_open_inode(inode, flags, file);
	inode_put(inode);
	return result;
}
