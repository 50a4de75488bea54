// SPDX-License-Identifier: MIT
//
// System V shared memory: see kernel/file/shm.h. A number is a place in the table and a count of
// how often that was used, so that an old one is noticed.
//
// A segment holds a reference of its file's object until it is removed; attachments are VMAs,
// which hold others. So it ends when it is removed and the last attachment has gone, with the
// object. Until then a removed one can still be attached by its number, as on Linux.
//
// Left out: huge pages; locking, as nothing is ever swapped.
//
// Locks: shm_lock guards the table, and all of the segments but their files. It is taken under
// mm->lock, when attachments come and go; nothing is allocated or freed under it.
#include "kernel/file/shm.h"
#include "kernel/file/proc_internal.h"
#include "kernel/file/tmpfs.h"
#include "kernel/machine/timer.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#define PLACES      4096 // the most there can be, whatever the limit says
#define PLACE_BITS  15   // of a number, as on Linux
#define NANOSECONDS 1000000000ul
#define TO_BE_MADE  (1l << 40) // no number is so large
#define NAME_SIZE   16         // "SYSV", eight digits and a NUL, rounded up

struct segment {
	struct ipc64_perm permissions; // the mode has SHM_DEST and SHM_LOCKED
	int id;
	uint64_t size;                       // bytes, as asked for
	int64_t attached, detached, changed; // seconds since 1970
	int creator, last;                   // pids
	uint64_t attachments;
	uint32_t opened;       // calls of shm_open that shm_close has not ended
	uint32_t locker;       // the user who locked it, while SHM_LOCKED
	struct object *object; // held until SHM_DEST
};

static struct spinlock shm_lock;
static struct segment **table; // PLACES pointers; NULL until the first segment
static uint16_t uses[PLACES];  // how often a place was used
static int segments_in_use;
static uint64_t pages_in_use; // that segments may have

struct shm_limits shm_limits = {
	.max = ~0ul - (1ul << 24),
	.all = ~0ul - (1ul << 24),
	.count = PLACES,
};

static int64_t seconds(void)
{
	return (int64_t)(clock_realtime() / NANOSECONDS);
}

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes >> PAGE_SHIFT) + (bytes % PAGE_SIZE != 0);
}

static int current_pid(void)
{
	return current_task() && current_process() ? current_process()->pid : 0;
}

// ---- finding; under shm_lock ----
static struct segment *at_place(int place)
{
	return table && place >= 0 && place < PLACES ? table[place] : NULL;
}

// A segment by its number: *result says why there is none.
static struct segment *find(int id, int *result)
{
	struct segment *segment = id < 0 ? NULL : at_place(id & ((1 << PLACE_BITS) - 1));

	*result = segment ? 0 : -EINVAL;
	if (segment && segment->id != id) {
		*result = -EIDRM;
		return NULL;
	}
	return segment;
}

static struct segment *find_key(int key)
{
	for (int place = 0; table && place < PLACES; place++)
		if (table[place] && table[place]->permissions.key == key)
			return table[place];
	return NULL;
}

static struct segment *segment_of(const struct object *object)
{
	uint64_t id = container_of(object, struct tmpfs_inode, file.object)->inode.number;
	int result;

	return find((int)id, &result);
}

// What the caller may do: 0 or -EACCES.
static int check_permission(const struct segment *segment, unsigned mask)
{
	const struct ipc64_perm *permissions = &segment->permissions;
	uint32_t user = current_credentials()->users.effective;
	uint32_t group = current_credentials()->groups.effective;
	unsigned allowed = permissions->mode;

	if (user == permissions->uid || user == permissions->cuid)
		allowed >>= 6;
	else if (group == permissions->gid || group == permissions->cgid ||
		 credentials_in_group(permissions->gid) || credentials_in_group(permissions->cgid))
		allowed >>= 3;
	return (mask & ~allowed & 7) && !capable(CAP_IPC_OWNER) ? -EACCES : 0;
}

static bool owned(const struct segment *segment)
{
	uint32_t user = current_credentials()->users.effective;

	return user == segment->permissions.uid || user == segment->permissions.cuid;
}

// ---- attachments, and the end ----
static void attached(struct object *object, int change)
{
	struct segment *segment;

	spin_lock(&shm_lock);
	segment = segment_of(object);
	if (segment) {
		segment->attachments += (uint64_t)(int64_t)change;
		segment->last = current_pid();
		if (change > 0)
			segment->attached = seconds();
		else
			segment->detached = seconds();
	}
	spin_unlock(&shm_lock);
}

