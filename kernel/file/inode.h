// SPDX-License-Identifier: MIT
//
// Inodes: what a path names. The tree of files is in memory (tmpfs.h) and begins as what the
// initrd has (initrd.c); the inodes below /proc and /sys are made when they are looked up and go
// with their last reference (pseudo.c).
//
// Locks: `tree_lock` guards names: what is in which directory, parents, link counts. It is a spin
// lock, taken without any of kernel/'s or under mm->lock's siblings of mm/ only; nothing is
// allocated under it. `lock` of each inode guards the attributes that chmod and the like change.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"
#include <asm/stat.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct inode;
struct object;

// What getdents64 shows of one entry.
struct directory_entry {
	const char *name; // valid until the next call on the same directory
	size_t length;
	uint64_t number;          // the inode's
	uint32_t mode;            // its S_IFMT bits
	char space[NAME_MAX + 1]; // for names that are made up, or may go
};

// A name to be made in a directory, and what it is to stand for.
struct new_name {
	const char *name;
	size_t length;
	uint32_t mode;      // S_IF* and permissions, the umask already taken off
	uint32_t special;   // of devices: st_rdev
	const char *target; // of symbolic links
};

// rename: both directories are of the same file system.
struct rename_request {
	struct inode *from, *to; // directories
	const char *from_name, *to_name;
	size_t from_length, to_length;
	bool from_slash, to_slash; // there was a slash behind the name
	unsigned flags;            // RENAME_*
};

// What statfs tells of a file system: pages and inodes.
struct space_figures {
	uint64_t blocks, blocks_free, inodes, inodes_free;
};

struct inode_ops {
	// The entry called name[0..length) in this directory, with a reference; -ENOENT. Never
	// asked for "." and "..".
	int (*lookup)(struct inode *directory, const char *name, size_t length,
		      struct inode **found);
	// The entry at *cookie (0: the first, "." and ".." not counted); advances *cookie. 1, or
	// 0 after the last.
	int (*next_entry)(struct inode *directory, uint64_t *cookie,
			  struct directory_entry *entry);
	// A symbolic link's target, cut to `size`, not terminated: its length or -errno.
	long (*readlink)(struct inode *link, char *buffer, size_t size);
	// A link that leads to an inode whatever its text says (/proc/self/exe). With a reference.
	int (*follow)(struct inode *link, struct inode **target);
	// Makes the open file. NULL: -ENXIO.
	int (*open)(struct inode *inode, unsigned flags, struct file **file);
	// The last reference is gone. NULL: the inode lives forever.
	void (*release)(struct inode *inode);

	// Changes: results as the system calls have them, permissions included. NULL: -EPERM.
	// Makes a name; *made has a reference.
	int (*make)(struct inode *directory, const struct new_name *name, struct inode **made);
	// Makes an inode without a name.
	int (*make_unnamed)(struct inode *directory, uint32_t mode, struct inode **made);
	// Gives an inode of the same file system one more name.
	int (*link)(struct inode *directory, const char *name, size_t length, struct inode *inode);
	// unlink and rmdir; `slash`: there was one behind the name.
	int (*unlink)(struct inode *directory, const char *name, size_t length, bool slash);
	int (*rmdir)(struct inode *directory, const char *name, size_t length);
	int (*rename)(const struct rename_request *request);
	// Sets a regular file's size. May sleep.
	int (*resize)(struct inode *inode, uint64_t size);
};

struct inode_times {
	struct __kernel_timespec access, modification, change, birth;
};

struct inode {
	uint32_t references; // atomic
	uint32_t mode;       // S_IF* and permissions
	const struct inode_ops *ops;
	struct inode *parent;  // the directory of its first name, held, or last one; the root's
			       // is itself. tree_lock
	const char *name;      // its first name there, or the last it had. tree_lock
	struct object *object; // page cache, for mapping and exec; NULL when it has none
	struct inode *cover;   // the root of what is mounted on it (mount.h), or NULL. tree_lock
	uint64_t number;
	uint64_t size;    // bytes; with an object that knows better: inode_size
	uint32_t links;   // tree_lock
	uint32_t device;  // of the file system: st_dev
	uint32_t special; // of a device node: st_rdev
	int32_t writers; // files open for writing; negative: as often it is being executed. Atomic
	struct spinlock lock;
	uint32_t uid, gid;        // guarded by `lock`, as are the bits of `mode` but S_IFMT's
	struct inode_times times; // guarded by `lock`
};

