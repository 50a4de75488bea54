// SPDX-License-Identifier: MIT
//
// A process's descriptors. Shared between threads (CLONE_FILES), copied by fork.
#pragma once

#include "kernel/file/file.h"
#include "lib/spinlock.h"
#include <stdbool.h>
#include <stdint.h>

#define FILES_INLINE 16         // descriptors before the table needs memory of its own
#define FILES_MAX    (1u << 16) // whatever RLIMIT_NOFILE says

struct files {
	uint32_t references;     // tasks, and /proc for a moment; atomic
	struct spinlock lock;    // guards all below
	uint32_t capacity;       // descriptors there is room for, a multiple of FILES_INLINE
	uint32_t first_free;     // no descriptor below it is free
	struct file **table;     // `capacity` pointers, NULL: free
	uint16_t *close_on_exec; // one bit a descriptor
	struct file *inline_table[FILES_INLINE];
	uint16_t inline_close[1];
};

int files_start(void);                         // before the first one: 0 or -ENOMEM
struct files *files_create(void);              // empty; NULL when out of memory
struct files *files_fork(struct files *files); // a copy; NULL when out of memory
struct files *files_get(struct files *files);
void files_put(struct files *files);           // the last one closes everything
void files_close_on_exec(struct files *files); // exec: closes what is marked
// The running task goes on with a copy of its own unless nobody else has its table. 0 or -ENOMEM.
int files_unshare(void);

// The open file of a descriptor, with a reference; NULL: -EBADF.
struct file *files_lookup(struct files *files, int descriptor);
// Puts `file` at the lowest free descriptor from `lowest` on, below `limit` (RLIMIT_NOFILE). Takes
// over the caller's reference on success. The descriptor, -EMFILE or -ENOMEM.
int files_install(struct files *files, struct file *file, unsigned lowest, unsigned limit,
		  bool close_on_exec);
// Puts it at `descriptor`, closing what is there (dup2). -EBADF beyond `limit`, -ENOMEM.
int files_replace(struct files *files, struct file *file, unsigned descriptor, unsigned limit,
		  bool close_on_exec);
int files_close(struct files *files, unsigned descriptor); // 0 or -EBADF
bool files_close_on_exec_get(struct files *files, unsigned descriptor);
void files_close_on_exec_set(struct files *files, unsigned descriptor, bool on);
// No descriptor from this one on is in use.
unsigned files_end(struct files *files);

// Opens descriptors 0, 1 and 2 of a first process on what the boot options say: the console as
// a terminal, or plain streams. 0 or -ENOMEM.
int files_open_standard(struct files *files);

// The open file of one of the running task's descriptors, with a reference; NULL: -EBADF.
struct file *file_get_descriptor(int descriptor);
// The same until this system call's end at most. Of a table that nobody shares nothing can be
// closed until then: no reference is needed, and *counted is false. To be given back.
struct file *file_borrow_descriptor(int descriptor, bool *counted);
static inline void file_return(struct file *file, bool counted)
{
	if (counted)
		file_put(file);
}
