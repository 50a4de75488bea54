// SPDX-License-Identifier: MIT
//
// The framework of /proc and /sys: inodes made from tables of entries when they are looked up,
// and open files that hold the text made for them. What the files say is in proc_*.c and
// sys_debug.c.
//
// Locks: an open file shared by several tasks may be read by all of them: `lock` keeps them apart.
#include "kernel/file/pseudo.h"
#include "kernel/file/device.h"
#include "kernel/file/file.h"
#include "kernel/process/sleep_lock.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

#define PROCESS_NAME 12 // a pid's digits and a NUL

struct pseudo_inode {
	struct inode inode;
	const struct pseudo_entry *entry;
	struct process *process;   // held; NULL outside of /proc/PID
	int tid;                   // 0 outside of /proc/PID/task/TID
	int descriptor;            // of /proc/PID/fdinfo/N
	char digits[PROCESS_NAME]; // the name of /proc/PID or /proc/PID/task/TID itself
};

struct pseudo_file {
	struct sleep_lock lock;
	const struct pseudo_entry *entry;
	struct pseudo_open open;
	void *buffer; // a page that the last read of a stream left; NULL: none. Exchanged
};

static const struct inode_ops directory_ops, link_ops, file_ops;

static struct pseudo_inode *pseudo_inode(struct inode *inode)
{
	return container_of(inode, struct pseudo_inode, inode);
}

// ---- inodes ----
static const struct inode_ops *entry_ops(const struct pseudo_entry *entry)
{
	if (entry->readlink)
		return &link_ops;
	if (entry->directory)
		return entry->directory;
	return entry->entries ? &directory_ops : &file_ops;
}

static bool is_directory(const struct pseudo_entry *entry)
{
	return entry->entries || entry->directory;
}

static uint32_t entry_mode(const struct pseudo_entry *entry)
{
	if (entry->readlink)
		return S_IFLNK | 0777;
	return (is_directory(entry) ? S_IFDIR : S_IFREG) | entry->permissions;
}

// The same name has the same number as long as the kernel runs, or the process lives: the next one
// with its pid has other numbers.
static uint64_t entry_number(const struct pseudo_entry *entry, const struct process *process)
{
	uint64_t place = (uintptr_t)entry >> 3 & 0xfffff;

	if (!process)
		return 0xf0000000ul | place;
	return process->start_time >> 10 << 36 | (uint64_t)process->pid << 20 | place;
}

// What a process that changed users has may be somebody else's secret: root's to read. Its own
// directories it may look into all the same.
static void set_owner(struct pseudo_inode *pseudo)
{
	struct credentials *credentials;

	if (!pseudo->process || !(is_directory(pseudo->entry) || pseudo->process->dumpable))
		return;
	credentials = credentials_of(pseudo->process, pseudo->tid);
	pseudo->inode.uid = credentials->users.effective;
	pseudo->inode.gid = credentials->groups.effective;
	credentials_put(credentials);
}

// Takes over the caller's reference to `process` on success. `tid`: see struct pseudo_inode.
static struct pseudo_inode *make_inode(const struct pseudo_entry *entry, struct inode *parent,
				       struct process *process, int tid)
{
	struct pseudo_inode *pseudo = kzalloc(sizeof(*pseudo));

	if (!pseudo)
		return NULL;
	pseudo->entry = entry;
	pseudo->process = process;
	pseudo->tid = tid;
	set_owner(pseudo);
	pseudo->inode.references = 1;
	pseudo->inode.ops = entry_ops(entry);
	pseudo->inode.mode = entry_mode(entry);
	pseudo->inode.parent = inode_get(parent);
	pseudo->inode.name = entry->name;
	pseudo->inode.number = entry_number(entry, process);
	pseudo->inode.links = is_directory(entry) ? 2 : 1;
	pseudo->inode.device = parent->device == TMPFS_DEVICE ? PROC_DEVICE : parent->device;
	return pseudo;
}

struct process *pseudo_process(struct inode *inode)
{
	return pseudo_inode(inode)->process;
}

struct process *pseudo_directory_process(struct inode *inode)
{
	if (inode->ops != &directory_ops || pseudo_inode(inode)->entry != &process_directory)
		return NULL;
	return process_get(pseudo_process(inode));
}

void pseudo_release(struct inode *inode)
{
	struct pseudo_inode *pseudo = pseudo_inode(inode);

	inode_put(inode->parent);
	if (pseudo->process)
		process_put(pseudo->process);
	kfree(pseudo);
}

