// SPDX-License-Identifier: MIT
//
// kernel/file/initrd.c, tmpfs_*.c and path.c: trees out of archives, well made and mutated, and
// what paths lead to in them. The archive is in a block of exactly its size, so that the sanitizer
// sees every byte of a file read outside of it.
//
// link: kernel/file/cpio.c kernel/file/default_files.c
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Linux's header keeps these from programs that have a C library, whose own header would bring
// another struct stat.
#define S_IFMT   0170000
#define S_IFSOCK 0140000
#define S_IFLNK  0120000
#define S_IFREG  0100000
#define S_IFBLK  0060000
#define S_IFDIR  0040000
#define S_IFCHR  0020000
#define S_IFIFO  0010000

#include "kernel/driver/log.h"
#include "kernel/file/device.h"
#include "kernel/file/place.h"
#include "kernel/file/initrd.h"
#include "kernel/file/pseudo.h"
#include "kernel/file/tmpfs.h"
#include "kernel/file/initrd.c"
#include "kernel/file/tmpfs_inode.c"
#include "kernel/file/tmpfs_tree.c"
#include "kernel/file/inode.c"
#include "kernel/file/path.c"
#include "tests/unit/fake_machine.h"
#include "tests/unit/random.h"

#define ROUNDS 3000

// ---- what the rest of the kernel would be ----
const struct device_node device_nodes[] = {{"null", 0x103, 0666}};
const size_t device_node_count = 1;

bool device_exists(const struct device_node *node)
{
	return node == device_nodes;
}

struct inode *framebuffer_inode(const struct object *object)
{
	(void)object;
	return NULL;
}
static unsigned log_lines;

void log_line(const char *format, ...)
{
	(void)format;
	log_lines++;
}

static const struct inode_ops no_ops;

static struct inode *make_root(struct inode *parent, const char *name)
{
	struct inode *inode = kzalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	*inode = (struct inode){.references = 1, .mode = S_IFREG | 0444, .ops = &no_ops};
	inode->parent = parent;
	inode->name = name;
	return inode;
}

struct inode *pseudo_create_proc(struct inode *parent)
{
	return make_root(parent, "proc");
}

struct inode *pseudo_create_sys(struct inode *parent)
{
	return make_root(parent, "sys");
}

struct inode *current_directory(void)
{
	return inode_get(root_inode);
}

// Opening is not tested here.
int directory_open(struct inode *inode, unsigned flags, struct file **file)
{
	(void)inode, (void)flags, (void)file;
	return -ENXIO;
}

int device_open(struct inode *inode, unsigned flags, struct file **file)
{
	return directory_open(inode, flags, file);
}

int fifo_open(struct inode *inode, unsigned flags, struct file **file)
{
	return directory_open(inode, flags, file);
}

int tmpfs_open(struct inode *inode, unsigned flags, struct file **file)
{
	return directory_open(inode, flags, file);
}

int tmpfs_resize(struct inode *inode, uint64_t size)
{
	(void)inode, (void)size;
	return -EPERM;
}

int tmpfs_punch(struct object *object, uint64_t first, uint64_t end)
{
	(void)object, (void)first, (void)end;
	return -EPERM;
}

uint64_t clock_realtime(void)
{
	return 1000000001;
}

void wait_queue_init(struct wait_queue *queue)
{
	(void)queue;
}

// Everybody may everything.
int inode_permission(const struct inode *inode, unsigned mask)
{
	(void)inode, (void)mask;
	return 0;
}

bool inode_owned(const struct inode *inode)
{
	(void)inode;
	return true;
}

int inode_may_remove(const struct inode *directory, const struct inode *inode)
{
	(void)directory;
	return inode_permission(inode, 0);
}

void inode_set_owner(struct inode *inode, const struct inode *directory)
{
	(void)inode, (void)directory;
}

// ---- archives ----
struct archive {
	char bytes[32768];
	size_t size;
};

static void pad(struct archive *archive)
{
	while (archive->size % 4)
		archive->bytes[archive->size++] = 0;
}

static void add_named(struct archive *archive, const char *name, uint32_t mode, const char *data,
		      uint32_t inode, uint32_t links)
{
	char *at = archive->bytes + archive->size;

	archive->size += (size_t)sprintf(at,
					 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X"
					 "%08X%s",
					 inode, mode, 0u, 0u, links, 1u, (unsigned)strlen(data),
					 0u, 0u, 1u, 3u, (unsigned)strlen(name) + 1, 0u, name) +
			 1;
	pad(archive);
	memcpy(archive->bytes + archive->size, data, strlen(data));
	archive->size += strlen(data);
	pad(archive);
}

