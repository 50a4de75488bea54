// SPDX-License-Identifier: MIT
//
// From the archive's entries to the tree of files in memory (tmpfs.h), where their contents stay
// in the archive until a page of them is wanted. An archive may come from anywhere: what makes no
// sense in it is named in the log and left out, and the rest is used.
//
// As Linux does, a later entry replaces an earlier one of the same name, and entries of several
// archives go into one tree. Unlike Linux, directories that have no entry of their own are made.
//
// Locks: none. It runs before there is a process.
#include "kernel/driver/log.h"
#include "kernel/file/cpio.h"
#include "kernel/file/default_files.h"
#include "kernel/file/device.h"
#include "kernel/file/initrd.h"
#include "kernel/file/pseudo.h"
#include "kernel/file/tmpfs.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/limits.h>
#include <linux/stat.h>

#define COMPLAINTS 10 // lines in the log about one initrd

// The inode of a file with several names, while the tree is made.
struct hard_link {
	struct list link;
	struct tmpfs_inode *file; // held
	uint32_t inode, major, minor;
	unsigned archive;
};

struct build {
	struct tmpfs_inode *root;
	struct list hard_links;
	unsigned complaints;
};

static void complain(struct build *build, const char *name, const char *what)
{
	if (build->complaints++ < COMPLAINTS)
		log_line("initrd: %s: %s, left out", name, what);
}

// Makes the name stand for the inode, instead of what it stood for. Takes over the caller's
// reference. 0 or -ENOMEM, with which nothing has changed.
static int place(struct tmpfs_inode *directory, const char *name, size_t length,
		 struct inode *inode)
{
	struct tmpfs_entry *old = tmpfs_find(directory, name, length);
	struct tmpfs_entry *entry = tmpfs_entry_create(name, length);

	if (!entry)
		return -ENOMEM;
	if (old)
		inode_put(tmpfs_take_out(old));
	tmpfs_enter(directory, entry, inode);
	return 0;
}

static struct tmpfs_inode *as_directory(struct tmpfs_entry *entry)
{
	if (!entry || !inode_is(entry->inode, S_IFDIR))
		return NULL;
	return tmpfs_inode(entry->inode);
}

// A directory below another, made when it is missing. 0, -ENOTDIR or -ENOMEM.
static int enter_directory(struct tmpfs_inode *parent, const char *name, size_t length,
			   struct tmpfs_inode **found)
{
	struct tmpfs_entry *entry = tmpfs_find(parent, name, length);
	struct tmpfs_inode *directory = as_directory(entry);

	if (entry && !directory)
		return -ENOTDIR;
	if (!directory) {
		directory = tmpfs_inode_create(S_IFDIR | 0755);
		if (!directory)
			return -ENOMEM;
		if (place(parent, name, length, &directory->inode)) {
			inode_put(&directory->inode);
			return -ENOMEM;
		}
	}
	*found = directory;
	return 0;
}

// The next component of a path; "." and empty ones do not count. Its length, 0 at the end.
static size_t next_component(const char **path)
{
	for (;;) {
		size_t length = 0;

		while (**path == '/')
			++*path;
		while ((*path)[length] && (*path)[length] != '/')
			length++;
		if (length != 1 || **path != '.')
			return length;
		++*path;
	}
}

static bool component_good(const char *name, size_t length)
{
	return length <= NAME_MAX && !(length == 2 && name[0] == '.' && name[1] == '.');
}

// The directory an entry belongs into, and its last component (*length 0: the root itself).
static int find_place(struct build *build, const char **name, size_t *length,
		      struct tmpfs_inode **directory)
{
	*directory = build->root;
	*length = next_component(name);
	for (;;) {
		const char *rest = *name + *length;
		size_t next;
		int result;

		if (!component_good(*name, *length))
			return -EINVAL;
		next = next_component(&rest);
		if (next == 0)
			return 0;
		result = enter_directory(*directory, *name, *length, directory);
		if (result)
			return result;
		*name = rest;
		*length = next;
	}
}

static void copy_attributes(struct inode *inode, const struct cpio_entry *entry)
{
	inode->mode = (inode->mode & S_IFMT) | (entry->mode & 07777);
	inode->uid = entry->uid;
	inode->gid = entry->gid;
	inode->times.modification = (struct __kernel_timespec){.tv_sec = entry->mtime};
	inode->times.access = inode->times.change = inode->times.modification;
}

// A link's text: up to its first NUL.
static int set_target(struct tmpfs_inode *link, const char *text, size_t size)
{
	size_t length = text ? strnlen(text, size) : 0;
	char *target = kmalloc(length + 1);

	if (!target)
		return -ENOMEM;
	if (length)
		memcpy(target, text, length);
	target[length] = '\0';
	kfree(link->target);
	link->target = target;
	link->inode.size = length;
	return 0;
}

