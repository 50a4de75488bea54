// SPDX-License-Identifier: MIT
//
// Pseudo files: /proc and /sys, whose contents are made when they are read. A file's text is made
// at the first read, and again at each read from offset 0; reads in between go on in it. It is
// made whole, or piece by piece where it may be long (maps).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode;
struct inode_ops;
struct process;

#define TEXT_INLINE 64 // bytes of text that need no allocation

// Text under construction. When memory runs out it stays as it is and `failed` is set.
struct text {
	char *bytes;
	size_t length;
	size_t capacity;
	bool failed;
	char space[TEXT_INLINE]; // where `bytes` points at first
};

void text_init(struct text *text);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct text *text, const void *bytes, size_t count);
void text_pad(struct text *text, size_t length); // with spaces up to `length`
void text_free(struct text *text);

// One open pseudo file.
struct pseudo_open {
	struct process *process; // of /proc/PID, held; NULL elsewhere
	const void *subject;     // the entry's
	int tid;                 // of /proc/PID/task/TID; 0: the process as a whole
	int descriptor;          // of /proc/PID/fdinfo/N
	uint64_t value;          // what a write left for the next read (`walk`)
	bool made;               // `text` is there
	bool more;               // set by `show`: the text goes on; call again when it is read
	uint64_t base;           // where in the file `text` begins
	uint64_t cursor;         // for `show`: where it goes on; 0 at the start of the file
	struct text text;
};

// One name in a pseudo directory. What a field is for decides what the name is: a directory has
// `entries`, a link `readlink`, a stream `stream`, everything else is a file of text.
struct pseudo_entry {
	const char *name;
	uint32_t permissions;
	// Makes the text: 0 or -errno. NULL: reading gives -EINVAL.
	int (*show)(struct pseudo_open *open, struct text *text);
	// Takes what one write brought, terminated: 0 or -errno. NULL: writing gives -EINVAL.
	int (*store)(struct pseudo_open *open, const char *text, size_t length);
	// Fills the buffer (of 4096 bytes or less) with what there is now: bytes or -errno.
	long (*stream)(void *buffer, size_t size);
	// The same with a place in it: what is at `offset`; 0 at the end.
	long (*read_at)(struct pseudo_open *open, uint64_t offset, void *buffer, size_t size);
	// A link's text, cut to `size`, and where it leads when that is not what the text says.
	long (*readlink)(struct process *process, char *buffer, size_t size);
	int (*follow)(struct process *process, struct inode **target);
	// Why it cannot be opened: -errno, or 0. NULL: it can. May sleep.
	int (*check)(struct process *process);
	const void *subject; // for `show` and `store` that serve several entries
	const struct pseudo_entry *entries;
	size_t count;
	bool processes;   // a directory with one more entry for each process: /proc
	bool tasks;       // and for each task: /proc/PID/task
	bool descriptors; // and for each open descriptor: /proc/PID/fdinfo
	// A directory whose names are all made up: its own operations, pseudo_release among them.
	const struct inode_ops *directory;
};

#define PSEUDO_DIRECTORY(title, table)                                    \
	{                                                                 \
		.name = (title), .permissions = 0555, .entries = (table), \
		.count = sizeof(table) / sizeof((table)[0])               \
	}
#define PSEUDO_TEXT(title, function)                                     \
	{                                                                \
		.name = (title), .permissions = 0444, .show = (function) \
	}

// For directories with operations of their own: the process they belong to (no reference), and the
// end of an inode made from an entry.
struct process *pseudo_process(struct inode *inode);
void pseudo_release(struct inode *inode);
// The process whose /proc/PID this inode is, with a reference; NULL: it is something else.
struct process *pseudo_directory_process(struct inode *inode);

// /proc/PID/fd, and the files of fdinfo (proc_descriptor.c).
extern const struct inode_ops descriptor_directory_ops;
extern const struct pseudo_entry descriptor_facts;
// The first open descriptor of a process from `from` on; -1: there is none.
int process_next_descriptor(struct process *process, int from);

// What is in /proc/PID, /proc/PID/task/TID, /proc and /sys.
extern const struct pseudo_entry process_directory; // proc_process.c
extern const struct pseudo_entry task_directory;    // the same
extern const struct pseudo_entry proc_directory;    // proc_system.c
extern const struct pseudo_entry sys_directory;     // sys_debug.c

// The roots of the two file systems, with a reference; NULL when out of memory. For initrd_start.
struct inode *pseudo_create_proc(struct inode *parent);
struct inode *pseudo_create_sys(struct inode *parent);