static void put(struct archive *archive, const char *name, uint32_t mode, const char *data)
{
	static uint32_t inode = 100;

	add_named(archive, name, mode, data, inode++, 1);
}

static void end(struct archive *archive)
{
	put(archive, "TRAILER!!!", 0, "");
}

// Takes all names out of a directory and lets go of it.
static void dismantle(struct inode *directory)
{
	struct avl_node *node;

	while ((node = tmpfs_inode(directory)->directory.by_name.root)) {
		struct inode *inode =
			tmpfs_take_out(container_of(node, struct tmpfs_entry, by_name));

		if (inode_is_tmpfs(inode) && inode_is(inode, S_IFDIR))
			dismantle(inode);
		else
			inode_put(inode);
	}
	inode_put(directory);
}

// In memory of its own, which stays until the next tree: inodes point into it.
static int start(const struct archive *archive)
{
	static char *copy;

	if (root_inode)
		dismantle(root_inode);
	root_inode = NULL;
	free(copy);
	copy = malloc(archive->size ? archive->size : 1);
	memcpy(copy, archive->bytes, archive->size);
	log_lines = 0;
	return initrd_start(copy, archive->size);
}

static int look_up(const char *path, struct inode **found)
{
	return path_lookup_at(root_inode, path, 0, found);
}

static struct inode *must_find(const char *path)
{
	struct inode *inode = NULL;

	assert_int_equal(look_up(path, &inode), 0);
	return inode;
}

static void expect_error(const char *path, int error)
{
	struct inode *inode;

	assert_int_equal(look_up(path, &inode), error);
}

static void expect_contents(const char *path, const char *contents)
{
	struct inode *inode = must_find(path);
	char bytes[100];

	assert_non_null(inode->object);
	assert_int_equal(inode_size(inode), strlen(contents));
	assert_int_equal(object_read(inode->object, 0, bytes, sizeof(bytes)), strlen(contents));
	assert_memory_equal(bytes, contents, strlen(contents));
}

// ---- well made ----
static void test_tree(void **state)
{
	struct archive archive = {.size = 0};
	char path[100];

	(void)state;
	put(&archive, ".", 040700, "");
	put(&archive, "bin", 040755, "");
	put(&archive, "./bin/sh", 0100755, "#!");
	put(&archive, "/made/on/the/way", 0100644, "x");
	put(&archive, "bin/link", 0120777, "../made/on");
	put(&archive, "dev/null", 020666, "");
	end(&archive);
	assert_int_equal(start(&archive), 0);
	assert_int_equal(log_lines, 0);
	assert_int_equal(root_inode->mode, 040700);
	expect_contents("/bin/sh", "#!");
	expect_contents("bin/link/the/way", "x");
	assert_int_equal(must_find("dev/null")->special, 0x103);
	assert_true(inode_path(must_find("bin/link/the"), path, sizeof(path)) > 0);
	assert_string_equal(path, "/made/on/the");
	assert_int_equal(inode_path(root_inode, path, sizeof(path)), 1);
	assert_string_equal(path, "/");
	assert_int_equal(inode_path(must_find("made/on"), path, 8), -ENAMETOOLONG);
	expect_error("bin/sh/", -ENOTDIR);
	expect_error("bin/nothing", -ENOENT);
	expect_error("", -ENOENT);
}

static void test_replaced(void **state)
{
	struct archive archive = {.size = 0};

	(void)state;
	put(&archive, "file", 0100644, "old");
	put(&archive, "directory/below", 0100644, "kept");
	end(&archive);
	put(&archive, "file", 0100600, "new one");
	put(&archive, "directory", 040711, "");
	put(&archive, "directory", 0100644, "no");
	put(&archive, "file/below", 0100644, "no");
	end(&archive);
	assert_int_equal(start(&archive), 0);
	expect_contents("file", "new one");
	expect_contents("directory/below", "kept");
	assert_int_equal(must_find("directory")->mode, 040711);
	assert_int_equal(log_lines, 2);
}

// Which of the names comes with the data depends on the archiver; another archive's numbers mean
// other files.
static void test_hard_links(void **state)
{
	struct archive archive = {.size = 0};

	(void)state;
	add_named(&archive, "first", 0100644, "", 5, 3);
	add_named(&archive, "second", 0100644, "data", 5, 3);
	add_named(&archive, "third", 0100644, "", 5, 3);
	end(&archive);
	add_named(&archive, "other", 0100644, "other", 5, 2);
	end(&archive);
	assert_int_equal(start(&archive), 0);
	expect_contents("first", "data");
	assert_ptr_equal(must_find("first"), must_find("second"));
	assert_ptr_equal(must_find("first"), must_find("third"));
	assert_int_equal(must_find("first")->links, 3);
	expect_contents("other", "other");
}

