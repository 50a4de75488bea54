// SPDX-License-Identifier: MIT
//
// kernel/file/cpio.c: archives as cpio writes them, archives as nobody should, and mutations of
// both. Every archive is in a block of exactly its size, so that the sanitizer sees each byte read
// outside of it.
//
// link: kernel/file/cpio.c
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kernel/file/cpio.h"
#include "tests/unit/random.h"

#define ROUNDS 20000

struct archive {
	char bytes[65536];
	size_t size;
};

static void pad(struct archive *archive)
{
	while (archive->size % 4)
		archive->bytes[archive->size++] = 0;
}

// One entry, the name's size and the data's as said, whatever the truth.
static void add_raw(struct archive *archive, const char *name, uint32_t name_size, uint32_t mode,
		    uint32_t links, const char *data, uint32_t size)
{
	archive->size +=
		(size_t)sprintf(archive->bytes + archive->size,
				"070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 7u,
				mode, 1u, 2u, links, 1000u, size, 8u, 1u, 5u, 1u, name_size, 0u);
	memcpy(archive->bytes + archive->size, name, strlen(name) + 1);
	archive->size += strlen(name) + 1;
	pad(archive);
	memcpy(archive->bytes + archive->size, data, strlen(data));
	archive->size += strlen(data);
	pad(archive);
}

static void add(struct archive *archive, const char *name, uint32_t mode, const char *data)
{
	add_raw(archive, name, (uint32_t)strlen(name) + 1, mode, 1, data, (uint32_t)strlen(data));
}

static void add_trailer(struct archive *archive)
{
	add(archive, "TRAILER!!!", 0, "");
}

// Reads `size` bytes of an archive to its end or its first error.
static enum cpio_result read_all(const void *bytes, size_t size, unsigned *entries)
{
	char *block = malloc(size ? size : 1);
	struct cpio_reader reader;
	struct cpio_entry entry;
	enum cpio_result result;
	volatile uint64_t sum = 0;

	memcpy(block, bytes, size);
	// A block of one byte at least: of an empty archive not even that may be read.
	cpio_open(&reader, size ? block : NULL, size);
	*entries = 0;
	while ((result = cpio_next(&reader, &entry)) == CPIO_ENTRY) {
		assert_true(*entries < size);
		assert_true(entry.name_length > 0 && strlen(entry.name) == entry.name_length);
		for (size_t i = 0; i < entry.size; i++)
			sum += ((const uint8_t *)entry.data)[i];
		++*entries;
	}
	assert_true(reader.position <= size);
	free(block);
	return result;
}

static enum cpio_result read_archive(const struct archive *archive, unsigned *entries)
{
	return read_all(archive->bytes, archive->size, entries);
}

static void test_one_file(void **state)
{
	struct archive archive = {.size = 0};
	struct cpio_reader reader;
	struct cpio_entry entry;

	(void)state;
	add(&archive, "bin/hello", 0100755, "hello, world");
	add_trailer(&archive);
	cpio_open(&reader, archive.bytes, archive.size);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_ENTRY);
	assert_string_equal(entry.name, "bin/hello");
	assert_int_equal(entry.size, 12);
	assert_memory_equal(entry.data, "hello, world", 12);
	assert_int_equal(entry.mode, 0100755);
	assert_int_equal(entry.inode, 7);
	assert_int_equal(entry.uid, 1);
	assert_int_equal(entry.gid, 2);
	assert_int_equal(entry.mtime, 1000);
	assert_int_equal(entry.device_major, 8);
	assert_int_equal(entry.special_major, 5);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_END);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_END);
}

static void test_nothing(void **state)
{
	static const char zeros[512];
	unsigned entries;

	(void)state;
	assert_int_equal(read_all("", 0, &entries), CPIO_END);
	assert_int_equal(read_all(zeros, 1, &entries), CPIO_END);
	assert_int_equal(read_all(zeros, sizeof(zeros), &entries), CPIO_END);
	assert_int_equal(entries, 0);
}

// The loader may bring several archives, zeros between; numbers of inodes start again in each.
static void test_several(void **state)
{
	struct archive archive = {.size = 0};
	struct cpio_reader reader;
	struct cpio_entry entry;

	(void)state;
	add(&archive, "a", 0100644, "1");
	add_trailer(&archive);
	archive.size += 400 - archive.size % 4;
	add(&archive, "b", 0100644, "22");
	cpio_open(&reader, archive.bytes, archive.size);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_ENTRY);
	assert_int_equal(entry.archive, 0);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_ENTRY);
	assert_string_equal(entry.name, "b");
	assert_int_equal(entry.archive, 1);
	// Without a trailer the end of the bytes is the end.
	assert_int_equal(cpio_next(&reader, &entry), CPIO_END);
}

static void test_checksummed_magic(void **state)
{
	struct archive archive = {.size = 0};
	unsigned entries;

	(void)state;
	add(&archive, "a", 0100644, "1");
	archive.bytes[5] = '2';
	assert_int_equal(read_archive(&archive, &entries), CPIO_END);
	assert_int_equal(entries, 1);
	archive.bytes[5] = '7';
	assert_int_equal(read_archive(&archive, &entries), CPIO_BAD_MAGIC);
}

static void test_every_truncation(void **state)
{
	struct archive archive = {.size = 0};
	unsigned entries;

	(void)state;
	add(&archive, "name", 0100644, "some data");
	// Of the last 3 bytes, the padding, none is missed.
	for (size_t size = 1; size < archive.size - 3; size++) {
		enum cpio_result result = read_all(archive.bytes, size, &entries);

		assert_int_equal(entries, 0);
		assert_int_equal(result, size < 6 ? CPIO_BAD_MAGIC : CPIO_TRUNCATED);
	}
	assert_int_equal(read_archive(&archive, &entries), CPIO_END);
	assert_int_equal(entries, 1);
}

