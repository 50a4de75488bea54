// SPDX-License-Identifier: MIT
//
// Inodes: what a path names. The tree of the initrd is made once at boot and stays (initrd.c);
// the inodes below /proc and /sys are made when they are looked up and go with their last
// reference (pseudo.c).
//
// No locks: but for the reference count, an inode does not change after it was made.
#pragma once

#include "lib/list.h"
#include <asm/stat.h>
#include <linux/stat.h>
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
	uint64_t number; // the inode's
	uint32_t mode;   // its S_IFMT bits
	char space[24];  // for names that are made up (process numbers)
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
};

struct inode {
	uint32_t references; // atomic
	uint32_t mode;       // S_IF* and permissions
	const struct inode_ops *ops;
	struct inode *parent;  // the directory of its first name, held; the root's is itself
	const char *name;      // its first name there
	struct object *object; // page cache, for mapping and exec; NULL when it has none
	uint64_t number;
	uint64_t size; // bytes
	uint32_t links;
	uint32_t uid, gid;
	uint32_t device;  // of the file system: st_dev
	uint32_t special; // of a device node: st_rdev
	uint32_t mtime;   // seconds since 1970
	bool read_only;   // its file system takes no changes
};

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

// The caller may do `mask` (1 execute, 2 write, 4 read; 0: always): 0, -EACCES or -EROFS.
// Everybody is root here: only execution of what nobody may execute is refused.
int inode_permission(const struct inode *inode, unsigned mask);

void inode_stat(const struct inode *inode, struct stat *status);

// Its absolute path, terminated: the length without the NUL, or -ENAMETOOLONG.
long inode_path(const struct inode *inode, char *buffer, size_t size);

// ---- path lookup ----
#define LOOKUP_NO_FOLLOW 1 // a symbolic link as the last component is the answer itself
#define LOOKUP_DIRECTORY 2 // -ENOTDIR unless it is a directory
#define LOOKUP_CREATE    8 // a slash behind the last component is -EISDIR (open with O_CREAT)
#define LOOKUP_PARENT    4 // -ENOENT for the last component only: *found is its directory, result 1

// What `path` (kernel memory) names, with a reference in *found. `directory`: where a relative
// path starts. 0 or Linux's error: -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EACCES, -ENOMEM.
int path_lookup_at(struct inode *directory, const char *path, unsigned flags,
		   struct inode **found);
// The same from the calling task's working directory, links followed: for exec.
int path_lookup(const char *path, struct inode **found);