static int set_contents(struct tmpfs_inode *file, const struct cpio_entry *entry)
{
	struct inode *inode = &file->inode;

	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		file->file.archive = entry->data;
		file->file.object.size = entry->size;
		file->file.object.source = entry->size;
		return 0;
	case S_IFLNK:
		return set_target(file, entry->data, entry->size);
	case S_IFCHR:
	case S_IFBLK:
		inode->special = device_number(entry->special_major, entry->special_minor);
		return 0;
	default:
		return 0;
	}
}

static struct hard_link *find_hard_link(struct build *build, const struct cpio_entry *entry)
{
	struct hard_link *link;

	list_for_each_entry (link, &build->hard_links, link)
		if (link->inode == entry->inode && link->archive == entry->archive &&
		    link->major == entry->device_major && link->minor == entry->device_minor)
			return link;
	return NULL;
}

static int remember_hard_link(struct build *build, const struct cpio_entry *entry,
			      struct tmpfs_inode *file)
{
	struct hard_link *link = kmalloc(sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->file = file;
	inode_get(&file->inode);
	link->inode = entry->inode;
	link->major = entry->device_major;
	link->minor = entry->device_minor;
	link->archive = entry->archive;
	list_add(&build->hard_links, &link->link);
	return 0;
}

static int make_file(struct build *build, const struct cpio_entry *entry,
		     struct tmpfs_inode *directory, const char *name, size_t length)
{
	struct tmpfs_inode *file = tmpfs_inode_create(entry->mode & S_IFMT);
	int result;

	if (!file)
		return -ENOMEM;
	copy_attributes(&file->inode, entry);
	result = set_contents(file, entry);
	if (result == 0 && entry->links > 1)
		result = remember_hard_link(build, entry, file);
	if (result == 0)
		result = place(directory, name, length, &file->inode);
	if (result)
		inode_put(&file->inode);
	return result;
}

// Everything but directories. Only one of a file's names comes with its data: which one depends
// on the archiver.
static int add_file(struct build *build, const struct cpio_entry *entry,
		    struct tmpfs_inode *directory, const char *name, size_t length)
{
	struct hard_link *link = entry->links > 1 ? find_hard_link(build, entry) : NULL;

	if (as_directory(tmpfs_find(directory, name, length)))
		return -EISDIR;
	if (!link || (link->file->inode.mode ^ entry->mode) & S_IFMT)
		return make_file(build, entry, directory, name, length);
	if (entry->size && set_contents(link->file, entry))
		return -ENOMEM;
	return place(directory, name, length, inode_get(&link->file->inode));
}

static int add_directory(struct build *build, const struct cpio_entry *entry,
			 struct tmpfs_inode *parent, const char *name, size_t length)
{
	struct tmpfs_inode *directory = build->root;
	int result = 0;

