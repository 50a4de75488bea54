// SPDX-License-Identifier: MIT
//
// Pseudo files: /proc and /sys, whose contents are made when they are read. A file's text is
// produced whole into a buffer that grows, at the first read at offset 0; later reads go on in it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct inode;
struct task;

// Text under construction. When memory runs out it stays as it is and `failed` is set.
struct text {
	char *bytes;
	size_t length;
	size_t capacity; // 0, or a power of two
	bool failed;
};

void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct text *text, const void *bytes, size_t count);
void text_free(struct text *text);

// One name in a pseudo directory.
struct pseudo_entry {
	const char *name;
	uint32_t mode;
	// Files: makes the text. `task`: of /proc/PID, NULL elsewhere. 0 or -errno.
	int (*show)(struct task *task, struct text *text);
	// Files: takes what one write(2) brought (terminated). 0 or -errno.
	int (*store)(struct task *task, const char *text, size_t length);
	// Files that stream instead (trace): bytes, 0: nothing now.
	long (*stream)(struct task *task, void *buffer, size_t size);
	// Links: the target's text, and where it leads when that is not what the text says.
	long (*readlink)(struct task *task, char *buffer, size_t size);
	int (*follow)(struct task *task, struct inode **target);
	// Directories: what is in them.
	const struct pseudo_entry *entries;
	size_t count;
};

// Makes /proc and /sys under the root. 0 or -ENOMEM. For initrd_start.
int pseudo_start(struct inode *root, struct inode **proc, struct inode **sys);