static void test_names(void **state)
{
	struct archive archive = {.size = 0};
	char name[400];

	(void)state;
	put(&archive, "..", 0100644, "");
	put(&archive, "a/../../b", 0100644, "");
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	put(&archive, name, 0100644, "");
	name[255] = '\0';
	put(&archive, name, 0100644, "long");
	put(&archive, "/", 0100644, "the root");
	put(&archive, "odd", 0, "");
	assert_int_equal(start(&archive), 0);
	assert_int_equal(log_lines, 5);
	expect_contents(name, "long");
	name[255] = 'n';
	expect_error(name, -ENAMETOOLONG);
	expect_error("odd", -ENOENT);
}

static void test_links(void **state)
{
	struct archive archive = {.size = 0};
	char from[16], to[16];

	(void)state;
	put(&archive, "self", 0120777, "self");
	put(&archive, "empty", 0120777, "");
	put(&archive, "root", 0120777, "/");
	put(&archive, "end", 0100644, "e");
	for (int i = 0; i < 41; i++) {
		sprintf(from, "l%d", i);
		sprintf(to, i < 40 ? "l%d" : "end", i + 1);
		put(&archive, from, 0120777, to);
	}
	assert_int_equal(start(&archive), 0);
	expect_error("self", -ELOOP);
	expect_error("self/x", -ELOOP);
	expect_error("empty", -ENOENT);
	expect_contents("root/root/root/end", "e");
	expect_contents("l1", "e"); // 40 links
	expect_error("l0", -ELOOP);
}

// ---- anything ----
static struct archive typical(void)
{
	struct archive archive = {.size = 0};

	put(&archive, "bin", 040755, "");
	put(&archive, "bin/a", 0100755, "contents of a");
	add_named(&archive, "bin/b", 0100755, "", 9, 2);
	add_named(&archive, "c", 0100755, "both", 9, 2);
	put(&archive, "l", 0120777, "bin/../bin");
	put(&archive, "dev/tty", 020666, "");
	end(&archive);
	archive.size += 512;
	put(&archive, "bin/a", 0100755, "later");
	end(&archive);
	return archive;
}

static void mutate(struct archive *archive)
{
	static const char likely[] = "0123456789ABCDEFabcdef7F\0\xff/./binal";
	unsigned changes = 1 + (unsigned)random_below(6);

	while (changes--)
		archive->bytes[random_below(archive->size)] =
			random_below(3) ? likely[random_below(sizeof(likely))]
					: (char)random_below(256);
	if (random_below(4) == 0)
		archive->size = random_below(archive->size + 1);
}

// Looks at everything below a directory, and reads every file.
static void visit(struct inode *directory, unsigned depth)
{
	struct directory_entry entry;
	uint64_t cookie = 0;
	char bytes[64];

	assert_true(depth < 100);
	while (directory->ops->next_entry(directory, &cookie, &entry)) {
		struct inode *inode;
		uint64_t at = 0;
		long got;

		assert_int_equal(
			directory->ops->lookup(directory, entry.name, entry.length, &inode), 0);
		if (inode->object)
			while ((got = object_read(inode->object, at, bytes, sizeof(bytes))) > 0)
				at += (uint64_t)got;
		if (inode_is(inode, S_IFLNK))
			inode->ops->readlink(inode, bytes, sizeof(bytes));
		if (inode_is(inode, S_IFDIR))
			visit(inode, depth + 1);
		inode_put(inode);
	}
}

static void test_mutations(void **state)
{
	(void)state;
	random_start();
	for (unsigned i = 0; i < ROUNDS; i++) {
		static const char *const paths[] = {"l/a", "bin/b/..", "c", "dev/tty", "l/../l/b"};
		struct archive archive = typical();
		struct inode *found;

		mutate(&archive);
		assert_int_equal(start(&archive), 0);
		visit(root_inode, 0);
		for (size_t j = 0; j < sizeof(paths) / sizeof(*paths); j++)
			if (look_up(paths[j], &found) == 0)
				inode_put(found);
	}
}

static void test_out_of_memory(void **state)
{
	struct archive archive = typical();
	int nth = 0, result;
	bool failed;

	(void)state;
	do {
		fake_fail_start(++nth);
		result = start(&archive);
		failed = fake_fail_stop();
		assert_int_equal(result, failed ? -ENOMEM : 0);
	} while (failed);
	assert_true(nth > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),          cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_hard_links),    cmocka_unit_test(test_names),
		cmocka_unit_test(test_links),         cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_out_of_memory),
	};

	fake_machine_start(32768);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
