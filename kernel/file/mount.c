// SPDX-License-Identifier: MIT
//
// Mounted file systems: see kernel/file/mount.h.
//
// A directory that something is mounted on has the other's root as its `cover`: whoever comes by
// its name, or up to it, finds that instead. The root has the name and the parent of what it
// covers, so that paths and ".." need no more. What is covered can neither be renamed nor removed.
//
// Whether a volume is in use is recounted: the inodes that its tree reaches have so many
// references, and each that is not the tree's own is somebody's, be it an open file, a working
// directory or a nameless inode (which holds the directory it was in).
//
// Locks: tree_lock guards the lists, covers and all of a tree's names.
#include "kernel/file/mount.h"

#include "kernel/file/device.h"
#include "kernel/file/pseudo.h"
#include "kernel/file/tmpfs.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/mount.h>

#define RAMFS_MODE  0755 // of the root, unless an option says otherwise
#define TMPFS_MODE  01777
#define SOURCE_SIZE 64
#define FIRST_MINOR 40 // of the devices that mounted volumes are

struct options {
	uint64_t pages, inodes; // 0: no limit
	uint32_t mode, uid, gid;
};

struct mount {
	struct list link;
	struct inode *point, *root; // held
	struct tmpfs_volume volume;
	unsigned long flags;
	struct options options;
	char source[SOURCE_SIZE];
};

static struct list mounts = {&mounts, &mounts}, detached = {&detached, &detached};
static uint32_t last_device; // atomic

// ---- options ----
// A number of bytes, or of hundredths of RAM.
static bool set_size(struct options *options, const char *value)
{
	uint64_t number;
	size_t length = parse_unsigned(value, strlen(value), 10, &number);

	if (length && !strcmp(value + length, "%")) {
		options->pages = number * frame_total() / 100;
		return true;
	}
	if (!parse_size(value, &number))
		return false;
	options->pages = (number + PAGE_SIZE - 1) / PAGE_SIZE;
	return true;
}

static bool set_number(uint32_t *to, const char *value, unsigned base, uint64_t most)
{
	uint64_t number;
	size_t length = strlen(value);

	if (!length || parse_unsigned(value, length, base, &number) != length || number > most)
		return false;
	*to = (uint32_t)number;
	return true;
}

static bool set_option(struct options *options, const char *name, const char *value)
{
	if (!strcmp(name, "size"))
		return set_size(options, value);
	if (!strcmp(name, "nr_blocks"))
		return parse_size(value, &options->pages);
	if (!strcmp(name, "nr_inodes"))
		return parse_size(value, &options->inodes);
	if (!strcmp(name, "mode"))
		return set_number(&options->mode, value, 8, 07777);
	if (!strcmp(name, "uid"))
		return set_number(&options->uid, value, 10, UINT32_MAX - 1);
	if (!strcmp(name, "gid"))
		return set_number(&options->gid, value, 10, UINT32_MAX - 1);
	return !strcmp(name, "inode64") || !strcmp(name, "huge");
}

// "name=value,name=value". False: one is unknown or has a wrong value.
static bool read_options(char *text, struct options *options)
{
	while (text && *text) {
		char *end = strchr(text, ','), *value;

		if (end)
			*end = '\0';
		value = strchr(text, '=');
		if (value)
			*value++ = '\0';
		if (*text && !set_option(options, text, value ? value : ""))
			return false;
		text = end ? end + 1 : NULL;
	}
	return true;
}

// ---- what is in a volume; tree_lock is held ----
static struct tmpfs_entry *entry_of(const struct tmpfs_inode *directory)
{
	return container_of(directory->names.next, struct tmpfs_entry, same);
}

// What comes behind `*entry` (NULL: the first) in the tree below `root`, directories before what
// is in them.
static struct tmpfs_entry *next_in_tree(struct tmpfs_inode *root, struct tmpfs_entry *entry)
{
	struct tmpfs_inode *directory = root;
	struct tmpfs_entry *next;
	uint64_t position = 0;

	if (entry && inode_is(entry->inode, S_IFDIR)) {
		directory = tmpfs_inode(entry->inode);
	} else if (entry) {
		directory = entry->directory;
		position = entry->position;
	}
	while (!(next = tmpfs_entry_before(&directory->directory, position)) &&
	       directory != root) {
		position = entry_of(directory)->position;
		directory = entry_of(directory)->directory;
	}
	return next;
}

