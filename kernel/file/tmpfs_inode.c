// SPDX-License-Identifier: MIT
//
// Inodes of the file system in memory: made, limited in number, released. See kernel/file/tmpfs.h.
#include "kernel/file/pipe.h"
#include "kernel/file/tmpfs.h"
#include "kernel/file/device.h"
#include "kernel/file/file.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/stat.h>

static struct cache *inode_cache;
static uint64_t last_number; // atomic
static struct tmpfs_volume tree;

// Half of RAM is the tree's, once there is a first inode.
static struct tmpfs_volume *tree_volume(void)
{
	tree.device = TMPFS_DEVICE;
	tree.quota.limit = tree.inode_limit = frame_total() / 2;
	return &tree;
}

static uint64_t room(uint64_t limit, const uint64_t *used)
{
	uint64_t now = __atomic_load_n(used, __ATOMIC_RELAXED);

	return now < limit ? limit - now : 0;
}

struct space_figures tmpfs_space(const struct inode *inode)
{
	const struct tmpfs_volume *volume = tmpfs_inode(inode)->volume;

	return (struct space_figures){
		.blocks = volume->quota.limit,
		.blocks_free = room(volume->quota.limit, &volume->quota.used),
		.inodes = volume->inode_limit,
		.inodes_free = room(volume->inode_limit, &volume->inode_count),
	};
}

// ---- the end ----
static void free_inode(struct tmpfs_inode *node)
{
	struct inode *parent = node->inode.parent;

	__atomic_sub_fetch(&node->volume->inode_count, 1, __ATOMIC_RELAXED);
	kfree(node->last_name);
	cache_free(inode_cache, node);
	if (parent != &node->inode)
		inode_put(parent);
}

// A file's memory goes with its object, which mappings may still hold.
static void release(struct inode *inode)
{
	struct tmpfs_inode *node = tmpfs_inode(inode);

	if (inode->object) {
		object_put(inode->object);
		return;
	}
	if (inode_is(inode, S_IFLNK))
		kfree(node->target);
	free_inode(node);
}

void tmpfs_release_object(struct object *object)
{
	free_inode(container_of(object, struct tmpfs_inode, file.object));
}

// ---- contents out of the archive ----
int tmpfs_fill(struct object *object, uint64_t index, void *page)
{
	const char *archive = container_of(object, struct tmpfs_inode, file.object)->file.archive;
	uint64_t start = index << PAGE_SHIFT;
	uint64_t source = __atomic_load_n(&object->source, __ATOMIC_RELAXED);
	uint64_t left = start < source ? source - start : 0;

	if (left == 0) {
		page_clear(page);
		return 0;
	}
	if (left >= PAGE_SIZE) {
		memcpy(page, archive + start, PAGE_SIZE);
		return 0;
	}
	memcpy(page, archive + start, left);
	if (!MUTANT(file_end_not_zeroed))
		memset((char *)page + left, 0, PAGE_SIZE - left);
	return 0;
}

static bool observable(struct object *object)
{
	const struct inode *inode = &container_of(object, struct tmpfs_inode, file.object)->inode;

	return inode_owned(inode) || !inode_permission(inode, 2);
}

static void written(struct object *object)
{
	struct inode *inode = &container_of(object, struct tmpfs_inode, file.object)->inode;

	inode_touch(inode, TIME_MODIFICATION | TIME_CHANGE);
}

static const struct object_ops object_ops = {
	.fill = tmpfs_fill,
	.release = tmpfs_release_object,
	.punch = tmpfs_punch,
	.written = written,
	.observable = observable,
};

struct inode *object_inode(struct object *object)
{
	if (!object)
		return NULL;
	if (object->ops->fill != tmpfs_fill)
		return framebuffer_inode(object);
	return &container_of(object, struct tmpfs_inode, file.object)->inode;
}

// ---- what each type can do ----
static int lookup(struct inode *inode, const char *name, size_t length, struct inode **found)
{
	struct tmpfs_entry *entry;

	spin_lock(&tree_lock);
	entry = tmpfs_find(tmpfs_inode(inode), name, length);
	if (entry)
		*found = inode_get(inode_uncovered(entry->inode));
	spin_unlock(&tree_lock);
	return entry ? 0 : -ENOENT;
}

static long link_read(struct inode *inode, char *buffer, size_t size)
{
	size_t length = inode->size < size ? inode->size : size;

	memcpy(buffer, tmpfs_inode(inode)->target, length);
	return (long)length;
}

