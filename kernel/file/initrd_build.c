// SPDX-License-Identifier: MIT
//
// From the archive's entries to the tree. An archive may come from anywhere: what makes no sense
// in it is named in the log and left out, and the rest is used.
//
// As Linux does, a later entry replaces an earlier one of the same name, and entries of several
// archives go into one tree. Unlike Linux, directories that have no entry of their own are made.
#include "kernel/driver/log.h"
#include "kernel/file/cpio.h"
#include "kernel/file/device.h"
#include "kernel/file/initrd.h"
#include "kernel/file/initrd_tree.h"
#include "kernel/file/pseudo.h"
#include "lib/string.h"
#include <asm/errno.h>
#include <linux/limits.h>
#include <linux/stat.h>

#define COMPLAINTS 10 // lines in the log about one initrd

// The inode of a file with several names, while the tree is made.
struct hard_link {
	struct list link;
	struct initrd_inode *file;
	uint32_t inode, major, minor;
	unsigned archive;
};

struct build {
	struct initrd_inode *root;
	struct list hard_links;
	uint64_t next_number;
	unsigned complaints;
};

static void complain(struct build *build, const char *name, const char *what)
{
	if (build->complaints++ < COMPLAINTS)
		log_line("initrd: %s: %s, left out", name, what);
}

static struct initrd_inode *make_inode(struct build *build, uint32_t mode)
{
	struct initrd_inode *file = kzalloc(sizeof(*file));
	struct inode *inode;

	if (!file)
		return NULL;
	inode = &file->inode;
	inode->references = 1;
	inode->mode = mode;
	inode->ops = initrd_inode_ops(mode);
	inode->number = build->next_number++;
	inode->links = 1;
	inode->device = INITRD_DEVICE;
	inode->read_only = true;
	if (inode_is(inode, S_IFDIR)) {
		list_init(&file->entries);
		inode->links = 2;
	}
	return file;
}

// Makes the name stand for the inode. 0 or -ENOMEM, with which nothing has changed.
static int place(struct initrd_inode *directory, const char *name, size_t length,
		 struct initrd_inode *file)
{
	struct initrd_entry *entry = initrd_find(directory, name, length);

	if (entry)
		entry->inode = &file->inode;
	else
		entry = initrd_enter(directory, name, length, &file->inode);
	if (!entry)
		return -ENOMEM;
	if (!file->inode.parent) {
		file->inode.parent = &directory->inode;
		file->inode.name = entry->name;
		if (inode_is(&file->inode, S_IFDIR))
			directory->inode.links++;
	}
	return 0;
}

static struct initrd_inode *as_directory(struct initrd_entry *entry)
{
	if (!entry || !inode_is(entry->inode, S_IFDIR))
		return NULL;
	return container_of(entry->inode, struct initrd_inode, inode);
}

