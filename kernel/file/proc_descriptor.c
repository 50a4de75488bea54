// SPDX-License-Identifier: MIT
//
// /proc/PID/fd: a link for each open descriptor of a process. It leads to the file's inode; where
// there is none, as pipes have none here, to a stand-in that opens as the very same open file.
// (Linux makes a new one then, with flags of its own: left out.) And /proc/PID/fdinfo, with what
// is known of each open file.
//
// A process's table is found through its first task, and held while it is looked at.
#include "kernel/file/socket.h"
#include "kernel/file/device.h"
#include "kernel/file/files.h"
#include "kernel/file/pseudo.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#define DIGITS      12
#define FIRST_INODE 0x10000 // numbers of the links, among those of their process

struct descriptor_link {
	struct inode inode;
	struct process *process; // held
	int descriptor;
	char digits[DIGITS]; // the name
};

// What a link leads to when its file has no inode.
struct stand_in {
	struct inode inode;
	struct file *file; // held
};

// The table of a process, with a reference, or NULL.
static struct files *process_files(struct process *process)
{
	struct task *task = process_main_task(process);
	struct files *files;

	if (!task)
		return NULL;
	files = task_files(task);
	task_put(task);
	return files;
}

// The file behind a descriptor of a process, with a reference, or NULL.
static struct file *process_file(struct process *process, int descriptor)
{
	struct files *files = process_files(process);
	struct file *file = files ? files_lookup(files, descriptor) : NULL;

	files_put(files);
	return file;
}

int process_next_descriptor(struct process *process, int from)
{
	struct files *files = process_files(process);
	int end = files ? (int)files_end(files) : 0;
	struct file *file = NULL;

	while (from < end && !(file = files_lookup(files, from)))
		from++;
	files_put(files);
	file_put(file);
	return file ? from : -1;
}

// ---- stand-ins ----
static int stand_in_open(struct inode *inode, unsigned flags, struct file **opened)
{
	struct file *file = container_of(inode, struct stand_in, inode)->file;
	bool reading = (flags & O_ACCMODE) != O_WRONLY;
	bool writing = (flags & O_ACCMODE) != O_RDONLY;

	if ((reading && !file_readable(file)) || (writing && !file_writable(file)))
		return -EACCES;
	*opened = file_get(file);
	return 0;
}

static void stand_in_release(struct inode *inode)
{
	struct stand_in *stand_in = container_of(inode, struct stand_in, inode);

	file_put(stand_in->file);
	inode_put(inode->parent);
	kfree(stand_in);
}

static const struct inode_ops stand_in_ops = {
	.open = stand_in_open,
	.release = stand_in_release,
};

// Takes over the caller's reference to `file` on success.
static struct inode *stand_in_create(struct file *file, struct inode *parent)
{
	struct stand_in *stand_in = kzalloc(sizeof(*stand_in));
	struct stat status;

	if (!stand_in)
		return NULL;
	file_stat(file, &status);
	stand_in->file = file;
	stand_in->inode = (struct inode){
		.references = 1,
		.ops = &stand_in_ops,
		.mode = status.st_mode,
		.parent = inode_get(parent),
		.name = "",
		.number = status.st_ino,
		.links = 1,
		.device = (uint32_t)status.st_dev,
	};
	return &stand_in->inode;
}

// ---- links ----
static struct descriptor_link *descriptor_link(struct inode *inode)
{
	return container_of(inode, struct descriptor_link, inode);
}

static int link_follow(struct inode *inode, struct inode **target)
{
	struct descriptor_link *link = descriptor_link(inode);
	struct file *file = process_file(link->process, link->descriptor);

	if (!file)
		return -ENOENT;
	if (file->inode) {
		*target = inode_get(file->inode);
		file_put(file);
		return 0;
	}
	*target = stand_in_create(file, root_inode);
	if (*target)
		return 0;
	file_put(file);
	return -ENOMEM;
}

static long file_name(struct file *file, char *text, size_t size)
{
	struct stat status;

	if (file->inode)
		return inode_path(file->inode, text, size);
	if (file->ops->name)
		return snprintf(text, size, "anon_inode:%s", file->ops->name);
	file_stat(file, &status);
	return snprintf(text, size, "%s:[%lu]", file_is_socket(file) ? "socket" : "pipe",
			status.st_ino);
}