// ---- directories ----
static const struct pseudo_entry *find_entry(const struct pseudo_entry *directory,
					     const char *name, size_t length)
{
	for (size_t i = 0; i < directory->count; i++) {
		const struct pseudo_entry *entry = &directory->entries[i];

		if (strncmp(entry->name, name, length) == 0 && entry->name[length] == '\0')
			return entry;
	}
	return NULL;
}

// The process whose number this is, or the process of whose tasks one has this number, held.
static struct process *find_numbered(const struct pseudo_inode *directory, int number)
{
	struct process *process = NULL;
	struct task *task;

	if (directory->entry->descriptors)
		return process_next_descriptor(directory->process, number) == number
			       ? process_get(directory->process)
			       : NULL;
	if (!directory->entry->tasks)
		return process_find(number);
	task = task_find(number);
	if (task && task->process == directory->process)
		process = process_get(directory->process);
	if (task)
		task_put(task);
	return process;
}

static const struct pseudo_entry *numbered_entry(const struct pseudo_entry *directory)
{
	if (directory->descriptors)
		return &descriptor_facts;
	return directory->tasks ? &task_directory : &process_directory;
}

static bool is_numbered(const struct pseudo_entry *directory)
{
	return directory->processes || directory->tasks || directory->descriptors;
}

static int lookup_number(struct inode *parent, const char *name, size_t length,
			 struct inode **found)
{
	const struct pseudo_inode *directory = pseudo_inode(parent);
	struct process *process;
	struct pseudo_inode *pseudo;
	uint64_t pid;

	if ((*name == '0' && length > 1) || parse_unsigned(name, length, 10, &pid) != length ||
	    pid > INT32_MAX)
		return -ENOENT;
	process = find_numbered(directory, (int)pid);
	if (!process)
		return -ENOENT;
	pseudo = make_inode(numbered_entry(directory->entry), parent, process,
			    directory->entry->tasks ? (int)pid : directory->tid);
	if (!pseudo) {
		process_put(process);
		return -ENOMEM;
	}
	pseudo->descriptor = (int)pid;
	snprintf(pseudo->digits, sizeof(pseudo->digits), "%d", (int)pid);
	pseudo->inode.name = pseudo->digits;
	*found = &pseudo->inode;
	return 0;
}

static int directory_lookup(struct inode *inode, const char *name, size_t length,
			    struct inode **found)
{
	struct pseudo_inode *directory = pseudo_inode(inode);
	const struct pseudo_entry *entry = find_entry(directory->entry, name, length);
	struct process *process = directory->process;
	struct pseudo_inode *pseudo;

	if (!entry && is_numbered(directory->entry))
		return lookup_number(inode, name, length, found);
	if (!entry)
		return -ENOENT;
	pseudo = make_inode(entry, inode, process ? process_get(process) : NULL, directory->tid);
	if (!pseudo) {
		if (process)
			process_put(process);
		return -ENOMEM;
	}
	*found = &pseudo->inode;
	return 0;
}

static int show_number(int number, uint64_t inode_number, struct directory_entry *result)
{
	snprintf(result->space, sizeof(result->space), "%d", number);
	result->name = result->space;
	result->length = strlen(result->space);
	result->number = inode_number;
	result->mode = S_IFDIR;
	return 1;
}

// Behind the table's entries come the processes, or a process's tasks: the cookie is then the
// table's size + the number of the one last shown.
static int next_process(uint64_t base, uint64_t *cookie, struct directory_entry *result)
{
	struct process *process = process_next((int)(*cookie - base));

	if (!process)
		return 0;
	*cookie = base + (uint64_t)process->pid;
	show_number(process->pid, entry_number(&process_directory, process), result);
	process_put(process);
	return 1;
}

static int next_task(struct process *process, uint64_t base, uint64_t *cookie,
		     struct directory_entry *result)
{
	struct task *task = process_next_task(process, (int)(*cookie - base));

	if (!task)
		return 0;
	*cookie = base + (uint64_t)task->tid;
	show_number(task->tid, entry_number(&task_directory, process), result);
	task_put(task);
	return 1;
}

static int next_descriptor(struct process *process, uint64_t base, uint64_t *cookie,
			   struct directory_entry *result)
{
	int descriptor = process_next_descriptor(process, (int)(*cookie - base));

