// SPDX-License-Identifier: MIT
//
// System V shared memory: segments with numbers and keys. A segment's memory is a file without a
// name (tmpfs.h) whose inode number is the segment's; its ending is the segment's.
#pragma once

#include <asm/shmbuf.h>
#include <linux/ipc.h>
#include <stdbool.h>
#include <stdint.h>

struct object;
struct text;

// What <linux/shm.h> has, which needs a C library's <unistd.h>.
#define SHM_HUGETLB   04000
#define SHM_NORESERVE 010000
#define SHM_RDONLY    010000
#define SHM_RND       020000
#define SHM_REMAP     040000
#define SHM_EXEC      0100000
#define SHM_LOCK      11
#define SHM_UNLOCK    12
#define SHM_STAT      13
#define SHM_INFO      14
#define SHM_STAT_ANY  15
#define SHM_DEST      01000 // in a mode: goes with its last attachment
#define SHM_LOCKED    02000

struct shm_info {
	int used_ids;
	uint64_t total, resident, swapped; // pages
	uint64_t swap_attempts, swap_successes;
};

// /proc/sys/kernel/shm*: each is one word, read and written whole.
struct shm_limits {
	uint64_t max; // bytes of a segment
	uint64_t all; // pages of all
	int count;    // segments
};
extern struct shm_limits shm_limits;

// The number of the segment, or -errno, as shmget says it. `flags`: IPC_*, SHM_*, permissions.
long shm_find_or_create(int key, uint64_t size, unsigned flags);

// The memory of a segment on which the caller may do `mask` (4 read, 2 write, 1 execute), held,
// and its size in bytes. 0, -EINVAL, -EIDRM or -EACCES. Until shm_close it can be mapped, though
// the last attachment goes.
int shm_open(int id, unsigned mask, struct object **object, uint64_t *size);
void shm_close(struct object *object);

// The VMAs of which objects are attachments.
bool shm_is_segment(const struct object *object);

// shmctl. The segment is named by its number, or by its place in the table (`by_place`), of which
// the number is the result. `any`: without permission to read it.
long shm_status(int id, bool by_place, bool any, struct shmid64_ds *status);
int shm_set(int id, const struct ipc64_perm *permissions);
int shm_remove(int id);
int shm_lock_pages(int id, bool lock); // changes what is shown only: pages stay anyway
// The highest place in use.
int shm_highest_place(void);
void shm_count(struct shm_info *info);
