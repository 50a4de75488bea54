// SPDX-License-Identifier: MIT
//
// Path lookup: one component after the other, links expanded in place. The text that is still to
// be walked is the caller's until the first symbolic link; then it is a buffer of our own, which
// holds the link's target and what came after the link.
//
// Left out: mount points that are not part of the tree, and a root directory other than "/".
#include "kernel/file/place.h"
#include "kernel/file/inode.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/limits.h>
#include <linux/stat.h>

#define LINK_LIMIT  40 // links in one lookup, Linux's MAXSYMLINKS
#define BUFFER_SIZE (2 * PATH_MAX)

struct walk {
	struct inode *at; // where we are, held
	const char *rest; // what is still to be walked
	char *buffer;     // BUFFER_SIZE bytes that `rest` points into, or NULL
	unsigned links;   // followed so far
	unsigned flags;   // LOOKUP_*
};

static void walk_to(struct walk *walk, struct inode *inode)
{
	inode_put(walk->at);
	walk->at = inode;
}

static const char *skip_slashes(const char *text)
{
	while (*text == '/')
		text++;
	return text;
}

static size_t component_length(const char *text)
{
	size_t length = 0;

	while (text[length] && text[length] != '/')
		length++;
	return length;
}

// Makes the target's text, then `rest`, what is to be walked next.
static int expand(struct walk *walk, struct inode *link, const char *rest)
{
	char *buffer = kmalloc(BUFFER_SIZE);
	long length;

	if (!buffer)
		return -ENOMEM;
	length = link->ops->readlink(link, buffer, PATH_MAX);
	if (length == 0)
		length = -ENOENT;
	else if (length >= PATH_MAX || (length > 0 && length + strlen(rest) >= BUFFER_SIZE))
		length = -ENAMETOOLONG;
	if (length < 0) {
		kfree(buffer);
		return (int)length;
	}
	strlcpy(buffer + length, rest, BUFFER_SIZE - (size_t)length);
	kfree(walk->buffer);
	walk->buffer = buffer;
	walk->rest = buffer;
	if (*buffer == '/')
		walk_to(walk, inode_get(root_inode));
	return 0;
}

// `link` was found in walk->at, and `rest` comes after it. Takes over the reference to `link`.
static int follow_link(struct walk *walk, struct inode *link, const char *rest)
{
	struct inode *target;
	int result;

	if (++walk->links > LINK_LIMIT) {
		result = -ELOOP;
	} else if (link->ops->follow) {
		result = link->ops->follow(link, &target);
		if (result == 0) {
			walk_to(walk, target);
			walk->rest = rest;
			if (*rest == '/' && !inode_is(target, S_IFDIR))
				result = -ENOTDIR;
		}
	} else {
		result = expand(walk, link, rest);
	}
	inode_put(link);
	return result;
}

static bool is_dots(const char *name, size_t length)
{
	return name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}

// Finds one component below walk->at, which is a directory.
static int find(struct walk *walk, const char *name, size_t length, struct inode **found)
{
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	if (!is_dots(name, length))
		return walk->at->ops->lookup(walk->at, name, length, found);
	*found = length == 1 ? inode_get(walk->at) : inode_parent(walk->at);
	return 0;
}

// Walks one component. 0, 1 when the last one is missing and that is allowed, or -errno.
static int step(struct walk *walk)
{
	const char *name = walk->rest;
	size_t length = component_length(name);
	const char *rest = name + length;
	bool last = *skip_slashes(rest) == '\0';
	struct inode *found;
	int result;

	if (!inode_is(walk->at, S_IFDIR))
		return -ENOTDIR;
	if (inode_permission(walk->at, 1))
		return -EACCES;
	if (last && *rest == '/' && (walk->flags & LOOKUP_CREATE) && !is_dots(name, length))
		return -EISDIR;
	result = find(walk, name, length, &found);
	if (result == -ENOENT && last && (walk->flags & LOOKUP_PARENT))
		return 1;
	if (result)
		return result;
	// "link/" means what the link leads to even when the link itself is wanted.
	if (inode_is(found, S_IFLNK) &&
	    !(last && *rest == '\0' && (walk->flags & LOOKUP_NO_FOLLOW)))
		return follow_link(walk, found, rest);
	walk_to(walk, found);
	walk->rest = rest;
	if (*rest == '/' && !inode_is(found, S_IFDIR))
		return -ENOTDIR;
	return 0;
}