// `held`: references to the root that are known of. Takes as long as there are names.
static bool in_use(const struct mount *mount, uint64_t held)
{
	struct tmpfs_inode *root = tmpfs_inode(mount->root);
	uint64_t expected = held, found = mount->root->references;
	struct tmpfs_entry *entry = NULL;

	while ((entry = next_in_tree(root, entry))) {
		const struct inode *inode = entry->inode;

		expected++; // the entry's
		if (entry_of(tmpfs_inode(inode)) != entry)
			continue; // it has been counted by its first name
		expected++;       // of its directory
		found += __atomic_load_n(&inode->references, __ATOMIC_RELAXED);
		if (inode->object && inode->object->references > 1)
			return true; // it is mapped
	}
	return found > expected;
}

// ---- the end ----
// Nobody else can reach it any more.
static void empty(struct mount *mount)
{
	struct tmpfs_inode *root = tmpfs_inode(mount->root), *directory = root;

	for (;;) {
		struct inode *gone = NULL;
		struct tmpfs_entry *entry;

		spin_lock(&tree_lock);
		entry = tmpfs_entry_before(&directory->directory, 0);
		if (!entry && directory == root) {
			spin_unlock(&tree_lock);
			return;
		}
		if (!entry)
			gone = tmpfs_take_out(entry_of(directory));
		else if (!inode_is(entry->inode, S_IFDIR))
			gone = tmpfs_take_out(entry);
		if (!entry)
			directory = tmpfs_inode(gone->parent);
		else if (!gone)
			directory = tmpfs_inode(entry->inode);
		spin_unlock(&tree_lock);
		inode_put(gone);
	}
}

static void destroy(struct mount *mount)
{
	empty(mount);
	inode_put(mount->root);
	inode_put(mount->point);
	kfree(mount);
}

// tree_lock is held. The parent's reference becomes the caller's.
static struct inode *uncover(struct mount *mount)
{
	struct inode *parent = mount->root->parent;

	mount->point->cover = NULL;
	mount->root->parent = mount->root;
	mount->root->name = "";
	list_del(&mount->link);
	return parent;
}

// Those that were detached while they were in use, and are not any more.
static void destroy_detached(void)
{
	struct mount *mount, *unused;

	do {
		unused = NULL;
		spin_lock(&tree_lock);
		list_for_each_entry (mount, &detached, link) {
			if (!in_use(mount, 1))
				unused = mount;
		}
		if (unused)
			list_del(&unused->link);
		spin_unlock(&tree_lock);
		if (unused)
			destroy(unused);
	} while (unused);
}

int mount_remove(struct inode *root, bool detach)
{
	struct mount *mount, *found = NULL;
	struct inode *parent = NULL;
	int error = -EINVAL;
	bool used = false;

	destroy_detached();
	spin_lock(&tree_lock);
	list_for_each_entry (mount, &mounts, link) {
		if (mount->root == root)
			found = mount;
	}
	if (found) {
		used = in_use(found, 2);
		error = used && !detach ? -EBUSY : 0;
	}
	if (found && !error) {
		parent = uncover(found);
		if (used)
			list_add_tail(&detached, &found->link);
	}
	spin_unlock(&tree_lock);
	inode_put(parent);
	inode_put(root);
	if (found && !error && !used)
		destroy(found);
	return error;
}

// ---- the beginning ----
static int check_request(const struct inode *point, const struct mount_request *request)
{
	if (strcmp(request->type, "tmpfs") && strcmp(request->type, "ramfs"))
		return -ENODEV;
	if (!inode_is(point, S_IFDIR))
		return -ENOTDIR;
	if (!inode_is_tmpfs(point))
		return -EINVAL;
	return point == root_inode ? -EBUSY : 0;
}

static int cover(struct mount *mount, struct inode *point)
{
	struct inode *root = mount->root;
	int error = 0;

	spin_lock(&tree_lock);
	if (!point->links)
		error = -ENOENT;
	else if (point->cover)
		error = -EBUSY;
	if (!error) {
		mount->point = inode_get(point);
		root->parent = inode_get(point->parent);
		root->name = point->name;
		point->cover = root;
		list_add_tail(&mounts, &mount->link);
	}
	spin_unlock(&tree_lock);
	return error;
}

