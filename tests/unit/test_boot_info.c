// SPDX-License-Identifier: MIT
//
// Readers of the loaders' information, against right, truncated, lying and random input. Physical
// memory is a block of the exact size, so that a read past what the loader gave is seen by ASan.
// link: boot/multiboot2.c boot/pvh.c boot/collect.c
#define _GNU_SOURCE
#include "boot/boot.h"
#include "tests/unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BASE 0x10000ul // physical address of the block

struct boot_info boot_info;
char image_start[1], image_end[1]; // linker.ld's

static char *block;
static size_t block_size;

const void *boot_phys(uint64_t address, uint64_t size)
{
	if (address < BASE || address - BASE > block_size || size > block_size - (address - BASE))
		return NULL;
	return block + (address - BASE);
}

static void use_block(const void *contents, size_t size)
{
	free(block);
	block = malloc(size ? size : 1);
	block_size = size;
	if (contents)
		memcpy(block, contents, size);
	memset(&boot_info, 0, sizeof(boot_info));
}

// ---- Multiboot2 ----

struct builder {
	_Alignas(8) char bytes[8192];
	size_t size;
};

static void append(struct builder *builder, const void *data, size_t size)
{
	if (size)
		memcpy(builder->bytes + builder->size, data, size);
	builder->size += size;
}

static void add_tag(struct builder *builder, uint32_t type, const void *data, size_t size)
{
	uint32_t head[2] = {type, 8 + size};

	append(builder, head, sizeof(head));
	append(builder, data, size);
	builder->size = (builder->size + 7) & ~7ul;
}

static void begin(struct builder *builder)
{
	memset(builder, 0, sizeof(*builder));
	builder->size = 8;
}

static void finish(struct builder *builder)
{
	uint32_t total;

	add_tag(builder, 0, NULL, 0);
	total = builder->size;
	memcpy(builder->bytes, &total, 4);
}

static bool read_multiboot2(struct builder *builder)
{
	use_block(builder->bytes, builder->size);
	return multiboot2_read(BASE);
}

struct map_entry {
	uint64_t start, size;
	uint32_t type, reserved;
};

static void add_map(struct builder *builder, const struct map_entry *entries, size_t count)
{
	char data[8 + 200 * sizeof(struct map_entry)];
	uint32_t head[2] = {sizeof(struct map_entry), 0};

	memcpy(data, head, 8);
	memcpy(data + 8, entries, count * sizeof(*entries));
	add_tag(builder, 6, data, 8 + count * sizeof(*entries));
}

static void add_module(struct builder *builder, uint32_t start, uint32_t end, const char *name)
{
	char data[128];
	uint32_t range[2] = {start, end};

	memcpy(data, range, 8);
	memcpy(data + 8, name, strlen(name) + 1);
	add_tag(builder, 3, data, 8 + strlen(name) + 1);
}

static void test_multiboot2(void **state)
{
	const struct map_entry map[] = {
		{0, 0x9fc00, 1, 0}, {0x100000, 0x7f00000, 1, 0}, {0xfff00000, 0x100000, 2, 0}};
	struct builder b;

	(void)state;
	begin(&b);
	add_tag(&b, 1, "init=/bin/sh strace", 20);
	add_tag(&b, 2, "GRUB 2.06", 10);
	add_module(&b, 0x200000, 0x234567, "initrd");
	add_map(&b, map, 3);
	add_tag(&b, 14, "RSD PTR 123456789012", 20);
	finish(&b);
	assert_true(read_multiboot2(&b));
	assert_string_equal(boot_info.command_line, "init=/bin/sh strace");
	assert_string_equal(boot_info.loader, "GRUB 2.06");
	assert_int_equal(boot_info.module_count, 1);
	assert_int_equal(boot_info.modules[0].start, 0x200000);
	assert_int_equal(boot_info.modules[0].end, 0x234567);
	assert_string_equal(boot_info.modules[0].name, "initrd");
	assert_int_equal(boot_info.range_count, 4);
	assert_int_equal(boot_info.ranges[0].type, MEMORY_MODULE);
	assert_int_equal(boot_info.ranges[1].type, MEMORY_RESERVED);
	assert_int_equal(boot_info.ranges[3].start, 0x100000);
	assert_int_equal(boot_info.ranges[3].end, 0x8000000);
	assert_int_equal(boot_info.rsdp_size, 20);
}

struct framebuffer {
	uint64_t address;
	uint32_t pitch, width, height;
	uint8_t bits, type, reserved[2], colours[6];
} __attribute__((packed));

static void test_framebuffer(void **state)
{
	struct framebuffer picture = {0xfd000000, 4096, 1024, 768,
				      32,         1,    {0},  {16, 8, 8, 8, 0, 8}};
	struct builder b;

	(void)state;
	begin(&b);
	add_tag(&b, 8, &picture, sizeof(picture));
	finish(&b);
	assert_true(read_multiboot2(&b));
	assert_int_equal(boot_info.framebuffer.address, 0xfd000000);
	assert_int_equal(boot_info.framebuffer.red_shift, 16);

	picture.type = 2; // EGA text
	begin(&b);
	add_tag(&b, 8, &picture, 24);
	finish(&b);
	assert_true(read_multiboot2(&b));
	assert_int_equal(boot_info.framebuffer.address, 0);

	picture.type = 1;
	picture.pitch = 100; // less than a row
	begin(&b);
	add_tag(&b, 8, &picture, sizeof(picture));
	finish(&b);
	assert_true(read_multiboot2(&b));
	assert_int_equal(boot_info.framebuffer.address, 0);
}