// With the last attachment of a removed segment it has ended, whoever still holds the memory.
static bool mappable(struct object *object)
{
	struct segment *segment;
	bool result;

	spin_lock(&shm_lock);
	segment = segment_of(object);
	result = segment && (!(segment->permissions.mode & SHM_DEST) || segment->attachments ||
			     segment->opened);
	spin_unlock(&shm_lock);
	return result;
}

static void take_out(struct segment *segment)
{
	table[segment->id & ((1 << PLACE_BITS) - 1)] = NULL;
	segments_in_use--;
	pages_in_use -= pages_of(segment->size);
}

// The last reference of the memory is gone; a segment that could not be made is not in the table.
static void release(struct object *object)
{
	struct segment *segment;

	spin_lock(&shm_lock);
	segment = segment_of(object);
	if (segment)
		take_out(segment);
	spin_unlock(&shm_lock);
	kfree(segment);
	commit_release(object->charged);
	tmpfs_release_object(object);
}

static const struct object_ops segment_ops = {
	.fill = tmpfs_fill,
	.release = release,
	.attached = attached,
	.mappable = mappable,
	.punch = tmpfs_punch,
};

bool shm_is_segment(const struct object *object)
{
	return object->ops == &segment_ops;
}

// ---- making ----
static struct object *create_memory(int key, uint64_t size, unsigned flags)
{
	bool reserve = !(flags & SHM_NORESERVE) || commit_settings.policy == OVERCOMMIT_NEVER;
	uint64_t charged = reserve ? pages_of(size) : 0;
	struct tmpfs_inode *node;
	char name[NAME_SIZE];

	if (reserve && commit_charge(current_task()->mm, charged))
		return NULL;
	snprintf(name, sizeof(name), "SYSV%08x", (unsigned)key);
	node = tmpfs_create_nameless(name, S_IFREG | 0777, size);
	if (!node) {
		commit_release(charged);
		return NULL;
	}
	node->inode.number = ~0ul; // of no segment yet
	node->file.object.ops = &segment_ops;
	node->file.object.charged = charged;
	node->file.object.charges_pages = !reserve;
	return &node->file.object;
}

static struct segment *create_segment(int key, uint64_t size, unsigned flags)
{
	struct segment *segment = kzalloc(sizeof(*segment));
	const struct credentials *mine = current_credentials();

	if (!segment)
		return NULL;
	segment->permissions.key = key;
	segment->permissions.uid = segment->permissions.cuid = mine->users.effective;
	segment->permissions.gid = segment->permissions.cgid = mine->groups.effective;
	segment->permissions.mode = flags & 0777;
	segment->size = size;
	segment->creator = current_process()->pid;
	segment->changed = seconds();
	segment->object = create_memory(key, size, flags);
	if (segment->object)
		return segment;
	kfree(segment);
	return NULL;
}

// Under shm_lock: 0 or -ENOSPC.
static int check_room(uint64_t size)
{
	if (segments_in_use >= shm_limits.count || segments_in_use >= PLACES)
		return -ENOSPC;
	if (pages_in_use + pages_of(size) < pages_in_use ||
	    pages_in_use + pages_of(size) > shm_limits.all)
		return -ENOSPC;
	return 0;
}

// Under shm_lock, with a free place. Its number.
static int enter(struct segment *segment)
{
	int place = 0;

	while (table[place])
		place++;
	segment->id = uses[place]++ << PLACE_BITS | place;
	segment->permissions.seq = (unsigned short)(segment->id >> PLACE_BITS);
	container_of(segment->object, struct tmpfs_inode, file.object)->inode.number =
		(uint64_t)segment->id;
	table[place] = segment;
	segments_in_use++;
	pages_in_use += pages_of(segment->size);
	return segment->id;
}

// Makes the table, once. 0 or -ENOMEM.
static int prepare_table(void)
{
	struct segment **new;

	if (__atomic_load_n(&table, __ATOMIC_ACQUIRE))
		return 0;
	new = kzalloc(PLACES * sizeof(struct segment *));
	if (!new)
		return -ENOMEM;
	spin_lock(&shm_lock);
	if (!table) {
		__atomic_store_n(&table, new, __ATOMIC_RELEASE);
		new = NULL;
	}
	spin_unlock(&shm_lock);
	kfree(new);
	return 0;
}