static struct mount *create(const struct mount_request *request, const struct options *options)
{
	struct mount *mount = kzalloc(sizeof(*mount));
	struct tmpfs_inode *root;

	if (!mount)
		return NULL;
	mount->volume = (struct tmpfs_volume){
		.quota.limit = options->pages,
		.inode_limit = options->inodes,
		.is_ramfs = !strcmp(request->type, "ramfs"),
		.device = device_number(
			0, FIRST_MINOR + __atomic_fetch_add(&last_device, 1, __ATOMIC_RELAXED)),
	};
	mount->flags = request->flags;
	mount->options = *options;
	strlcpy(mount->source, *request->source ? request->source : "none", sizeof(mount->source));
	root = tmpfs_inode_create_in(&mount->volume, S_IFDIR | options->mode);
	if (!root) {
		kfree(mount);
		return NULL;
	}
	root->inode.uid = options->uid;
	root->inode.gid = options->gid;
	root->inode.links = 2;
	mount->root = &root->inode;
	return mount;
}

int mount_on(struct inode *point, const struct mount_request *request)
{
	bool ramfs = !strcmp(request->type, "ramfs");
	struct options options = {.mode = ramfs ? RAMFS_MODE : TMPFS_MODE};
	int error = check_request(point, request);
	struct mount *mount;

	if (error)
		return error;
	destroy_detached();
	if (!ramfs)
		options.pages = options.inodes = frame_total() / 2;
	if (!read_options(request->options, &options))
		return -EINVAL;
	mount = create(request, &options);
	if (!mount)
		return -ENOMEM;
	error = cover(mount, point);
	if (error)
		destroy(mount);
	return error;
}

// ---- /proc/mounts ----
static void show_escaped(const char *name, struct text *text)
{
	for (; *name; name++)
		text_print(text, *name <= ' ' || *name == '\\' ? "\\%03o" : "%c",
			   (unsigned char)*name);
}

static void show_flags(unsigned long flags, struct text *text)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} names[] = {
		{MS_SYNCHRONOUS, ",sync"}, {MS_NOSUID, ",nosuid"},
		{MS_NODEV, ",nodev"},      {MS_NOEXEC, ",noexec"},
		{MS_NOATIME, ",noatime"},  {MS_NODIRATIME, ",nodiratime"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (flags & names[i].flag)
			text_print(text, "%s", names[i].name);
	}
	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		text_print(text, ",relatime");
}

// What is not as it is without options.
static void show_options(const struct mount *mount, struct text *text)
{
	const struct options *options = &mount->options;
	bool ramfs = mount->volume.is_ramfs;
	uint64_t half = frame_total() / 2;

	if (!ramfs && options->pages != half)
		text_print(text, ",size=%luk", options->pages * (PAGE_SIZE / 1024));
	if (!ramfs && options->inodes != half)
		text_print(text, ",nr_inodes=%lu", options->inodes);
	if (options->mode != (ramfs ? RAMFS_MODE : TMPFS_MODE))
		text_print(text, ",mode=%03o", options->mode);
	if (options->uid)
		text_print(text, ",uid=%u", options->uid);
	if (options->gid)
		text_print(text, ",gid=%u", options->gid);
}

static void show(const struct mount *mount, const char *path, struct text *text)
{
	show_escaped(mount->source, text);
	text_print(text, " ");
	show_escaped(path, text);
	text_print(text, " %s rw", mount->volume.is_ramfs ? "ramfs" : "tmpfs");
	show_flags(mount->flags, text);
	show_options(mount, text);
	text_print(text, " 0 0\n");
}

// A copy of the n-th, its root held. False: there is none.
static bool nth(unsigned number, struct mount *copy)
{
	struct mount *mount;
	bool found = false;

	spin_lock(&tree_lock);
	list_for_each_entry (mount, &mounts, link) {
		if (number-- == 0) {
			*copy = *mount;
			inode_get(copy->root);
			found = true;
			break;
		}
	}
	spin_unlock(&tree_lock);
	return found;
}

void mounts_show(struct text *text)
{
	char *path = kmalloc(PATH_MAX);
	struct mount copy;

	for (unsigned number = 0; path && nth(number, &copy); number++) {
		if (inode_path(copy.root, path, PATH_MAX) > 0)
			show(&copy, path, text);
		inode_put(copy.root);
	}
	kfree(path);
}