static void test_too_many_entries(void **state)
{
	struct map_entry map[150];
	struct builder b;

	(void)state;
	// All usable ones first: the reserved ones must not be pushed out by them.
	for (unsigned i = 0; i < 150; i++)
		map[i] = (struct map_entry){i * 0x100000ul, 0x100000, i < 140 ? 1 : 2, 0};
	begin(&b);
	add_map(&b, map, 150);
	for (unsigned i = 0; i < 10; i++)
		add_module(&b, 0x100000 * (i + 1), 0x100000 * (i + 1) + 10, "m");
	finish(&b);
	assert_true(read_multiboot2(&b));
	assert_int_equal(boot_info.module_count, BOOT_MODULES_MAX);
	assert_int_equal(boot_info.modules_dropped, 10 - BOOT_MODULES_MAX);
	assert_true(boot_info.range_count <= BOOT_RANGES_MAX);
	assert_true(boot_info.ranges_dropped > 0);
	size_t reserved = 0;
	for (size_t i = 0; i < boot_info.range_count; i++)
		reserved += boot_info.ranges[i].type == MEMORY_RESERVED;
	assert_int_equal(reserved, 10);
	boot_add_fixed_ranges();
	assert_true(boot_info.range_count <= BOOT_RANGES_MAX);
}

static void test_lies(void **state)
{
	const struct map_entry map[] = {{0xfffffffffffff000, 0x2000, 1, 0}, {0x5000, 0, 1, 0}};
	char text[3000];
	struct builder b;

	(void)state;
	memset(text, 'x', sizeof(text)); // longer than there is room for, and no NUL
	begin(&b);
	add_tag(&b, 1, text, sizeof(text));
	add_tag(&b, 2, "", 0);
	add_map(&b, map, 2);
	add_module(&b, 0x300000, 0x200000, "backwards");
	finish(&b);
	assert_true(read_multiboot2(&b));
	assert_int_equal(strlen(boot_info.command_line), sizeof(boot_info.command_line) - 1);
	assert_string_equal(boot_info.loader, "");
	assert_int_equal(boot_info.range_count, 1);
	assert_true(boot_info.ranges[0].end > boot_info.ranges[0].start);
	assert_int_equal(boot_info.modules_dropped, 1);

	use_block(b.bytes, 4); // not even its own head
	assert_false(multiboot2_read(BASE));
	use_block(b.bytes, 1000); // says it is longer than memory
	assert_false(multiboot2_read(BASE));
	assert_false(multiboot2_read(BASE + 4));
	assert_false(multiboot2_read(0));
}

static void test_random_multiboot2(void **state)
{
	(void)state;
	random_start();
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = 8 + random_below(300);
		uint32_t *words;

		use_block(NULL, size);
		for (size_t i = 0; i < size; i++)
			block[i] = random_below(4) ? random_below(32) : 0;
		words = (uint32_t *)block;
		words[0] = random_below(8) ? size : random_below(400);
		multiboot2_read(BASE);
		assert_true(boot_info.range_count <= BOOT_RANGES_MAX);
		assert_true(boot_info.module_count <= BOOT_MODULES_MAX);
	}
}

// ---- PVH ----

struct pvh {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp, map;
	uint32_t map_count, reserved;
	uint64_t module[4]; // address, size, command line, reserved
	struct map_entry entry[2];
	char text[1024];
};

static struct pvh good_pvh(void)
{
	struct pvh pvh = {
		.magic = 0x336ec578,
		.version = 1,
		.module_count = 1,
		.modules = BASE + offsetof(struct pvh, module),
		.command_line = BASE + offsetof(struct pvh, text),
		.map = BASE + offsetof(struct pvh, entry),
		.map_count = 2,
		.module = {0x7000000, 0x1234, 0, 0},
		.entry = {{0, 0x9fc00, 1, 0}, {0xf0000, 0x10000, 2, 0}},
		.text = "init=/bin/true",
	};

	return pvh;
}

static bool read_pvh(const struct pvh *pvh, size_t size)
{
	use_block(pvh, size);
	return pvh_read(BASE);
}

static void test_pvh(void **state)
{
	struct pvh pvh = good_pvh();

	(void)state;
	assert_true(read_pvh(&pvh, sizeof(pvh)));
	assert_string_equal(boot_info.command_line, "init=/bin/true");
	assert_int_equal(boot_info.module_count, 1);
	assert_int_equal(boot_info.modules[0].end, 0x7001234);
	assert_int_equal(boot_info.range_count, 3);
	assert_int_equal(boot_info.ranges[1].type, MEMORY_RESERVED);
	assert_int_equal(boot_info.ranges[2].end, 0x9fc00);
}

static void test_pvh_lies(void **state)
{
	struct pvh pvh = good_pvh();

	(void)state;
	assert_false(read_pvh(&pvh, 20));
	pvh.module_count = 0xffffffff;
	pvh.map_count = 0xffffffff;
	assert_true(read_pvh(&pvh, sizeof(pvh)));
	assert_int_equal(boot_info.range_count, 0);
	pvh = good_pvh();
	pvh.module[1] = ~0ul; // wraps
	pvh.command_line = ~0ul;
	pvh.map = 0;
	assert_true(read_pvh(&pvh, sizeof(pvh)));
	assert_int_equal(boot_info.module_count, 0);
	assert_int_equal(boot_info.range_count, 0);
	pvh = good_pvh();
	pvh.magic++;
	assert_false(read_pvh(&pvh, sizeof(pvh)));
	pvh = good_pvh();
	pvh.version = 0; // has no memory map
	assert_false(read_pvh(&pvh, sizeof(pvh)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiboot2),        cmocka_unit_test(test_framebuffer),
		cmocka_unit_test(test_too_many_entries),  cmocka_unit_test(test_lies),
		cmocka_unit_test(test_random_multiboot2), cmocka_unit_test(test_pvh),
		cmocka_unit_test(test_pvh_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
