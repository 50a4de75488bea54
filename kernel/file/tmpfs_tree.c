// SPDX-License-Identifier: MIT
//
// Names of the file system in memory: entered, found, taken out, moved. See kernel/file/tmpfs.h.
//
// All of it is under tree_lock, so that what is checked still holds when it is done. What it needs
// is allocated before; what is left over is released after.
#include "kernel/file/tmpfs.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fs.h>
#include <linux/stat.h>

// ---- entries ----
static uint32_t name_hash(const char *name, size_t length)
{
	uint32_t hash = 2166136261u; // FNV-1a

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

struct tmpfs_entry *tmpfs_entry_create(const char *name, size_t length)
{
	struct tmpfs_entry *entry = kmalloc(sizeof(*entry) + length + 1);

	if (!entry)
		return NULL;
	entry->hash = name_hash(name, length);
	entry->length = (uint32_t)length;
	memcpy(entry->name, name, length);
	entry->name[length] = '\0';
	list_init(&entry->same);
	return entry;
}

// The order of the tree of names: negative, 0 or positive.
static int compare(const struct tmpfs_entry *entry, uint32_t hash, const char *name, size_t length)
{
	if (entry->hash != hash)
		return entry->hash < hash ? -1 : 1;
	if (entry->length != length)
		return entry->length < length ? -1 : 1;
	return memcmp(entry->name, name, length);
}

struct tmpfs_entry *tmpfs_find(struct tmpfs_inode *directory, const char *name, size_t length)
{
	struct avl_node *node = directory->directory.by_name.root;
	uint32_t hash = name_hash(name, length);

	while (node) {
		struct tmpfs_entry *entry = container_of(node, struct tmpfs_entry, by_name);
		int order = compare(entry, hash, name, length);

		if (order == 0)
			return entry;
		node = order < 0 ? node->right : node->left;
	}
	return NULL;
}

static void insert_by_name(struct tmpfs_directory *directory, struct tmpfs_entry *entry)
{
	struct avl_node **link = &directory->by_name.root, *parent = NULL;

	while (*link) {
		struct tmpfs_entry *at = container_of(*link, struct tmpfs_entry, by_name);

		parent = *link;
		link = compare(at, entry->hash, entry->name, entry->length) < 0 ? &parent->right
										: &parent->left;
	}
	avl_insert(&directory->by_name, &entry->by_name, parent, link);
}

static void insert_by_position(struct tmpfs_directory *directory, struct tmpfs_entry *entry)
{
	struct avl_node **link = &directory->by_position.root, *parent = NULL;

	while (*link) {
		struct tmpfs_entry *at = container_of(*link, struct tmpfs_entry, by_position);

		parent = *link;
		link = at->position < entry->position ? &parent->right : &parent->left;
	}
	avl_insert(&directory->by_position, &entry->by_position, parent, link);
}

// Makes `entry` what the inode is called by; the directory is held instead of the one before.
static void call_by(struct inode *inode, struct tmpfs_entry *entry)
{
	struct inode *before = inode->parent;

	inode->name = entry->name;
	inode->parent = inode_get(&entry->directory->inode);
	if (before != inode)
		inode_put(before);
}

// The entry becomes one of the inode's names.
static void name_inode(struct inode *inode, struct tmpfs_entry *entry)
{
	struct tmpfs_inode *node = tmpfs_inode(inode);

	entry->inode = inode;
	if (inode_is(inode, S_IFDIR))
		entry->directory->inode.links++;
	if (!inode_is_tmpfs(inode))
		return;
	list_add_tail(&node->names, &entry->same);
	inode->links += inode_is(inode, S_IFDIR) ? 2 : 1;
	if (node->names.next != &entry->same)
		return;
	call_by(inode, entry);
	kfree(node->last_name);
	node->last_name = NULL;
}

// And no longer; `forget`: it need not be kept even if it was the last.
static void unname_inode(struct inode *inode, struct tmpfs_entry *entry)
{
	struct tmpfs_inode *node = tmpfs_inode(inode);

	if (inode_is(inode, S_IFDIR))
		entry->directory->inode.links--;
	list_del(&entry->same);
	inode->links -= inode_is(inode, S_IFDIR) ? 2 : 1;
	if (list_empty(&node->names)) {
		node->last_name = entry;
	} else {
		if (inode->name == entry->name)
			call_by(inode, container_of(node->names.next, struct tmpfs_entry, same));
	}
}

void tmpfs_enter(struct tmpfs_inode *directory, struct tmpfs_entry *entry, struct inode *inode)
{
	entry->directory = directory;
	entry->position = ++directory->directory.last_position;
	insert_by_name(&directory->directory, entry);
	insert_by_position(&directory->directory, entry);
	directory->inode.size += TMPFS_ENTRY_SIZE;
	name_inode(inode, entry);
}

// Makes it the newest of its directory.
static void renew(struct tmpfs_entry *entry)
{
	struct tmpfs_directory *directory = &entry->directory->directory;

	avl_remove(&directory->by_position, &entry->by_position);
	entry->position = ++directory->last_position;
	insert_by_position(directory, entry);
}

struct inode *tmpfs_take_out(struct tmpfs_entry *entry)
{
	struct tmpfs_inode *directory = entry->directory;
	struct inode *inode = entry->inode;

	avl_remove(&directory->directory.by_name, &entry->by_name);
	avl_remove(&directory->directory.by_position, &entry->by_position);
	directory->inode.size -= TMPFS_ENTRY_SIZE;
	if (inode_is_tmpfs(inode))
		unname_inode(inode, entry);
	if (!inode_is_tmpfs(inode) || tmpfs_inode(inode)->last_name != entry)
		kfree(entry);
	return inode;
}

static bool is_empty(const struct inode *directory)
{
	return !tmpfs_inode(directory)->directory.by_name.root;
}

// ---- new names ----
// Whether a name may be added: 0 or -errno.
static int check_new(struct tmpfs_inode *directory, const char *name, size_t length)
{
	if (tmpfs_find(directory, name, length))
		return -EEXIST;
	if (!directory->inode.links)
		return -ENOENT;
	return inode_permission(&directory->inode, 3);
}

static void directory_changed(struct inode *directory)
{
	inode_touch(directory, TIME_MODIFICATION | TIME_CHANGE);
}

static int add(struct inode *directory, struct tmpfs_entry *entry, struct inode *inode)
{
	struct tmpfs_inode *node = tmpfs_inode(directory);
	int result;

	spin_lock(&tree_lock);
	result = check_new(node, entry->name, entry->length);
	if (result == 0)
		tmpfs_enter(node, entry, inode);
	spin_unlock(&tree_lock);
	if (result == 0)
		directory_changed(directory);
	return result;
}

// The inode that `what` describes, with everything but a name; *result: why there is none.
static struct inode *create_inode(struct inode *directory, const struct new_name *what,
				  int *result)
{
	struct tmpfs_volume *volume = tmpfs_inode(directory)->volume;
	struct tmpfs_inode *node = tmpfs_inode_create_in(volume, what->mode);

	*result = !volume->inode_limit || tmpfs_space(directory).inodes_free ? -ENOMEM : -ENOSPC;
	if (!node)
		return NULL;
	inode_set_owner(&node->inode, directory);
	node->inode.special = what->special;
	if (what->target) {
		node->inode.size = strlen(what->target);
		node->target = kmalloc(node->inode.size + 1);
		if (!node->target) {
			inode_put(&node->inode);
			return NULL;
		}
		strlcpy(node->target, what->target, node->inode.size + 1);
	}
	*result = 0;
	return &node->inode;
}

int tmpfs_make(struct inode *directory, const struct new_name *what, struct inode **made)
{
	struct tmpfs_entry *entry = tmpfs_entry_create(what->name, what->length);
	struct inode *inode;
	int result;

	if (!entry)
		return -ENOMEM;
	inode = create_inode(directory, what, &result);
	if (inode) {
		inode_get(inode); // the caller's, beside the name's
		result = add(directory, entry, inode);
		*made = inode;
	}
	if (result) {
		kfree(entry);
		inode_put(inode);
		inode_put(inode);
	}
	return result;
}

// It may be given a name later, and until then is shown by its number.
int tmpfs_make_unnamed(struct inode *directory, uint32_t mode, struct inode **made)
{
	struct new_name what = {.mode = S_IFREG | mode};
	struct inode *inode;
	int result = inode_permission(directory, 3);

	if (result)
		return result;
	inode = create_inode(directory, &what, &result);
	if (!inode)
		return result;
	inode->name = "#";
	inode->parent = inode_get(directory);
	*made = inode;
	return 0;
}

// A file that has lost its last name gets no new one, unless it never had any.
int tmpfs_link(struct inode *directory, const char *name, size_t length, struct inode *inode)
{
	struct tmpfs_entry *entry = tmpfs_entry_create(name, length);
	struct tmpfs_inode *node = tmpfs_inode(directory);
	int result;

	if (!entry)
		return -ENOMEM;
	spin_lock(&tree_lock);
	result = check_new(node, name, length);
	if (result == 0 && inode_is(inode, S_IFDIR))
		result = -EPERM;
	if (result == 0 && !inode->links && tmpfs_inode(inode)->last_name)
		result = -ENOENT;
	if (result == 0)
		tmpfs_enter(node, entry, inode_get(inode));
	spin_unlock(&tree_lock);
	if (result) {
		kfree(entry);
		return result;
	}
	directory_changed(directory);
	inode_touch(inode, TIME_CHANGE);
	return 0;
}

// ---- names that go ----
static int remove_checked(struct inode *directory, struct tmpfs_entry *entry, bool want_directory,
			  bool slash, struct inode **gone)
{
	int result;
	bool is_directory;

	if (!entry)
		return -ENOENT;
	is_directory = inode_is(entry->inode, S_IFDIR);
	if (slash && !want_directory)
		return is_directory ? -EISDIR : -ENOTDIR;
	result = inode_may_remove(directory, entry->inode);
	if (result)
		return result;
	if (is_directory != want_directory)
		return is_directory ? -EISDIR : -ENOTDIR;
	if (!inode_is_tmpfs(entry->inode) || entry->inode->cover)
		return -EBUSY; // a file system begins there
	if (is_directory && !is_empty(entry->inode))
		return -ENOTEMPTY;
	*gone = tmpfs_take_out(entry);
	return 0;
}

static int remove_entry(struct inode *directory, const char *name, size_t length,
			bool want_directory, bool slash)
{
	struct inode *gone;
	int result;

	spin_lock(&tree_lock);
	result = remove_checked(directory, tmpfs_find(tmpfs_inode(directory), name, length),
				want_directory, slash, &gone);
	spin_unlock(&tree_lock);
	if (result)
		return result;
	directory_changed(directory);
	inode_touch(gone, TIME_CHANGE);
	inode_put(gone);
	return 0;
}

int tmpfs_unlink(struct inode *directory, const char *name, size_t length, bool slash)
{
	return remove_entry(directory, name, length, false, slash);
}

int tmpfs_rmdir(struct inode *directory, const char *name, size_t length)
{
	return remove_entry(directory, name, length, true, false);
}

// ---- names that move ----
// Whether `upper` is `inode` or above it.
static bool is_above(const struct inode *upper, const struct inode *inode)
{
	while (inode != upper && inode->parent != inode)
		inode = inode->parent;
	return inode == upper;
}

// What the two names and flags say before permissions are looked at: 0 or -errno. `to` NULL: the
// new name is free.
static int check_names(const struct rename_request *request, const struct tmpfs_entry *from,
		       const struct tmpfs_entry *to)
{
	bool exchange = request->flags & RENAME_EXCHANGE;

	if (!from)
		return -ENOENT;
	if ((request->flags & RENAME_NOREPLACE) && to)
		return -EEXIST;
	if (exchange) {
		if (!to)
			return -ENOENT;
		if (!inode_is(to->inode, S_IFDIR) && request->to_slash)
			return -ENOTDIR;
	}
	if (!inode_is(from->inode, S_IFDIR) &&
	    (request->from_slash || (!exchange && request->to_slash)))
		return -ENOTDIR;
	if (inode_is(from->inode, S_IFDIR) && is_above(from->inode, request->to))
		return -EINVAL;
	if (to && inode_is(to->inode, S_IFDIR) && is_above(to->inode, request->from))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

// What replaces what: both directories or neither, and nobody's work is lost.
static int check_target(const struct rename_request *request, const struct tmpfs_entry *from,
			const struct tmpfs_entry *to)
{
	bool exchange = request->flags & RENAME_EXCHANGE;
	bool is_directory = inode_is(from->inode, S_IFDIR);
	int result;

	if (!to)
		return request->to->links ? inode_permission(request->to, 3) : -ENOENT;
	result = inode_may_remove(request->to, to->inode);
	if (result || exchange)
		return result;
	if (is_directory != inode_is(to->inode, S_IFDIR))
		return is_directory ? -ENOTDIR : -EISDIR;
	return 0;
}

static int check_rename(const struct rename_request *request, const struct tmpfs_entry *from,
			const struct tmpfs_entry *to)
{
	int result = check_names(request, from, to);

	if (result)
		return result;
	if (to && to->inode == from->inode)
		return 0; // both names stay
	result = inode_may_remove(request->from, from->inode);
	if (result == 0)
		result = check_target(request, from, to);
	if (result)
		return result;
	// What is above a directory that moves is an entry in it.
	if (request->from != request->to && inode_is(from->inode, S_IFDIR))
		result = inode_permission(from->inode, 2);
	if (result)
		return result;
	if (!inode_is_tmpfs(from->inode) || from->inode->cover ||
	    (to && (!inode_is_tmpfs(to->inode) || to->inode->cover)))
		return -EBUSY;
	if (to && !(request->flags & RENAME_EXCHANGE) && inode_is(to->inode, S_IFDIR) &&
	    !is_empty(to->inode))
		return -ENOTEMPTY;
	return 0;
}

// Each entry stands for the other's inode.
static void exchange(struct tmpfs_entry *from, struct tmpfs_entry *to)
{
	struct inode *first = from->inode, *second = to->inode;

	unname_inode(first, from);
	unname_inode(second, to);
	// Only names that are in use again are kept by nobody.
	if (tmpfs_inode(first)->last_name == from)
		tmpfs_inode(first)->last_name = NULL;
	if (tmpfs_inode(second)->last_name == to)
		tmpfs_inode(second)->last_name = NULL;
	name_inode(first, to);
	name_inode(second, from);
	renew(from);
	renew(to);
}

// Enters `entry` for the inode of `from`, which goes, as does `to` when there is one; what that
// stood for is *gone.
static void replace(struct tmpfs_inode *directory, struct tmpfs_entry *entry,
		    struct tmpfs_entry *from, struct tmpfs_entry *to, struct inode **gone)
{
	if (to)
		*gone = tmpfs_take_out(to);
	tmpfs_enter(directory, entry, tmpfs_take_out(from));
}

// Under tree_lock. 1: done, and *entry used up where it is NULL afterwards; 0: there is nothing to
// do; or -errno.
static int rename_locked(const struct rename_request *request, struct tmpfs_entry **entry,
			 struct inode **moved, struct inode **gone)
{
	struct tmpfs_inode *directory = tmpfs_inode(request->to);
	struct tmpfs_entry *from, *to;
	int result;

	from = tmpfs_find(tmpfs_inode(request->from), request->from_name, request->from_length);
	to = tmpfs_find(directory, request->to_name, request->to_length);
	result = check_rename(request, from, to);
	if (result || (to && to->inode == from->inode))
		return result;
	*moved = inode_get(from->inode);
	if (request->flags & RENAME_EXCHANGE) {
		*gone = inode_get(to->inode);
		exchange(from, to);
		return 1;
	}
	replace(directory, *entry, from, to, gone);
	*entry = NULL;
	return 1;
}

int tmpfs_rename(const struct rename_request *request)
{
	struct tmpfs_entry *entry = tmpfs_entry_create(request->to_name, request->to_length);
	struct inode *moved = NULL, *gone = NULL;
	int result;

	if (!entry)
		return -ENOMEM;
	spin_lock(&tree_lock);
	result = rename_locked(request, &entry, &moved, &gone);
	spin_unlock(&tree_lock);
	kfree(entry);
	if (result <= 0)
		return result;
	directory_changed(request->from);
	directory_changed(request->to);
	inode_touch(moved, TIME_CHANGE);
	if (gone)
		inode_touch(gone, TIME_CHANGE);
	inode_put(moved);
	inode_put(gone);
	return 0;
}
