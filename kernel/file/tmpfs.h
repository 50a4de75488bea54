// SPDX-License-Identifier: MIT
//
// The file system in memory: the root, and with it /tmp, /dev/shm and everything else that is not
// /proc or /sys. It begins as the initrd's tree (initrd.c) and is written like any other.
// A file's pages are in its object (mm/object.h); those the initrd has come out of the archive,
// which stays in memory, until they are changed.
//
// tmpfs_tree.c: names. tmpfs_inode.c: inodes, made and released. tmpfs_file.c: contents.
#pragma once

#include "kernel/file/inode.h"
#include "kernel/process/sleep_lock.h"
#include "lib/avl.h"
#include "lib/list.h"
#include "mm/object.h"
#include <linux/fcntl.h>
#include <stdbool.h>

struct file;

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020 // newer than some systems' headers
#endif

#define TMPFS_ENTRY_SIZE 20 // what an entry adds to its directory's st_size, as on Linux

// A name in a directory. Everything in it is guarded by tree_lock.
struct tmpfs_entry {
	struct avl_node by_name;     // in the directory's tree, by hash, length and bytes
	struct avl_node by_position; // in the directory's other tree
	struct list same;            // on the inode's `names`; empty for inodes of others
	struct tmpfs_inode *directory;
	struct inode *inode; // held
	uint64_t position;   // later ones are higher
	uint32_t hash, length;
	char name[];
};

// Contents of a regular file.
struct tmpfs_file {
	struct object object; // the inode's memory goes with its last reference
	const char *archive;  // object.source bytes
	// For one writer, truncation or hole at a time; may be held over copies from ring 3.
	struct sleep_lock lock;
	uint32_t seals; // F_SEAL_*; changed under `lock`
};

// A file system in memory: the tree's, or one that is mounted (mount.h).
struct tmpfs_volume {
	struct object_quota quota; // of its files' pages; limit 0: none
	uint64_t inode_count;      // atomic
	uint64_t inode_limit;      // 0: none
	uint32_t device;           // st_dev
	bool is_ramfs;
};

struct tmpfs_directory {
	struct avl_tree by_name, by_position; // of entries; tree_lock
	uint64_t last_position;               // tree_lock
};

struct pipe;

struct tmpfs_inode {
	struct inode inode;
	struct tmpfs_volume *volume;
	struct list names;             // entries, the first one's is inode.name; tree_lock
	struct tmpfs_entry *last_name; // kept when it has no other; tree_lock
	union {                        // by the type in inode.mode
		struct tmpfs_file file;
		struct tmpfs_directory directory;
		char *target;      // a link's text, of inode.size bytes
		struct pipe *pipe; // of a name of a pipe, while it is open (fifo.c)
	};
};

static inline struct tmpfs_inode *tmpfs_inode(const struct inode *inode)
{
	return container_of(inode, struct tmpfs_inode, inode);
}

// Whether it is one of this file system's.
bool inode_is_tmpfs(const struct inode *inode);

// ---- inodes ----
// A new inode without a name and owner: user 0, permissions and type by `mode`, the times now.
// NULL when out of memory, or of the number of inodes there may be.
struct tmpfs_inode *tmpfs_inode_create_in(struct tmpfs_volume *volume, uint32_t mode);
// In the volume that is the tree from the beginning.
struct tmpfs_inode *tmpfs_inode_create(uint32_t mode);
// A regular file of `size` zeros that never had a name, shown as `name`, for memfd_create and
// shmget; no limit but memory. NULL when out of memory.
struct tmpfs_inode *tmpfs_create_nameless(const char *name, uint32_t mode, uint64_t size);
// For `fill` and `release` of objects that are a tmpfs file's.
int tmpfs_fill(struct object *object, uint64_t index, void *page);
void tmpfs_release_object(struct object *object);
struct space_figures tmpfs_space(const struct inode *inode); // of its volume

// ---- names; under tree_lock, or while nobody else is there ----
// A name that is in no directory yet; NULL when out of memory.
struct tmpfs_entry *tmpfs_entry_create(const char *name, size_t length);
struct tmpfs_entry *tmpfs_find(struct tmpfs_inode *directory, const char *name, size_t length);
// The newest entry that is older than `position`, 0: than all.
struct tmpfs_entry *tmpfs_entry_before(struct tmpfs_directory *directory, uint64_t position);
// Enters it as the last one; takes over the caller's reference to `inode`.
void tmpfs_enter(struct tmpfs_inode *directory, struct tmpfs_entry *entry, struct inode *inode);
// Takes it out. The reference to the inode becomes the caller's; the entry is freed, or kept as
// the inode's last name.
struct inode *tmpfs_take_out(struct tmpfs_entry *entry);

// The operations of directories that change names.
int tmpfs_make(struct inode *directory, const struct new_name *what, struct inode **made);
int tmpfs_make_unnamed(struct inode *directory, uint32_t mode, struct inode **made);
int tmpfs_link(struct inode *directory, const char *name, size_t length, struct inode *inode);
int tmpfs_unlink(struct inode *directory, const char *name, size_t length, bool slash);
int tmpfs_rmdir(struct inode *directory, const char *name, size_t length);
int tmpfs_rename(const struct rename_request *request);

// ---- contents ----
int tmpfs_open(struct inode *inode, unsigned flags, struct file **file);
// A regular file just opened for writing does not keep its inode from being executed.
void tmpfs_forget_writer(struct file *file);
int tmpfs_resize(struct inode *inode, uint64_t size);
// fallocate: `mode` is FALLOC_FL_*. 0 or -errno.
long tmpfs_allocate(struct file *file, int mode, uint64_t offset, uint64_t length);
// For objects that are a tmpfs file's.
int tmpfs_punch(struct object *object, uint64_t first, uint64_t end);
// fcntl's F_ADD_SEALS: 0 or -errno.
int tmpfs_add_seals(struct file *file, uint64_t seals);
// Whether the file's seals allow a mapping; a shared one may lose the right to be written later. 0
// or -EPERM.
int tmpfs_check_mapping(const struct tmpfs_inode *node, bool shared, bool write, bool *may_write);
// The file behind an open file; NULL: it is no regular file of this file system.
struct tmpfs_inode *tmpfs_regular(const struct file *file);