extern struct spinlock tree_lock;

extern struct inode *root_inode; // set by initrd_start; constant afterwards

struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode); // NULL is allowed

static inline bool inode_is(const struct inode *inode, uint32_t type)
{
	return (inode->mode & S_IFMT) == type;
}

// The inode that owns a page cache, NULL when no inode does. No reference is taken: it lives as
// long as the object.
struct inode *object_inode(struct object *object);

// ---- permissions (permission.c) ----
// The running process may do `mask` (1 execute or search, 2 write, 4 read; 0: always) by its
// effective user and group: 0 or -EACCES. Root may all but execute what nobody may.
int inode_permission(const struct inode *inode, unsigned mask);
// The same by the real ones, for access(2).
int inode_permission_real(const struct inode *inode, unsigned mask);
// It owns the inode, or is root.
bool inode_owned(const struct inode *inode);
// It may take an entry that stands for `inode` out of `directory`: 0, -EACCES, or -EPERM where the
// directory is sticky.
int inode_may_remove(const struct inode *directory, const struct inode *inode);
// The user and group that something new in `directory` gets; adapts *mode to a set-group-id
// directory.
void inode_set_owner(struct inode *inode, const struct inode *directory);

// ---- attributes ----
// Now is the time of what `which` says.
enum { TIME_ACCESS = 1, TIME_MODIFICATION = 2, TIME_CHANGE = 4, TIME_BIRTH = 8 };
void inode_touch(struct inode *inode, unsigned which);
// The contents were read: the time of access follows, as seldom as Linux's relatime has it.
void inode_accessed(struct inode *inode);

// A regular file is either written or executed: 0 or -ETXTBSY. Each that succeeds has its end.
int inode_write_begin(struct inode *inode);
void inode_write_end(struct inode *inode);
int inode_execute_begin(struct inode *inode);
void inode_execute_end(struct inode *inode);

uint64_t inode_size(const struct inode *inode);
void inode_stat(struct inode *inode, struct stat *status);

// What is found where this inode's name is: itself, or the root of what is mounted on it.
// tree_lock.
static inline struct inode *inode_uncovered(struct inode *inode)
{
	while (__builtin_expect(inode->cover != NULL, 0))
		inode = inode->cover;
	return inode;
}

// The directory it is in, with a reference.
struct inode *inode_parent(struct inode *inode);

// Its absolute path, terminated, with " (deleted)" behind it when it has no name any more: the
// length without the NUL, or -ENAMETOOLONG.
long inode_path(const struct inode *inode, char *buffer, size_t size);

// ---- path lookup ----
#define LOOKUP_NO_FOLLOW 1 // a symbolic link as the last component is the answer itself
#define LOOKUP_DIRECTORY 2 // -ENOTDIR unless it is a directory
#define LOOKUP_CREATE    8 // a slash behind the last component is -EISDIR (open with O_CREAT)
#define LOOKUP_PARENT    4 // the last component may be missing: only with path_find

// What `path` (kernel memory) names, with a reference in *found. `directory`: where a relative
// path starts. 0 or Linux's error: -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EACCES, -ENOMEM.
int path_lookup_at(struct inode *directory, const char *path, unsigned flags,
		   struct inode **found);

// A path's last component, and the directory it is looked for in.
enum name_kind { NAME_ORDINARY, NAME_DOT, NAME_DOT_DOT, NAME_ROOT };
struct path_name {
	struct inode *directory; // held
	enum name_kind kind;     // what there is instead of a name
	bool slash;              // there were slashes behind it
	size_t length;
	char name[NAME_MAX + 1]; // terminated; of NAME_ORDINARY
};
// Everything but the last component, which is neither looked up nor followed. Same errors.
int path_lookup_name(struct inode *directory, const char *path, struct path_name *name);

// open with O_CREAT: as path_lookup_at, but when only the last component is missing the result is
// 1 and *name says where it belongs.
int path_find(struct inode *directory, const char *path, unsigned flags, struct inode **found,
	      struct path_name *name);
// The same from the calling task's working directory, links followed: for exec.
int path_lookup(const char *path, struct inode **found);
