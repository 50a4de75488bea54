// SPDX-License-Identifier: MIT
//
// Open directories: getdents64 and lseek over any inode's next_entry. A position is 0 before ".",
// 1 before "..", and 2 + the inode's own cookie after them.
#include "kernel/file/file.h"
#include "lib/string.h"
#include <asm/errno.h>
#include <linux/fs.h>
#include <linux/stat.h>

#define FIRST_OWN 2

// d_type is the file type's bits of st_mode, moved down.
static uint8_t entry_type(uint32_t mode)
{
	return (uint8_t)((mode & S_IFMT) >> 12);
}

static void dot_entry(const struct inode *inode, const char *name, struct directory_entry *entry)
{
	entry->name = name;
	entry->length = strlen(name);
	entry->number = inode->number;
	entry->mode = S_IFDIR;
}

// The entry at `position`: 1 and the position after it, or 0 at the end.
static int entry_at(struct inode *inode, uint64_t *position, struct directory_entry *entry)
{
	uint64_t cookie;
	int result;

	if (*position == 0)
		dot_entry(inode, ".", entry);
	if (*position == 1)
		dot_entry(inode->parent, "..", entry);
	if (*position < FIRST_OWN) {
		++*position;
		return 1;
	}
	cookie = *position - FIRST_OWN;
	result = inode->ops->next_entry(inode, &cookie, entry);
	*position = cookie + FIRST_OWN;
	return result;
}

// struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name with its NUL, padded to 8. 1 when
// it was written, 0 when there is no room, or -EFAULT.
static int put_entry(struct io *io, const struct directory_entry *entry, uint64_t next)
{
	struct {
		uint64_t number;
		int64_t next;
		uint16_t size;
		uint8_t type;
	} __attribute__((packed)) head = {.number = entry->number, .next = (int64_t)next};
	static const char padding[8];
	size_t used = sizeof(head) + entry->length + 1;
	size_t size = (used + 7) & ~(size_t)7;

	if (size > io->left)
		return 0;
	head.size = (uint16_t)size;
	head.type = entry_type(entry->mode);
	if (io_to(io, &head, sizeof(head)) < sizeof(head) ||
	    io_to(io, entry->name, entry->length) < entry->length ||
	    io_to(io, padding, size - used + 1) < size - used + 1)
		return -EFAULT;
	return 1;
}

static long directory_entries(struct file *file, struct io *io)
{
	size_t room = io->left;
	struct directory_entry entry;

	for (;;) {
		uint64_t next = file->offset;
		size_t before = io->left;
		int result = entry_at(file->inode, &next, &entry);

		if (result == 0)
			break;
		result = put_entry(io, &entry, next);
		if (result < 0)
			return room == before ? result : (long)(room - before);
		if (result == 0)
			return room == io->left ? -EINVAL : (long)(room - io->left);
		file->offset = next;
	}
	return (long)(room - io->left);
}

static long directory_seek(struct file *file, int64_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return file_seek(file, offset, whence, INT64_MAX);
}

static const struct file_ops directory_file_ops = {
	.seek = directory_seek,
	.directory = directory_entries,
};

int directory_open(struct inode *inode, unsigned flags, struct file **file)
{
	*file = file_create(&directory_file_ops, inode_get(inode), flags);
	if (*file)
		return 0;
	inode_put(inode);
	return -ENOMEM;
}
