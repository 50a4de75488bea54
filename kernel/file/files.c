// SPDX-License-Identifier: MIT
//
// Descriptor tables: the first descriptors inline, more in one block of memory that doubles. A
// forked process that has only the usual few costs one small object.
//
// Locks: a table's own, held for a few instructions: never over an allocation or a file's release.
// Whoever uses a file holds a reference to it, so another thread may close its descriptor.
#include "kernel/file/files.h"
#include "kernel/file/lock.h"
#include "kernel/process/task.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <asm/errno.h>

#define BITS_PER_WORD 16 // of close_on_exec

static struct cache *files_cache; // constant once started

int files_start(void)
{
	files_cache = cache_create("files", sizeof(struct files));
	return files_cache ? 0 : -ENOMEM;
}

// ---- memory of a table: `capacity` pointers and then `capacity` bits ----
static size_t table_bytes(unsigned capacity)
{
	return capacity * sizeof(struct file *) + capacity / 8;
}

static unsigned table_order(unsigned capacity)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < table_bytes(capacity))
		order++;
	return order;
}

static struct file **table_alloc(unsigned capacity)
{
	size_t bytes = table_bytes(capacity);
	struct frame *block;
	void *table;

	if (bytes <= KMALLOC_MAX)
		return kzalloc(bytes);
	block = frame_alloc(table_order(capacity), FRAME_KERNEL);
	if (!block)
		return NULL;
	table = frame_to_virt(block);
	memset(table, 0, bytes);
	return table;
}

static void table_free(struct file **table, unsigned capacity)
{
	if (table_bytes(capacity) <= KMALLOC_MAX)
		kfree(table);
	else
		frame_free(phys_to_frame(virt_to_phys(table)), table_order(capacity));
}

static uint16_t *table_bits(struct file **table, unsigned capacity)
{
	return (uint16_t *)(table + capacity);
}

// ---- lifetime ----
static struct files *files_alloc(void)
{
	struct files *files = cache_alloc_zeroed(files_cache);

	if (!files)
		return NULL;
	files->references = 1;
	spin_lock_init(&files->lock);
	files->capacity = FILES_INLINE;
	files->table = files->inline_table;
	files->close_on_exec = files->inline_close;
	return files;
}

struct files *files_create(void)
{
	return files_alloc();
}

// The smallest capacity that holds every descriptor in use.
static unsigned needed_capacity(const struct files *files)
{
	unsigned used = files->capacity;
	unsigned capacity = FILES_INLINE;

	while (used && !files->table[used - 1])
		used--;
	while (capacity < used)
		capacity *= 4;
	return capacity;
}

static void copy_table(struct files *to, const struct files *from)
{
	unsigned count = to->capacity < from->capacity ? to->capacity : from->capacity;

	for (unsigned i = 0; i < count; i++)
		if (from->table[i])
			to->table[i] = file_get(from->table[i]);
	memcpy(to->close_on_exec, from->close_on_exec, count / 8);
	to->first_free = from->first_free;
}

// Gives an empty copy, which nobody else has yet, a table of this capacity. 0 or -ENOMEM.
static int set_capacity(struct files *copy, unsigned capacity)
{
	struct file **table = table_alloc(capacity);

	if (!table)
		return -ENOMEM;
	if (copy->table != copy->inline_table)
		table_free(copy->table, copy->capacity);
	copy->table = table;
	copy->close_on_exec = table_bits(table, capacity);
	copy->capacity = capacity;
	return 0;
}

// Memory is allocated without the lock: another thread may need more by then.
struct files *files_fork(struct files *files)
{
	struct files *copy = files_alloc();
	unsigned needed;

	if (!copy)
		return NULL;
	spin_lock(&files->lock);
	while ((needed = needed_capacity(files)) > copy->capacity) {
		spin_unlock(&files->lock);
		if (set_capacity(copy, needed)) {
			files_put(copy);
			return NULL;
		}
		spin_lock(&files->lock);
	}
	copy_table(copy, files);
	spin_unlock(&files->lock);
	return copy;
}

struct files *files_get(struct files *files)
{
	__atomic_add_fetch(&files->references, 1, __ATOMIC_RELAXED);
	return files;
}

