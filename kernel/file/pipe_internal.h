// SPDX-License-Identifier: MIT
//
// What pipes and pipes with a name share.
#pragma once

#include "kernel/file/file.h"
#include "kernel/file/pipe.h"
#include "kernel/process/sleep_lock.h"
#include "kernel/process/wait.h"
#include "mm/layout.h"

#define PIPE_PAGES (PIPE_CAPACITY / PAGE_SIZE)

// See pipe.c for the locks. An end's counters grow in this order: the open ones, then the other.
struct pipe {
	uint32_t references;                 // open files; atomic
	uint32_t readers, writers;           // of these, those that read, that write; atomic
	uint32_t readers_ever, writers_ever; // since it was made; of pipes with a name; atomic
	struct sleep_lock lock;
	uint64_t head, tail;
	struct frame *pages[PIPE_PAGES]; // by position / PAGE_SIZE % PIPE_PAGES
	struct wait_queue readable; // woken when bytes arrive, a first writer comes, the last goes
	struct wait_queue writable; // woken when there is room; the same of readers
	uint64_t number;            // st_ino
};

extern const struct file_ops fifo_ops;

struct pipe *pipe_alloc(void); // with no end open; NULL when out of memory
void pipe_free(struct pipe *pipe);

// Operations of both kinds. `data` of the file is the pipe; its position, which means nothing
// else, is how many writers there ever had been when a reader opened it that did not wait for one:
// it has not been hung up on as long as there were no more.
long pipe_read(struct file *file, struct io *io, uint64_t *offset);
long pipe_write(struct file *file, struct io *io, uint64_t *offset);
long pipe_ioctl(struct file *file, unsigned command, uintptr_t argument);
unsigned pipe_poll(struct file *file, struct poll_table *table);
void pipe_close_ends(struct file *file);