// Under shm_lock.
static long check_existing(const struct segment *segment, uint64_t size, unsigned flags)
{
	int result;

	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if (size > segment->size)
		return -EINVAL;
	result = check_permission(segment, (flags >> 6) | (flags >> 3) | flags);
	return result ? result : segment->id;
}

// Under shm_lock: the segment of a key, or why there is none; TO_BE_MADE.
static long look_up(int key, uint64_t size, unsigned flags)
{
	struct segment *segment = key == IPC_PRIVATE ? NULL : find_key(key);

	if (segment)
		return check_existing(segment, size, flags);
	return key == IPC_PRIVATE || (flags & IPC_CREAT) ? TO_BE_MADE : -ENOENT;
}

static long create(int key, uint64_t size, unsigned flags)
{
	struct segment *segment;
	long result;

	if (size < 1 || size > shm_limits.max)
		return -EINVAL;
	if (pages_of(size) << PAGE_SHIFT < size)
		return -ENOSPC;
	if (flags & SHM_HUGETLB)
		return -EINVAL;
	spin_lock(&shm_lock);
	result = check_room(size);
	spin_unlock(&shm_lock);
	if (result)
		return result;
	segment = prepare_table() ? NULL : create_segment(key, size, flags);
	if (!segment)
		return -ENOMEM;
	// Others may have been here meanwhile.
	spin_lock(&shm_lock);
	result = look_up(key, size, flags);
	if (result == TO_BE_MADE)
		result = check_room(size);
	if (result == 0) {
		result = enter(segment);
		segment = NULL;
	}
	spin_unlock(&shm_lock);
	if (segment) {
		object_put(segment->object);
		kfree(segment);
	}
	return result;
}

long shm_find_or_create(int key, uint64_t size, unsigned flags)
{
	long result;

	spin_lock(&shm_lock);
	result = look_up(key, size, flags);
	spin_unlock(&shm_lock);
	return result == TO_BE_MADE ? create(key, size, flags) : result;
}

int shm_open(int id, unsigned mask, struct object **object, uint64_t *size)
{
	struct segment *segment;
	int result;

	spin_lock(&shm_lock);
	segment = find(id, &result);
	if (segment)
		result = check_permission(segment, mask);
	// One that is removed may be on its way out.
	if (result == 0 && !object_get_unless_zero(segment->object))
		result = -EIDRM;
	if (result == 0) {
		*object = segment->object;
		*size = segment->size;
		segment->opened++;
	}
	spin_unlock(&shm_lock);
	return result;
}

void shm_close(struct object *object)
{
	spin_lock(&shm_lock);
	segment_of(object)->opened--;
	spin_unlock(&shm_lock);
	object_put(object);
}

// ---- shmctl ----
static void fill_status(const struct segment *segment, struct shmid64_ds *status)
{
	*status = (struct shmid64_ds){
		.shm_perm = segment->permissions,
		.shm_segsz = segment->size,
		.shm_atime = segment->attached,
		.shm_dtime = segment->detached,
		.shm_ctime = segment->changed,
		.shm_cpid = segment->creator,
		.shm_lpid = segment->last,
		.shm_nattch = segment->attachments,
	};
}

long shm_status(int id, bool by_place, bool any, struct shmid64_ds *status)
{
	struct segment *segment;
	int result = 0;
	long number = 0;

	spin_lock(&shm_lock);
	segment = by_place ? at_place(id) : find(id, &result);
	if (!segment)
		result = result ? result : -EINVAL;
	else if (!any)
		result = check_permission(segment, 4);
	if (result == 0) {
		fill_status(segment, status);
		number = by_place ? segment->id : 0;
	}
	spin_unlock(&shm_lock);
	return result ? result : number;
}

int shm_set(int id, const struct ipc64_perm *permissions)
{
	struct segment *segment;
	int result;

	spin_lock(&shm_lock);
	segment = find(id, &result);
	if (segment && !owned(segment) && !capable(CAP_SYS_ADMIN))
		result = -EPERM;
	if (result == 0) {
		segment->permissions.uid = permissions->uid;
		segment->permissions.gid = permissions->gid;
		segment->permissions.mode =
			(segment->permissions.mode & ~0777u) | (permissions->mode & 0777);
		segment->changed = seconds();
	}
	spin_unlock(&shm_lock);
	return result;
}