// A directory below another, made when it is missing. 0, -ENOTDIR or -ENOMEM.
static int enter_directory(struct build *build, struct initrd_inode *parent, const char *name,
			   size_t length, struct initrd_inode **found)
{
	struct initrd_entry *entry = initrd_find(parent, name, length);
	struct initrd_inode *directory = as_directory(entry);

	if (entry && !directory)
		return -ENOTDIR;
	if (!directory) {
		directory = make_inode(build, S_IFDIR | 0755);
		if (!directory)
			return -ENOMEM;
		if (place(parent, name, length, directory)) {
			kfree(directory);
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
		      struct initrd_inode **directory)
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
		result = enter_directory(build, *directory, *name, *length, directory);
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
	inode->mtime = entry->mtime;
}

static void set_contents(struct initrd_inode *file, const struct cpio_entry *entry)
{
	struct inode *inode = &file->inode;

	inode->size = entry->size;
	file->data = entry->data;
	if (inode_is(inode, S_IFREG)) {
		file->object.size = entry->size;
		inode->object = &file->object;
	}
	if (inode_is(inode, S_IFCHR) || inode_is(inode, S_IFBLK))
		inode->special = device_number(entry->special_major, entry->special_minor);
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
			      struct initrd_inode *file)
{
	struct hard_link *link = kmalloc(sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->file = file;
	link->inode = entry->inode;
	link->major = entry->device_major;
	link->minor = entry->device_minor;
	link->archive = entry->archive;
	list_add(&build->hard_links, &link->link);
	return 0;
}

static int make_file(struct build *build, const struct cpio_entry *entry,
		     struct initrd_inode *directory, const char *name, size_t length)
{
	struct initrd_inode *file = make_inode(build, entry->mode & S_IFMT);

	if (!file)
		return -ENOMEM;
	if (inode_is(&file->inode, S_IFREG)) {
		object_init(&file->object, &initrd_object_ops, 0);
		file->object.refillable = true;
	}
	copy_attributes(&file->inode, entry);
	set_contents(file, entry);
	if (entry->links > 1 && remember_hard_link(build, entry, file))
		return -ENOMEM;
	return place(directory, name, length, file);
}

// Everything but directories. Only one of a file's names comes with its data: which one depends
// on the archiver.
static int add_file(struct build *build, const struct cpio_entry *entry,
		    struct initrd_inode *directory, const char *name, size_t length)
{
	struct hard_link *link = entry->links > 1 ? find_hard_link(build, entry) : NULL;

	if (as_directory(initrd_find(directory, name, length)))
		return -EISDIR;
	if (!link || (link->file->inode.mode ^ entry->mode) & S_IFMT)
		return make_file(build, entry, directory, name, length);
	if (entry->size)
		set_contents(link->file, entry);
	link->file->inode.links++;
	return place(directory, name, length, link->file);
}

static int add_directory(struct build *build, const struct cpio_entry *entry,
			 struct initrd_inode *parent, const char *name, size_t length)
{
	struct initrd_inode *directory = build->root;
	int result = 0;

	if (length)
		result = enter_directory(build, parent, name, length, &directory);
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
	struct initrd_inode *directory;
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
static int add_device(struct build *build, struct initrd_inode *dev,
		      const struct device_node *node)
{
	struct initrd_inode *file;

	if (initrd_find(dev, node->name, strlen(node->name)))
		return 0;
	file = make_inode(build, S_IFCHR | node->mode);
	if (!file)
		return -ENOMEM;
	file->inode.special = node->special;
	return place(dev, node->name, strlen(node->name), file);
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

static int add_link(struct build *build, struct initrd_inode *dev, const char *name,
		    const char *target)
{
	struct initrd_inode *file;

	if (initrd_find(dev, name, strlen(name)))
		return 0;
	file = make_inode(build, S_IFLNK | 0777);
	if (!file)
		return -ENOMEM;
	file->data = target;
	file->inode.size = strlen(target);
	return place(dev, name, strlen(name), file);
}

static int add_devices(struct build *build)
{
	struct initrd_inode *dev;
	int result = enter_directory(build, build->root, "dev", 3, &dev);

	for (size_t i = 0; result == 0 && i < device_node_count; i++)
		result = add_device(build, dev, &device_nodes[i]);
	for (size_t i = 0; result == 0 && i < sizeof(stream_links) / sizeof(*stream_links); i++)
		result = add_link(build, dev, stream_links[i].name, stream_links[i].target);
	return result == -ENOTDIR ? 0 : result;
}

// Puts the root of a pseudo file system into the tree, over what the archive may have there.
static int mount(struct build *build, const char *name, struct inode *pseudo)
{
	struct initrd_entry *entry = initrd_find(build->root, name, strlen(name));

	if (!pseudo)
		return -ENOMEM;
	if (entry)
		entry->inode = pseudo;
	else if (!initrd_enter(build->root, name, strlen(name), pseudo))
		return -ENOMEM;
	return 0;
}

static int add_pseudo(struct build *build)
{
	int result = mount(build, "proc", pseudo_create_proc(root_inode));

	return result ? result : mount(build, "sys", pseudo_create_sys(root_inode));
}

int initrd_start(const void *archive, size_t size)
{
	struct build build = {.next_number = 1};
	struct hard_link *link, *next;
	int result = -ENOMEM;

	list_init(&build.hard_links);
	build.root = make_inode(&build, S_IFDIR | 0755);
	if (!build.root)
		return -ENOMEM;
	root_inode = &build.root->inode;
	root_inode->parent = root_inode;
	root_inode->name = "";
	result = add_archive(&build, archive, size);
	if (result == 0)
		result = add_devices(&build);
	if (result == 0)
		result = add_pseudo(&build);
	list_for_each_entry_safe (link, next, &build.hard_links, link)
		kfree(link);
	if (build.complaints > COMPLAINTS)
		log_line("initrd: %u entries left out in all", build.complaints);
	return result;
}