	if (length)
		result = enter_directory(parent, name, length, &directory);
	if (result == 0)
		copy_attributes(&directory->inode, entry);
	return result;
}

static bool type_known(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

// 0, or -ENOMEM; other errors are the entry's own and are complained about.
static int add_entry(struct build *build, const struct cpio_entry *entry)
{
	const char *name = entry->name;
	struct tmpfs_inode *directory;
	size_t length;
	int result = -EINVAL;

	if (type_known(entry->mode))
		result = find_place(build, &name, &length, &directory);
	if (result == 0 && (entry->mode & S_IFMT) == S_IFDIR)
		result = add_directory(build, entry, directory, name, length);
	else if (result == 0)
		result = length ? add_file(build, entry, directory, name, length) : -EISDIR;
	if (result == 0 || result == -ENOMEM)
		return result;
	complain(build, entry->name,
		 result == -EINVAL ? "no name or type for a file" : "a file where a directory is");
	return 0;
}

static int add_archive(struct build *build, const void *archive, size_t size)
{
	struct cpio_reader reader;
	struct cpio_entry entry;
	enum cpio_result result;

	cpio_open(&reader, archive, size);
	while ((result = cpio_next(&reader, &entry)) == CPIO_ENTRY) {
		int error = add_entry(build, &entry);

		if (error)
			return error;
	}
	if (result != CPIO_END)
		log_line("initrd: %s at byte %zu of %zu: the rest is left out",
			 cpio_result_name(result), reader.position, size);
	return 0;
}

// ---- what every program expects ----
static int place_new(struct tmpfs_inode *directory, const char *name, struct tmpfs_inode *file)
{
	int result = file ? place(directory, name, strlen(name), &file->inode) : -ENOMEM;

	if (result && file)
		inode_put(&file->inode);
	return result;
}

static int add_device(struct tmpfs_inode *dev, const struct device_node *node)
{
	struct tmpfs_inode *file;

	if (tmpfs_find(dev, node->name, strlen(node->name)))
		return 0;
	file = tmpfs_inode_create(S_IFCHR | node->mode);
	if (file)
		file->inode.special = node->special;
	return place_new(dev, node->name, file);
}

// Names of the descriptors of whoever uses them.
static const struct {
	const char *name, *target;
} stream_links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
};

static int add_link(struct tmpfs_inode *dev, const char *name, const char *target)
{
	struct tmpfs_inode *file;

	if (tmpfs_find(dev, name, strlen(name)))
		return 0;
	file = tmpfs_inode_create(S_IFLNK | 0777);
	if (file && set_target(file, target, strlen(target))) {
		inode_put(&file->inode);
		file = NULL;
	}
	return place_new(dev, name, file);
}

static int add_devices(struct build *build)
{
	struct tmpfs_inode *dev;
	int result = enter_directory(build->root, "dev", 3, &dev);

	for (size_t i = 0; result == 0 && i < device_node_count; i++)
		if (device_exists(&device_nodes[i]))
			result = add_device(dev, &device_nodes[i]);
	for (size_t i = 0; result == 0 && i < sizeof(stream_links) / sizeof(*stream_links); i++)
		result = add_link(dev, stream_links[i].name, stream_links[i].target);
	return result == -ENOTDIR ? 0 : result;
}

// Directories that programs write into, unless the archive says what is there.
static const struct {
	const char *parent, *name;
	uint32_t permissions;
} work_directories[] = {
	{"", "tmp", 01777},
	{"", "run", 0755},
	{"var", "tmp", 01777},
	{"dev", "shm", 01777},
};

static int add_work_directories(struct build *build)
{
	for (size_t i = 0; i < sizeof(work_directories) / sizeof(*work_directories); i++) {
		const char *parent = work_directories[i].parent, *name = work_directories[i].name;
		struct tmpfs_inode *directory = build->root;
		int result = 0;

		if (*parent)
			result = enter_directory(directory, parent, strlen(parent), &directory);
		if (result == 0 && !tmpfs_find(directory, name, strlen(name)))
			result = place_new(
				directory, name,
				tmpfs_inode_create(S_IFDIR | work_directories[i].permissions));
		if (result == -ENOMEM)
			return result;
	}
	return 0;
}

static struct tmpfs_inode *create_default(const struct default_file *file)
{
	struct tmpfs_inode *inode = tmpfs_inode_create(S_IFREG | 0644);

	if (inode) {
		inode->file.archive = (const void *)file->text;
		inode->file.object.size = inode->file.object.source = strlen(file->text);
	}
	return inode;
}

static int add_default_files(struct build *build)
{
	for (const struct default_file *file = default_files;
	     file < default_files + default_file_count; file++) {
		struct tmpfs_inode *directory;
		int result = enter_directory(build->root, file->directory, strlen(file->directory),
					     &directory);

		if (result == 0 && !tmpfs_find(directory, file->name, strlen(file->name)))
			result = place_new(directory, file->name, create_default(file));
		if (result == -ENOMEM)
			return result;
	}
	return 0;
}

// Puts the root of a pseudo file system into the tree, over what the archive may have there.
static int mount(struct build *build, const char *name, struct inode *pseudo)
{
	return pseudo ? place(build->root, name, strlen(name), pseudo) : -ENOMEM;
}

static int add_pseudo(struct build *build)
{
	int result = mount(build, "proc", pseudo_create_proc(root_inode));

	return result ? result : mount(build, "sys", pseudo_create_sys(root_inode));
}

static struct tmpfs_inode *create_root(void)
{
	struct tmpfs_inode *root = tmpfs_inode_create(S_IFDIR | 0755);

	if (root)
		root->inode.links = 2;
	return root;
}

int initrd_start(const void *archive, size_t size)
{
	struct build build = {.root = create_root()};
	struct hard_link *link, *next;
	int result;

	if (!build.root)
		return -ENOMEM;
	list_init(&build.hard_links);
	root_inode = &build.root->inode;
	result = add_archive(&build, archive, size);
	if (result == 0)
		result = add_devices(&build);
	if (result == 0)
		result = add_work_directories(&build);
	if (result == 0)
		result = add_default_files(&build);
	if (result == 0)
		result = add_pseudo(&build);
	list_for_each_entry_safe (link, next, &build.hard_links, link) {
		inode_put(&link->file->inode);
		kfree(link);
	}
	if (build.complaints > COMPLAINTS)
		log_line("initrd: %u entries left out in all", build.complaints);
	return result;
}