	if (descriptor < 0)
		return 0;
	*cookie = base + (uint64_t)descriptor + 1;
	show_number(descriptor, entry_number(&descriptor_facts, process), result);
	result->mode = S_IFREG;
	return 1;
}

static int directory_next(struct inode *inode, uint64_t *cookie, struct directory_entry *result)
{
	struct pseudo_inode *directory = pseudo_inode(inode);
	const struct pseudo_entry *entry = directory->entry;

	if (*cookie >= entry->count) {
		if (*cookie - entry->count > INT32_MAX)
			return 0;
		if (entry->descriptors)
			return next_descriptor(directory->process, entry->count, cookie, result);
		if (entry->tasks)
			return next_task(directory->process, entry->count, cookie, result);
		return entry->processes ? next_process(entry->count, cookie, result) : 0;
	}
	entry = &entry->entries[*cookie];
	result->name = entry->name;
	result->length = strlen(entry->name);
	result->number = entry_number(entry, directory->process);
	result->mode = entry_mode(entry) & S_IFMT;
	++*cookie;
	return 1;
}

static const struct inode_ops directory_ops = {
	.lookup = directory_lookup,
	.next_entry = directory_next,
	.open = directory_open,
	.release = pseudo_release,
};

// ---- links ----
static long link_read(struct inode *inode, char *buffer, size_t size)
{
	struct pseudo_inode *link = pseudo_inode(inode);

	return link->entry->readlink(link->process, buffer, size);
}

// A link without a `follow` of its own leads where its text says, from the root.
static int link_follow(struct inode *inode, struct inode **target)
{
	struct pseudo_inode *link = pseudo_inode(inode);
	char text[3 * PROCESS_NAME]; // PID/task/TID
	long length;

	if (link->entry->follow)
		return link->entry->follow(link->process, target);
	length = link->entry->readlink(link->process, text, sizeof(text) - 1);
	if (length < 0)
		return (int)length;
	text[length] = '\0';
	return path_lookup_at(inode->parent, text, 0, target);
}

static const struct inode_ops link_ops = {
	.readlink = link_read,
	.follow = link_follow,
	.release = pseudo_release,
};

// ---- files ----
// With the lock held: makes the next piece of text, which begins at `base`.
static int make_piece(struct pseudo_file *file, uint64_t base)
{
	struct pseudo_open *open = &file->open;
	int result;

	text_free(&open->text);
	text_init(&open->text);
	open->base = base;
	open->more = false;
	open->made = false;
	result = file->entry->show(open, &open->text);
	if (result == 0 && open->text.failed)
		result = -ENOMEM;
	open->made = result == 0;
	return result;
}

// The piece that byte `offset` is in, or the last one. Made anew when reading starts again.
static int make_text(struct pseudo_file *file, uint64_t offset)
{
	struct pseudo_open *open = &file->open;
	int result = 0;

	if (!open->made || offset == 0 || offset < open->base) {
		open->cursor = 0;
		result = make_piece(file, 0);
	}
	while (result == 0 && open->more && offset - open->base >= open->text.length)
		result = io_must_end() ? -ERESTARTSYS
				       : make_piece(file, open->base + open->text.length);
	return result;
}

static long copy_text(const struct pseudo_open *open, struct io *io, uint64_t *offset)
{
	uint64_t place = *offset - open->base;
	size_t count = io->left;
	size_t moved;

	if (place >= open->text.length || count == 0)
		return 0;
	if (count > open->text.length - place)
		count = open->text.length - place;
	moved = io_to(io, open->text.bytes + place, count);
	*offset += moved;
	return moved ? (long)moved : -EFAULT;
}

static long read_text(struct file *opened, struct io *io, uint64_t *offset)
{
	struct pseudo_file *file = opened->data;
	long result = sleep_lock_take(&file->lock);

	if (result)
		return result;
	result = make_text(file, *offset);
	if (result == 0)
		result = copy_text(&file->open, io, offset);
	sleep_lock_release(&file->lock);
	return result;
}

// A page between a stream and the reader, kept until the file is closed: who reads about memory
// until nothing more comes does not change it meanwhile. Several may read at once.
static void *take_buffer(struct pseudo_file *file)
{
	void *buffer = __atomic_exchange_n(&file->buffer, NULL, __ATOMIC_ACQUIRE);

	return buffer ? buffer : kmalloc(PAGE_SIZE);
}

static void keep_buffer(struct pseudo_file *file, void *buffer)
{
	buffer = __atomic_exchange_n(&file->buffer, buffer, __ATOMIC_RELEASE);
	if (buffer)
		kfree(buffer);
}