static int walk_all(struct walk *walk)
{
	for (;;) {
		int result;

		walk->rest = skip_slashes(walk->rest);
		if (*walk->rest == '\0')
			break;
		result = step(walk);
		if (result)
			return result;
	}
	if ((walk->flags & LOOKUP_DIRECTORY) && !inode_is(walk->at, S_IFDIR))
		return -ENOTDIR;
	return 0;
}

static void walk_start(struct walk *walk, struct inode *directory, const char *path)
{
	walk->at = inode_get(*path == '/' ? root_inode : directory);
}

int path_lookup_at(struct inode *directory, const char *path, unsigned flags, struct inode **found)
{
	struct walk walk = {.rest = path, .flags = flags};
	int result;

	if (*path == '\0')
		return -ENOENT;
	walk_start(&walk, directory, path);
	result = walk_all(&walk);
	if (result)
		inode_put(walk.at);
	else
		*found = walk.at;
	kfree(walk.buffer);
	return result;
}

// ---- the last component ----
// Splits walk->rest, one component and slashes, off; the directory goes over to *name.
static int take_name(struct walk *walk, struct path_name *name)
{
	size_t length = component_length(walk->rest);

	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	if (length == 0)
		name->kind = NAME_ROOT;
	else if (is_dots(walk->rest, length))
		name->kind = length == 1 ? NAME_DOT : NAME_DOT_DOT;
	else
		name->kind = NAME_ORDINARY;
	name->slash = length && walk->rest[length] == '/';
	name->length = length;
	memcpy(name->name, walk->rest, length);
	name->name[length] = '\0';
	name->directory = walk->at;
	return 0;
}

// Whether a component follows the one that walk->rest begins with.
static bool more_follows(const struct walk *walk)
{
	return *skip_slashes(walk->rest + component_length(walk->rest)) != '\0';
}

int path_lookup_name(struct inode *directory, const char *path, struct path_name *name)
{
	struct walk walk = {.rest = path};
	int result = 0;

	if (*path == '\0')
		return -ENOENT;
	walk_start(&walk, directory, path);
	walk.rest = skip_slashes(walk.rest);
	while (result == 0 && more_follows(&walk)) {
		result = step(&walk);
		walk.rest = skip_slashes(walk.rest);
	}
	if (result == 0 && !inode_is(walk.at, S_IFDIR))
		result = -ENOTDIR;
	if (result == 0 && inode_permission(walk.at, 1))
		result = -EACCES;
	if (result == 0)
		result = take_name(&walk, name);
	if (result)
		inode_put(walk.at);
	kfree(walk.buffer);
	return result;
}

int path_find(struct inode *directory, const char *path, unsigned flags, struct inode **found,
	      struct path_name *name)
{
	struct walk walk = {.rest = path, .flags = flags | LOOKUP_PARENT};
	int result;

	if (*path == '\0')
		return -ENOENT;
	walk_start(&walk, directory, path);
	result = walk_all(&walk);
	if (result == 1 && take_name(&walk, name))
		result = -ENAMETOOLONG;
	if (result < 0)
		inode_put(walk.at);
	else if (result == 0)
		*found = walk.at;
	kfree(walk.buffer);
	return result;
}

int path_lookup(const char *path, struct inode **found)
{
	struct inode *cwd = current_directory();
	int result = path_lookup_at(cwd, path, 0, found);

	inode_put(cwd);
	return result;
}