static void test_numbers(void **state)
{
	struct archive archive = {.size = 0};
	unsigned entries;

	(void)state;
	add(&archive, "name", 0100644, "x");
	for (size_t i = 6; i < 110; i++) {
		struct archive broken = archive;

		broken.bytes[i] = 'g';
		assert_int_equal(read_archive(&broken, &entries), CPIO_BAD_NUMBER);
		broken.bytes[i] = 0;
		assert_int_equal(read_archive(&broken, &entries), CPIO_BAD_NUMBER);
	}
}

static void test_names(void **state)
{
	static const uint32_t sizes[] = {0,    1,          4,          7,         100,
					 4098, 0x7fffffff, 0xfffffffc, 0xffffffff};
	unsigned entries;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct archive archive = {.size = 0};
		enum cpio_result result;

		add_raw(&archive, "name", sizes[i], 0100644, 1, "data", 4);
		result = read_archive(&archive, &entries);
		assert_true(result == CPIO_BAD_NAME || result == CPIO_TRUNCATED ||
			    result == CPIO_BAD_MAGIC);
	}
}

static void test_name_with_nul_inside(void **state)
{
	struct archive archive = {.size = 0};
	struct cpio_reader reader;
	struct cpio_entry entry;

	(void)state;
	add(&archive, "abcdefg", 0100644, "");
	archive.bytes[113] = 0;
	cpio_open(&reader, archive.bytes, archive.size);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_ENTRY);
	assert_string_equal(entry.name, "abc");
	assert_int_equal(entry.name_length, 3);
	archive.bytes[110] = 0;
	cpio_open(&reader, archive.bytes, archive.size);
	assert_int_equal(cpio_next(&reader, &entry), CPIO_BAD_NAME);
}

static void test_huge_data(void **state)
{
	static const uint32_t sizes[] = {5, 8, 0x7fffffff, 0xfffffff0, 0xffffffff};
	unsigned entries;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct archive archive = {.size = 0};

		add_raw(&archive, "name", 5, 0100644, 1, "data", sizes[i]);
		assert_int_equal(read_archive(&archive, &entries), CPIO_TRUNCATED);
		assert_int_equal(entries, 0);
	}
}

static void test_hard_links(void **state)
{
	struct archive archive = {.size = 0};
	struct cpio_reader reader;
	struct cpio_entry first, second;

	(void)state;
	add_raw(&archive, "one", 4, 0100644, 2, "", 0);
	add_raw(&archive, "two", 4, 0100644, 2, "data", 4);
	add_trailer(&archive);
	cpio_open(&reader, archive.bytes, archive.size);
	assert_int_equal(cpio_next(&reader, &first), CPIO_ENTRY);
	assert_int_equal(cpio_next(&reader, &second), CPIO_ENTRY);
	assert_int_equal(first.links, 2);
	assert_int_equal(first.inode, second.inode);
	assert_int_equal(first.device_major, second.device_major);
	assert_int_equal(first.size, 0);
	assert_int_equal(second.size, 4);
}

// What the reader's own cpio writes is read, whatever its idea of padding.
static void test_real_cpio(void **state)
{
	char command[300], directory[] = "/tmp/cpio-XXXXXX";
	char bytes[16384];
	unsigned entries;
	size_t size;
	FILE *archive;

	(void)state;
	if (system("command -v cpio >/dev/null") != 0)
		skip();
	assert_non_null(mkdtemp(directory));
	snprintf(command, sizeof(command),
		 "cd %s && mkdir d && echo hello >d/f && ln d/f d/g && ln -s f d/l && "
		 "find . | cpio -o -H newc --quiet; cd / && rm -r %s",
		 directory, directory);
	archive = popen(command, "r");
	assert_non_null(archive);
	size = fread(bytes, 1, sizeof(bytes), archive);
	assert_int_equal(pclose(archive), 0);
	assert_int_equal(read_all(bytes, size, &entries), CPIO_END);
	assert_int_equal(entries, 5);
}

static void mutate(struct archive *archive)
{
	static const char likely[] = "0123456789ABCDEFabcdef7F\0\xff/.";
	unsigned changes = 1 + (unsigned)random_below(8);

	while (changes--) {
		size_t place = (size_t)random_below(archive->size);

		archive->bytes[place] = random_below(2) ? likely[random_below(sizeof(likely))]
							: (char)random_below(256);
	}
	if (random_below(4) == 0)
		archive->size = (size_t)random_below(archive->size + 1);
}

static void test_mutations(void **state)
{
	struct archive original = {.size = 0};

	(void)state;
	random_start();
	add(&original, "etc", 040755, "");
	add(&original, "etc/passwd", 0100644, "root:x:0:0::/:/bin/sh\n");
	add_raw(&original, "sh", 3, 0100755, 2, "", 0);
	add_raw(&original, "ash", 4, 0100755, 2, "#!", 2);
	add_trailer(&original);
	add(&original, "second", 0120777, "etc");
	add_trailer(&original);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct archive archive;
		unsigned entries;

		memcpy(archive.bytes, original.bytes, original.size);
		archive.size = original.size;
		mutate(&archive);
		assert_in_range(read_archive(&archive, &entries), CPIO_END, CPIO_BAD_NAME);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_checksummed_magic),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_with_nul_inside),
		cmocka_unit_test(test_huge_data),
		cmocka_unit_test(test_hard_links),
		cmocka_unit_test(test_real_cpio),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
