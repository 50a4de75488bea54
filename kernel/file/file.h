// SPDX-License-Identifier: MIT
//
// An open file: what a descriptor stands for. Descriptors made by dup and fork share one.
#pragma once

#include "kernel/file/inode.h"
#include "kernel/file/io.h"
#include "kernel/process/sleep_lock.h"
#include <asm/stat.h>
#include <stdbool.h>
#include <stdint.h>

struct file;
struct poll_table;
struct watch;

// Every operation may be NULL; then the call answers what Linux answers for such a file.
struct file_ops {
	const char *name; // of a kind of file without an inode, as /proc/PID/fd shows it
	// Moves bytes at *offset and advances it. Bytes moved, 0 at the end, or -errno; -EINTR's
	// kin is -ERESTARTSYS. May sleep. Files without a position ignore `offset`.
	long (*read)(struct file *file, struct io *io, uint64_t *offset);
	long (*write)(struct file *file, struct io *io, uint64_t *offset);
	// The new position or -errno. NULL: -ESPIPE, and pread and pwrite fail so as well.
	long (*seek)(struct file *file, int64_t offset, int whence);
	// NULL: -ENOTTY.
	long (*ioctl)(struct file *file, unsigned command, uintptr_t argument);
	// The POLL* bits that hold now; registers the waiter with poll_wait when table is not
	// NULL. NULL: always readable and writable.
	unsigned (*poll)(struct file *file, struct poll_table *table);
	// Entries of a directory into `io` as struct linux_dirent64. NULL: -ENOTDIR.
	long (*directory)(struct file *file, struct io *io);
	// NULL: what the inode says.
	void (*stat)(struct file *file, struct stat *status);
	// The last reference is gone.
	void (*release)(struct file *file);
};

struct file {
	uint32_t references;             // all of them; atomic
	uint32_t watchers;               // those of epoll's waiters alone; epoll.c has the lock
	uint32_t flags;                  // O_* of open; O_APPEND and O_NONBLOCK change by fcntl
	const struct file_ops *ops;      // constant
	struct inode *inode;             // held; NULL for pipes
	uint64_t offset;                 // the position of read and write; position_lock
	struct sleep_lock position_lock; // regular files and directories: one call at a time
	void *data;                      // the operations' own
	struct watch *watches;           // by whom it is watched; epoll.c has the lock
};

// Before the first file: 0 or -ENOMEM.
int file_start(void);

// A new open file with one reference. Takes over the caller's reference to `inode` on success.
// NULL when out of memory.
struct file *file_create(const struct file_ops *ops, struct inode *inode, unsigned flags);
struct file *file_get(struct file *file);
void file_put(struct file *file);
void file_end(struct file *file); // whose last reference epoll.c saw going

// Around what reads and moves the position of a file: tasks that share it get each byte once, as
// POSIX has it. Does nothing where positions mean nothing. 0 or -ERESTARTSYS.
int file_lock_position(struct file *file);
void file_unlock_position(struct file *file);

bool file_readable(const struct file *file);
bool file_writable(const struct file *file);

// read and write as the system calls do them, -EBADF and -EISDIR included. NULL `offset`: the
// file's own position.
long file_read(struct file *file, struct io *io, uint64_t *offset);
long file_write(struct file *file, struct io *io, uint64_t *offset);
void file_stat(struct file *file, struct stat *status);

// Opens what `path` names as open(2) does; `flags` are O_*, `directory` where a relative path
// starts, `mode` the permissions of what is made, without the umask. On success *file has one
// reference.
int file_open(struct inode *directory, const char *path, unsigned flags, uint32_t mode,
	      struct file **file);
// The same for an inode already found (exec, /proc/self/exe). Takes no reference from the caller.
int file_open_inode(struct inode *inode, unsigned flags, struct file **file);

// What a mapping of this file takes its pages from, without a reference: NULL means anonymous
// memory (/dev/zero). `prot` and `flags` are mmap's; *may_write: mprotect may allow writing later.
// 0, -EACCES, -EBADF, -ENODEV or -EPERM.
int file_mapping(struct file *file, int prot, int flags, struct object **object, bool *may_write);

// The file's contents were read, or mapped, which Linux takes for the same.
void file_accessed(struct file *file);

// The open operation of every directory, by its inode's next_entry (directory.c).
int directory_open(struct inode *inode, unsigned flags, struct file **file);

// Positions in something of `size` bytes, for the seek operation: new position or -EINVAL.
long file_seek(struct file *file, int64_t offset, int whence, uint64_t size);