void files_put(struct files *files)
{
	if (!files || __atomic_sub_fetch(&files->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (unsigned i = 0; i < files->capacity; i++) {
		lock_table_closed(files, files->table[i]);
		file_put(files->table[i]);
	}
	if (files->table != files->inline_table)
		table_free(files->table, files->capacity);
	cache_free(files_cache, files);
}

// ---- one descriptor; the lock is held ----
static bool bit_get(const struct files *files, unsigned descriptor)
{
	return files->close_on_exec[descriptor / BITS_PER_WORD] >> descriptor % BITS_PER_WORD & 1;
}

static void bit_set(struct files *files, unsigned descriptor, bool on)
{
	uint16_t bit = (uint16_t)(1u << descriptor % BITS_PER_WORD);
	uint16_t *word = &files->close_on_exec[descriptor / BITS_PER_WORD];

	*word = on ? *word | bit : *word & (uint16_t)~bit;
}

static void put_at(struct files *files, struct file *file, unsigned descriptor, bool close)
{
	files->table[descriptor] = file;
	bit_set(files, descriptor, close);
	if (descriptor == files->first_free)
		files->first_free++;
}

static struct file *take_out(struct files *files, unsigned descriptor)
{
	struct file *file = files->table[descriptor];

	files->table[descriptor] = NULL;
	bit_set(files, descriptor, false);
	if (descriptor < files->first_free)
		files->first_free = descriptor;
	return file;
}

static unsigned lowest_free(const struct files *files, unsigned lowest)
{
	unsigned descriptor = lowest > files->first_free ? lowest : files->first_free;

	while (descriptor < files->capacity && files->table[descriptor])
		descriptor++;
	return descriptor;
}

// Makes room for `descriptor`. Leaves the lock while it allocates. 0 or -ENOMEM.
static int grow(struct files *files, unsigned descriptor)
{
	unsigned capacity = files->capacity;
	unsigned old_capacity;
	struct file **table;
	struct file **old;

	while (capacity <= descriptor)
		capacity *= 4;
	spin_unlock(&files->lock);
	table = table_alloc(capacity);
	spin_lock(&files->lock);
	if (!table)
		return -ENOMEM;
	old = table;
	old_capacity = capacity;
	if (files->capacity < capacity) { // else another thread was faster
		old = files->table;
		old_capacity = files->capacity;
		memcpy(table, old, old_capacity * sizeof(*table));
		memcpy(table_bits(table, capacity), files->close_on_exec, old_capacity / 8);
		files->table = table;
		files->close_on_exec = table_bits(table, capacity);
		__atomic_store_n(&files->capacity, capacity, __ATOMIC_RELAXED);
	}
	if (old != files->inline_table)
		table_free(old, old_capacity);
	return 0;
}

// ---- the interface ----
struct file *files_lookup(struct files *files, int descriptor)
{
	struct file *file = NULL;

	spin_lock(&files->lock);
	if ((unsigned)descriptor < files->capacity) {
		file = files->table[descriptor];
		if (file)
			file_get(file);
	}
	spin_unlock(&files->lock);
	return file;
}

int files_install(struct files *files, struct file *file, unsigned lowest, unsigned limit,
		  bool close_on_exec)
{
	unsigned descriptor;
	int result = 0;

	if (limit > FILES_MAX)
		limit = FILES_MAX;
	spin_lock(&files->lock);
	do {
		descriptor = lowest_free(files, lowest);
		if (descriptor >= limit)
			result = -EMFILE;
		else if (descriptor >= files->capacity)
			result = grow(files, descriptor);
	} while (result == 0 && (descriptor >= files->capacity || files->table[descriptor]));
	if (result == 0) {
		put_at(files, file, descriptor, close_on_exec);
		result = (int)descriptor;
	}
	spin_unlock(&files->lock);
	return result;
}

int files_replace(struct files *files, struct file *file, unsigned descriptor, unsigned limit,
		  bool close_on_exec)
{
	struct file *old = NULL;
	int result = 0;

	if (descriptor >= limit || descriptor >= FILES_MAX)
		return -EBADF;
	spin_lock(&files->lock);
	if (descriptor >= files->capacity)
		result = grow(files, descriptor);
	if (result == 0) {
		old = take_out(files, descriptor);
		put_at(files, file, descriptor, close_on_exec);
		result = (int)descriptor;
	}
	spin_unlock(&files->lock);
	lock_table_closed(files, old);
	file_put(old);
	return result;
}

int files_close(struct files *files, unsigned descriptor)
{
	struct file *file = NULL;

	spin_lock(&files->lock);
	if (descriptor < files->capacity && files->table[descriptor])
		file = take_out(files, descriptor);
	spin_unlock(&files->lock);
	if (!file)
		return -EBADF;
	lock_table_closed(files, file);
	file_put(file);
	return 0;
}

bool files_close_on_exec_get(struct files *files, unsigned descriptor)
{
	bool on;

	spin_lock(&files->lock);
	on = descriptor < files->capacity && bit_get(files, descriptor);
	spin_unlock(&files->lock);
	return on;
}

void files_close_on_exec_set(struct files *files, unsigned descriptor, bool on)
{
	spin_lock(&files->lock);
	if (descriptor < files->capacity && files->table[descriptor])
		bit_set(files, descriptor, on);
	spin_unlock(&files->lock);
}

void files_close_on_exec(struct files *files)
{
	for (unsigned i = 0; i < files_end(files); i++)
		if (files_close_on_exec_get(files, i))
			files_close(files, i);
}

unsigned files_end(struct files *files)
{
	return __atomic_load_n(&files->capacity, __ATOMIC_RELAXED);
}

// ---- of the running task ----
// A reference that /proc holds for a moment counts as a sharer: then the copy is in vain, no more.
int files_unshare(void)
{
	struct task *task = current_task();
	struct files *old = task->files;
	struct files *copy;

	if (__atomic_load_n(&old->references, __ATOMIC_ACQUIRE) == 1)
		return 0;
	copy = files_fork(old);
	if (!copy)
		return -ENOMEM;
	task_set_files(task, copy);
	files_put(old);
	return 0;
}

struct file *file_get_descriptor(int descriptor)
{
	return files_lookup(current_task()->files, descriptor);
}

// /proc takes a reference to look, and closes nothing.
struct file *file_borrow_descriptor(int descriptor, bool *counted)
{
	struct files *files = current_task()->files;

	*counted = __atomic_load_n(&files->references, __ATOMIC_ACQUIRE) > 1;
	if (__builtin_expect(*counted, 0))
		return files_lookup(files, descriptor);
	return (unsigned)descriptor < files->capacity ? files->table[descriptor] : NULL;
}
