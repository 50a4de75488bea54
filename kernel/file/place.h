// SPDX-License-Identifier: MIT
//
// Where a task is among the files: the directory that its relative paths start at, and the umask
// of what it makes. Shared between threads (CLONE_FS), copied by fork.
#pragma once

#include "lib/spinlock.h"
#include <stdint.h>

struct inode;

struct place {
	uint32_t references;     // tasks, and /proc for a moment; atomic
	uint32_t umask;          // atomic
	struct spinlock lock;    // guards `directory`
	struct inode *directory; // held
};

int place_start(void);                         // before the first one: 0 or -ENOMEM
struct place *place_create(void);              // at the root; NULL when out of memory
struct place *place_fork(struct place *place); // a copy; NULL when out of memory
struct place *place_get(struct place *place);
void place_put(struct place *place); // NULL is allowed

// The running task goes on with a copy of its own unless nobody else has its place. 0 or -ENOMEM.
int place_unshare(void);

// The directory, with a reference.
struct inode *place_directory(struct place *place);
uint32_t place_umask(const struct place *place);

// Of the running task: the directory, with a reference; another one, of which it takes its own;
// and the umask it sets: what it was.
struct inode *current_directory(void);
void change_directory(struct inode *directory);
uint32_t change_umask(uint32_t umask);