// From a stream, or with `read_at` from a place.
static long read_stream(struct file *opened, struct io *io, uint64_t *offset)
{
	struct pseudo_file *file = opened->data;
	const struct pseudo_entry *entry = file->entry;
	void *buffer = take_buffer(file);
	long total = 0;
	long length = 0;

	if (!buffer)
		return -ENOMEM;
	while (io->left) {
		size_t size = io->left < PAGE_SIZE ? io->left : PAGE_SIZE;

		length = entry->stream ? entry->stream(buffer, size)
				       : entry->read_at(&file->open, *offset, buffer, size);
		if (length <= 0 || io_must_end())
			break;
		total += length;
		*offset += entry->stream ? 0 : length;
		if (io_to(io, buffer, (size_t)length) < (size_t)length) {
			total = 0;
			length = -EFAULT;
			break;
		}
	}
	keep_buffer(file, buffer);
	return total ? total : length;
}

static long pseudo_read(struct file *opened, struct io *io, uint64_t *offset)
{
	const struct pseudo_file *file = opened->data;

	if (file->entry->stream || file->entry->read_at)
		return read_stream(opened, io, offset);
	return file->entry->show ? read_text(opened, io, offset) : -EINVAL;
}

// Short texts need no allocation, see text.c.
static long pseudo_write(struct file *opened, struct io *io, uint64_t *offset)
{
	struct pseudo_file *file = opened->data;
	size_t count = io->left;
	char small[TEXT_INLINE];
	char *text = small;
	long result = -EFAULT;

	if (!file->entry->store || count >= PAGE_SIZE)
		return -EINVAL;
	if (count >= sizeof(small))
		text = kmalloc(count + 1);
	if (!text)
		return -ENOMEM;
	if (io_from(io, text, count) == count) {
		text[count] = '\0';
		result = sleep_lock_take(&file->lock);
		if (result == 0) {
			result = file->entry->store(&file->open, text, count);
			sleep_lock_release(&file->lock);
		}
	}
	if (text != small)
		kfree(text);
	if (result)
		return result;
	*offset += count;
	return (long)count;
}

static long pseudo_seek(struct file *file, int64_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return file_seek(file, offset, whence, 0);
}

static void pseudo_close(struct file *opened)
{
	struct pseudo_file *file = opened->data;

	text_free(&file->open.text);
	if (file->buffer)
		kfree(file->buffer);
	if (file->open.process)
		process_put(file->open.process);
	kfree(file);
}

static const struct file_ops pseudo_file_ops = {
	.read = pseudo_read,
	.write = pseudo_write,
	.seek = pseudo_seek,
	.release = pseudo_close,
};

static int pseudo_open(struct inode *inode, unsigned flags, struct file **opened)
{
	struct pseudo_inode *pseudo = pseudo_inode(inode);
	int result = pseudo->entry->check ? pseudo->entry->check(pseudo->process) : 0;
	struct pseudo_file *file;

	if (result)
		return result;
	file = kzalloc(sizeof(*file));
	if (!file)
		return -ENOMEM;
	*opened = file_create(&pseudo_file_ops, inode_get(inode), flags);
	if (!*opened) {
		inode_put(inode);
		kfree(file);
		return -ENOMEM;
	}
	sleep_lock_init(&file->lock);
	text_init(&file->open.text);
	file->entry = pseudo->entry;
	file->open.subject = pseudo->entry->subject;
	if (pseudo->process)
		file->open.process = process_get(pseudo->process);
	file->open.tid = pseudo->tid;
	file->open.descriptor = pseudo->descriptor;
	(*opened)->data = file;
	return 0;
}

static const struct inode_ops file_ops = {
	.open = pseudo_open,
	.release = pseudo_release,
};

// ---- the roots ----
static struct inode *create_root(const struct pseudo_entry *entry, struct inode *parent,
				 uint32_t device)
{
	struct pseudo_inode *root = make_inode(entry, parent, NULL, 0);

	if (!root)
		return NULL;
	root->inode.device = device;
	root->inode.number = 1;
	return &root->inode;
}

struct inode *pseudo_create_proc(struct inode *parent)
{
	return create_root(&proc_directory, parent, PROC_DEVICE);
}

struct inode *pseudo_create_sys(struct inode *parent)
{
	return create_root(&sys_directory, parent, SYS_DEVICE);
}