static long link_read(struct inode *inode, char *buffer, size_t size)
{
	struct descriptor_link *link = descriptor_link(inode);
	struct file *file = process_file(link->process, link->descriptor);
	char *text = file ? kmalloc(PATH_MAX) : NULL;
	long length = file ? -ENOMEM : -ENOENT;

	if (text)
		length = file_name(file, text, PATH_MAX);
	if (length > (long)size)
		length = (long)size;
	if (length > 0)
		memcpy(buffer, text, (size_t)length);
	kfree(text);
	file_put(file);
	return length;
}

static void link_release(struct inode *inode)
{
	struct descriptor_link *link = descriptor_link(inode);

	process_put(link->process);
	inode_put(inode->parent);
	kfree(link);
}

static const struct inode_ops link_ops = {
	.readlink = link_read,
	.follow = link_follow,
	.release = link_release,
};

// The permissions say how the file is open.
static uint32_t link_mode(const struct file *file)
{
	return S_IFLNK | (file_readable(file) ? 0500 : 0100) | (file_writable(file) ? 0200 : 0);
}

static struct inode *link_create(struct inode *directory, const struct file *file, int descriptor)
{
	struct descriptor_link *link = kzalloc(sizeof(*link));

	if (!link)
		return NULL;
	link->process = process_get(pseudo_process(directory));
	link->descriptor = descriptor;
	snprintf(link->digits, sizeof(link->digits), "%d", descriptor);
	link->inode = (struct inode){
		.references = 1,
		.ops = &link_ops,
		.mode = link_mode(file),
		.parent = inode_get(directory),
		.name = link->digits,
		.number = directory->number + FIRST_INODE + (uint64_t)descriptor,
		.size = 64,
		.links = 1,
		.device = directory->device,
	};
	return &link->inode;
}

// ---- the directory ----
static int descriptor_lookup(struct inode *directory, const char *name, size_t length,
			     struct inode **found)
{
	struct file *file;
	uint64_t number;

	if ((*name == '0' && length > 1) || parse_unsigned(name, length, 10, &number) != length ||
	    number >= FILES_MAX)
		return -ENOENT;
	file = process_file(pseudo_process(directory), (int)number);
	if (!file)
		return -ENOENT;
	*found = link_create(directory, file, (int)number);
	file_put(file);
	return *found ? 0 : -ENOMEM;
}

static int descriptor_next(struct inode *directory, uint64_t *cookie,
			   struct directory_entry *entry)
{
	int descriptor = process_next_descriptor(pseudo_process(directory), (int)*cookie);

	if (descriptor < 0)
		return 0;
	*cookie = (uint64_t)descriptor + 1;
	entry->length = (size_t)snprintf(entry->space, sizeof(entry->space), "%lu", *cookie - 1);
	entry->name = entry->space;
	entry->number = directory->number + FIRST_INODE + *cookie - 1;
	entry->mode = S_IFLNK;
	return 1;
}

const struct inode_ops descriptor_directory_ops = {
	.lookup = descriptor_lookup,
	.next_entry = descriptor_next,
	.open = directory_open,
	.release = pseudo_release,
};

// ---- fdinfo ----
// What an event descriptor or a timer tells of itself besides is left out.
static int show_facts(struct pseudo_open *open, struct text *text)
{
	struct files *files = process_files(open->process);
	struct file *file = files ? files_lookup(files, open->descriptor) : NULL;
	bool closes = file && files_close_on_exec_get(files, (unsigned)open->descriptor);
	struct stat status;

	files_put(files);
	if (!file)
		return -ENOENT;
	file_stat(file, &status);
	text_print(text, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%lu\nino:\t%lu\n", file->offset,
		   file->flags | (closes ? O_CLOEXEC : 0), (unsigned long)status.st_dev,
		   (unsigned long)status.st_ino);
	file_put(file);
	return 0;
}

const struct pseudo_entry descriptor_facts = PSEUDO_TEXT("", show_facts);
