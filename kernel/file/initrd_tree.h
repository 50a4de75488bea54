// SPDX-License-Identifier: MIT
//
// What initrd.c (using the tree) and initrd_build.c (making it) share.
#pragma once

#include "kernel/file/inode.h"
#include "lib/list.h"
#include "mm/object.h"
#include "mm/slab.h"

// A name in a directory.
struct initrd_entry {
	struct list link; // on the directory's `entries`, in the archive's order
	struct inode *inode;
	uint32_t hash, length;
	char name[];
};

struct initrd_inode {
	struct inode inode;
	union {
		struct list entries;      // directories
		struct {                  // regular files and links
			const char *data; // inode.size bytes in the archive
			struct object object;
		};
	};
};

extern const struct object_ops initrd_object_ops;
const struct inode_ops *initrd_inode_ops(uint32_t mode);

struct initrd_entry *initrd_find(struct initrd_inode *directory, const char *name, size_t length);
// A new last entry; NULL when out of memory. Takes over the caller's reference to `inode`.
struct initrd_entry *initrd_enter(struct initrd_inode *directory, const char *name, size_t length,
				  struct inode *inode);
