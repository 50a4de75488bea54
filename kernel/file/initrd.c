// SPDX-License-Identifier: MIT
//
// The tree of the initrd: inodes, the names in each directory, and the contents, which stay where
// the loader put them until a page of them is wanted.
//
// After initrd_start nothing here changes, so nothing is locked; page caches have locks of their
// own (mm/object.c). How the archives' entries become a tree is in initrd_build.c.
#include "kernel/file/initrd_tree.h"
#include "kernel/file/device.h"
#include "kernel/file/file.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/object.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

// ---- directories ----
static uint32_t name_hash(const char *name, size_t length)
{
	uint32_t hash = 2166136261u; // FNV-1a

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

struct initrd_entry *initrd_find(struct initrd_inode *directory, const char *name, size_t length)
{
	uint32_t hash = name_hash(name, length);
	struct initrd_entry *entry;

	list_for_each_entry (entry, &directory->entries, link)
		if (entry->hash == hash && entry->length == length &&
		    memcmp(entry->name, name, length) == 0)
			return entry;
	return NULL;
}

struct initrd_entry *initrd_enter(struct initrd_inode *directory, const char *name, size_t length,
				  struct inode *inode)
{
	struct initrd_entry *entry = kmalloc(sizeof(*entry) + length + 1);

	if (!entry)
		return NULL;
	entry->inode = inode;
	entry->hash = name_hash(name, length);
	entry->length = (uint32_t)length;
	memcpy(entry->name, name, length);
	entry->name[length] = '\0';
	list_add_tail(&directory->entries, &entry->link);
	return entry;
}

static struct initrd_inode *initrd_inode(struct inode *inode)
{
	return container_of(inode, struct initrd_inode, inode);
}

static int directory_lookup(struct inode *inode, const char *name, size_t length,
			    struct inode **found)
{
	struct initrd_entry *entry = initrd_find(initrd_inode(inode), name, length);

	if (!entry)
		return -ENOENT;
	*found = inode_get(entry->inode);
	return 0;
}

// The cookie counts entries; the directory is walked from its start each time.
static int directory_next(struct inode *inode, uint64_t *cookie, struct directory_entry *result)
{
	struct initrd_entry *entry;
	uint64_t position = 0;

	list_for_each_entry (entry, &initrd_inode(inode)->entries, link) {
		if (position++ < *cookie)
			continue;
		result->name = entry->name;
		result->length = entry->length;
		result->number = entry->inode->number;
		result->mode = entry->inode->mode & S_IFMT;
		++*cookie;
		return 1;
	}
	return 0;
}

// ---- contents ----
static int fill_page(struct object *object, uint64_t index, void *page)
{
	struct initrd_inode *file = container_of(object, struct initrd_inode, object);
	uint64_t start = index << PAGE_SHIFT;
	uint64_t left = start < object->size ? object->size - start : 0;

	if (left >= PAGE_SIZE) {
		memcpy(page, file->data + start, PAGE_SIZE);
		return 0;
	}
	if (left)
		memcpy(page, file->data + start, left);
	if (!MUTANT(file_end_not_zeroed))
		memset((char *)page + left, 0, PAGE_SIZE - left);
	return 0;
}

const struct object_ops initrd_object_ops = {
	.fill = fill_page,
};

struct inode *object_inode(struct object *object)
{
	if (!object || object->ops != &initrd_object_ops)
		return NULL;
	return &container_of(object, struct initrd_inode, object)->inode;
}

static long regular_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct object *object = file->inode->object;
	long total = 0;

	while (io->left && *offset < object->size) {
		size_t inside = *offset & (PAGE_SIZE - 1);
		size_t step = PAGE_SIZE - inside;
		struct frame *frame;
		size_t moved;
		bool cached;
		int result = object_page(object, *offset >> PAGE_SHIFT, &frame, &cached);

		if (result)
			return total ? total : result;
		if (step > object->size - *offset)
			step = object->size - *offset;
		if (step > io->left)
			step = io->left;
		moved = io_to(io, (char *)frame_to_virt(frame) + inside, step);
		frame_put(frame);
		*offset += moved;
		total += (long)moved;
		if (moved < step)
			return total ? total : -EFAULT;
		if (io_must_end())
			break;
	}
	return total;
}

static long regular_seek(struct file *file, int64_t offset, int whence)
{
	return file_seek(file, offset, whence, file->inode->size);
}

static const struct file_ops regular_file_ops = {
	.read = regular_read,
	.seek = regular_seek,
};

static int regular_open(struct inode *inode, unsigned flags, struct file **file)
{
	*file = file_create(&regular_file_ops, inode_get(inode), flags);
	if (*file)
		return 0;
	inode_put(inode);
	return -ENOMEM;
}

static long link_read(struct inode *inode, char *buffer, size_t size)
{
	struct initrd_inode *link = initrd_inode(inode);
	size_t length;

	if (!link->data)
		return 0;
	length = strnlen(link->data, link->inode.size);
	if (length > size)
		length = size;
	memcpy(buffer, link->data, length);
	return (long)length;
}

static const struct inode_ops directory_ops = {
	.lookup = directory_lookup,
	.next_entry = directory_next,
	.open = directory_open,
};
static const struct inode_ops regular_ops = {
	.open = regular_open,
};
static const struct inode_ops link_ops = {
	.readlink = link_read,
};
static const struct inode_ops device_ops = {
	.open = device_open,
};
static const struct inode_ops other_ops;

const struct inode_ops *initrd_inode_ops(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return &directory_ops;
	case S_IFREG:
		return &regular_ops;
	case S_IFLNK:
		return &link_ops;
	case S_IFCHR:
		return &device_ops;
	default:
		return &other_ops;
	}
}