// Removed twice, there is nothing more to let go.
int shm_remove(int id)
{
	struct object *object = NULL;
	struct segment *segment;
	int result;

	spin_lock(&shm_lock);
	segment = find(id, &result);
	if (segment && !owned(segment) && !capable(CAP_SYS_ADMIN))
		result = -EPERM;
	if (result == 0 && !(segment->permissions.mode & SHM_DEST)) {
		segment->permissions.mode |= SHM_DEST;
		segment->permissions.key = IPC_PRIVATE;
		object = segment->object;
	}
	spin_unlock(&shm_lock);
	if (object)
		object_put(object);
	return result;
}

// Whether the running process's user may lock that many pages more: RLIMIT_MEMLOCK is for all
// segments of a user together. The caller holds shm_lock.
static bool lock_allowed(uint64_t pages)
{
	uint64_t limit = process_limit(current_process(), RLIMIT_MEMLOCK).rlim_cur >> PAGE_SHIFT;
	uint32_t user = current_credentials()->users.real;

	for (int place = 0; place < PLACES; place++) {
		const struct segment *other = at_place(place);

		if (other && (other->permissions.mode & SHM_LOCKED) && other->locker == user)
			pages += pages_of(other->size);
	}
	return pages <= limit || capable(CAP_IPC_LOCK);
}

static int set_locked(struct segment *segment, bool lock)
{
	if (!lock) {
		segment->permissions.mode &= ~SHM_LOCKED;
		return 0;
	}
	if (segment->permissions.mode & SHM_LOCKED)
		return 0;
	if (!lock_allowed(pages_of(segment->size)))
		return -ENOMEM;
	segment->permissions.mode |= SHM_LOCKED;
	segment->locker = current_credentials()->users.real;
	return 0;
}

int shm_lock_pages(int id, bool lock)
{
	struct segment *segment;
	int result;

	spin_lock(&shm_lock);
	segment = find(id, &result);
	if (segment && !capable(CAP_IPC_LOCK) &&
	    (!owned(segment) ||
	     (lock && !process_limit(current_process(), RLIMIT_MEMLOCK).rlim_cur)))
		result = -EPERM;
	if (result == 0)
		result = set_locked(segment, lock);
	spin_unlock(&shm_lock);
	return result;
}

int shm_highest_place(void)
{
	int highest = 0;

	spin_lock(&shm_lock);
	for (int place = 0; place < PLACES; place++)
		if (at_place(place))
			highest = place;
	spin_unlock(&shm_lock);
	return highest;
}

void shm_count(struct shm_info *info)
{
	*info = (struct shm_info){0};
	spin_lock(&shm_lock);
	info->used_ids = segments_in_use;
	info->total = pages_in_use;
	for (int place = 0; place < PLACES; place++)
		if (at_place(place))
			info->resident += table[place]->object->cached;
	spin_unlock(&shm_lock);
}

// ---- /proc/sysvipc/shm ----
// Copies what a place has; false: nothing.
static bool copy_place(int place, struct segment *segment, uint64_t *resident)
{
	struct segment *found;

	spin_lock(&shm_lock);
	found = at_place(place);
	if (found) {
		*segment = *found;
		*resident = found->object->cached << PAGE_SHIFT;
	}
	spin_unlock(&shm_lock);
	return found != NULL;
}

int proc_show_shm(struct pseudo_open *open, struct text *text)
{
	struct segment segment;
	uint64_t resident;

	(void)open;
	text_print(text,
		   "       key      shmid perms                  size  cpid  lpid nattch   uid   "
		   "gid  cuid  cgid      atime      dtime      ctime                   rss"
		   "                  swap\n");
	for (int place = 0; place < PLACES; place++) {
		if (!copy_place(place, &segment, &resident))
			continue;
		text_print(text, "%10d %10d  %4o %21lu %5d %5d  ", segment.permissions.key,
			   segment.id, segment.permissions.mode, segment.size, segment.creator,
			   segment.last);
		text_print(text, "%5lu %5u %5u %5u %5u %10ld %10ld %10ld %21lu %21lu\n",
			   segment.attachments, segment.permissions.uid, segment.permissions.gid,
			   segment.permissions.cuid, segment.permissions.cgid, segment.attached,
			   segment.detached, segment.changed, resident, 0ul);
	}
	return 0;
}