struct tmpfs_entry *tmpfs_entry_before(struct tmpfs_directory *directory, uint64_t position)
{
	struct avl_node *node = directory->by_position.root;
	struct tmpfs_entry *best = NULL;

	while (node) {
		struct tmpfs_entry *entry = container_of(node, struct tmpfs_entry, by_position);
		bool before = !position || entry->position < position;

		if (before)
			best = entry;
		node = before ? node->right : node->left;
	}
	return best;
}

// The newest comes first, as on Linux. The cookie is the position of the entry told last;
// positions begin at 1.
static int next_entry(struct inode *inode, uint64_t *cookie, struct directory_entry *result)
{
	struct tmpfs_entry *entry;

	spin_lock(&tree_lock);
	entry = tmpfs_entry_before(&tmpfs_inode(inode)->directory, *cookie);
	if (entry) {
		memcpy(result->space, entry->name, entry->length + 1);
		result->name = result->space;
		result->length = entry->length;
		result->number = entry->inode->number;
		result->mode = entry->inode->mode & S_IFMT;
		*cookie = entry->position;
	}
	spin_unlock(&tree_lock);
	return entry != NULL;
}

static const struct inode_ops directory_ops = {
	.lookup = lookup,
	.next_entry = next_entry,
	.open = directory_open,
	.release = release,
	.make = tmpfs_make,
	.make_unnamed = tmpfs_make_unnamed,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
};
static const struct inode_ops regular_ops = {
	.open = tmpfs_open,
	.release = release,
	.resize = tmpfs_resize,
};
static const struct inode_ops link_ops = {
	.readlink = link_read,
	.release = release,
};
static const struct inode_ops device_ops = {
	.open = device_open,
	.release = release,
};
static const struct inode_ops fifo_inode_ops = {
	.open = fifo_open,
	.release = release,
};
static const struct inode_ops other_ops = {
	.release = release,
};

bool inode_is_tmpfs(const struct inode *inode)
{
	return inode->ops->release == release;
}

static const struct inode_ops *ops_of(uint32_t mode)
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
	case S_IFIFO:
		return &fifo_inode_ops;
	default:
		return &other_ops;
	}
}

// ---- the beginning ----
static struct tmpfs_inode *create(struct tmpfs_volume *volume, uint32_t mode, bool limited)
{
	struct tmpfs_inode *node;
	struct inode *inode;

	if (!inode_cache)
		inode_cache = cache_create("tmpfs_inode", sizeof(*node));
	node = inode_cache ? cache_alloc_zeroed(inode_cache) : NULL;
	if (!node)
		return NULL;
	__atomic_add_fetch(&volume->inode_count, 1, __ATOMIC_RELAXED);
	node->volume = volume;
	inode = &node->inode;
	inode->references = 1;
	inode->mode = mode;
	inode->ops = ops_of(mode);
	inode->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
	inode->device = volume->device;
	inode->parent = inode;
	inode->name = "";
	list_init(&node->names);
	if (inode_is(inode, S_IFDIR))
		inode->size = 2 * TMPFS_ENTRY_SIZE;
	if (inode_is(inode, S_IFREG)) {
		object_init(&node->file.object, &object_ops, 0);
		node->file.object.quota = limited && volume->quota.limit ? &volume->quota : NULL;
		node->file.object.charges_pages = true;
		inode->object = &node->file.object;
		sleep_lock_init(&node->file.lock);
		node->file.seals = F_SEAL_SEAL; // only memfd_create's can be sealed
	}
	inode_touch(inode, TIME_ACCESS | TIME_MODIFICATION | TIME_CHANGE | TIME_BIRTH);
	return node;
}

struct tmpfs_inode *tmpfs_inode_create_in(struct tmpfs_volume *volume, uint32_t mode)
{
	if (volume->inode_limit && !room(volume->inode_limit, &volume->inode_count))
		return NULL;
	return create(volume, mode, true);
}

struct tmpfs_inode *tmpfs_inode_create(uint32_t mode)
{
	return tmpfs_inode_create_in(tree_volume(), mode);
}

struct tmpfs_inode *tmpfs_create_nameless(const char *name, uint32_t mode, uint64_t size)
{
	struct tmpfs_entry *entry = tmpfs_entry_create(name, strlen(name));
	struct tmpfs_inode *node = entry ? create(tree_volume(), mode, false) : NULL;

	if (!node) {
		kfree(entry);
		return NULL;
	}
	node->last_name = entry;
	node->inode.name = entry->name;
	node->inode.parent = inode_get(root_inode);
	node->inode.device = NAMELESS_DEVICE;
	node->file.object.size = size;
	return node;
}
