// SPDX-License-Identifier: MIT
//
// The ELF reader against files that are wrong in every field: one change at a time to a good file,
// and then many at random. Whatever is let through must be safe to map, which check_image says
// exactly.
//
// link: kernel/process/elf.c
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/process/elf.h"
#include "tests/unit/random.h"

#define PAGE      4096ul
#define LIMIT     0x7ffffffff000ul
#define FILE_SIZE 0x5000ul
#define HEADERS   7

// The beginning of a file with text, data and bss, an interpreter, and a stack that is not
// executable.
struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[HEADERS];
};

static struct file good_file(void)
{
	struct file file = {
		.header = {.e_type = ET_EXEC,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_entry = 0x401000,
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = HEADERS},
		.segments =
			{
				{PT_PHDR, PF_R, 0x40, 0x400040, 0, 0x188, 0x188, 8},
				{PT_INTERP, PF_R, 0x200, 0x400200, 0, 28, 28, 1},
				{PT_LOAD, PF_R, 0, 0x400000, 0, 0x800, 0x800, 0x1000},
				{PT_LOAD, PF_R | PF_X, 0x1000, 0x401000, 0, 0x1234, 0x1234,
				 0x1000},
				{PT_LOAD, PF_R | PF_W, 0x3010, 0x404010, 0, 0x100, 0x2000, 0x1000},
				{PT_NOTE, PF_R, 0x300, 0x400300, 0, 0x20, 0x20, 4},
				{PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16},
			},
	};

	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	file.header.e_ident[EI_DATA] = ELFDATA2LSB;
	file.header.e_ident[EI_VERSION] = EV_CURRENT;
	return file;
}

// Everything that mapping an image relies on.
static void check_image(const struct elf_image *image, uint64_t file_size)
{
	uint64_t end = 0;

	assert_in_range(image->count, 1, ELF_SEGMENTS_MAX);
	assert_true(image->entry < LIMIT);
	assert_true(image->alignment >= PAGE && !(image->alignment & (image->alignment - 1)));
	assert_int_equal(image->low % PAGE, 0);
	assert_int_equal(image->high % PAGE, 0);
	for (unsigned i = 0; i < image->count; i++) {
		const struct elf_segment *s = &image->segments[i];

		assert_true(s->address >= end && s->memory_size > 0);
		assert_true(s->file_size <= s->memory_size);
		assert_true(s->file_size <= file_size &&
			    s->file_offset <= file_size - s->file_size);
		assert_true(s->memory_size <= LIMIT && s->address <= LIMIT - s->memory_size);
		assert_true(!s->file_size || (s->address - s->file_offset) % PAGE == 0);
		assert_int_equal(s->protection & ~7, 0);
		end = s->address + s->memory_size;
	}
	assert_true(image->low <= image->segments[0].address && image->high >= end);
	assert_true(image->high <= LIMIT);
	if (image->interpreter_size)
		assert_true(image->interpreter_size >= 2 && image->interpreter_size <= 4096 &&
			    image->interpreter_size <= file_size &&
			    image->interpreter_offset <= file_size - image->interpreter_size);
}

// As exec does it. The headers are read from memory of exactly their size, so that reading past
// them is seen by the sanitizer.
static int read_sized(const struct file *file, size_t size, uint64_t file_size,
		      struct elf_image *image)
{
	struct elf_table table;
	void *copy = malloc(size ? size : 1);
	int error;

	memcpy(copy, file, size);
	error = elf_read_header(copy, size, file_size, &table);
	if (!error && table.offset <= size && table.size <= size - table.offset)
		error = elf_read_segments((char *)copy + table.offset, &table, file_size, LIMIT,
					  image);
	else if (!error)
		error = 1; // headers elsewhere: fine, and not ours to look at here
	free(copy);
	if (!error)
		check_image(image, file_size);
	return error;
}

static int read_file(const struct file *file, struct elf_image *image)
{
	return read_sized(file, sizeof(*file), FILE_SIZE, image);
}

static void a_good_file_is_read(void **state)
{
	struct file file = good_file();
	struct elf_image image;

	(void)state;
	assert_int_equal(read_file(&file, &image), 0);
	assert_int_equal(image.count, 3);
	assert_false(image.position_independent);
	assert_false(image.executable_stack);
	assert_int_equal(image.entry, 0x401000);
	assert_int_equal(image.low, 0x400000);
	assert_int_equal(image.high, 0x407000);
	assert_int_equal(image.headers_address, 0x400040);
	assert_int_equal(image.header_count, HEADERS);
	assert_int_equal(image.interpreter_offset, 0x200);
	assert_int_equal(image.interpreter_size, 28);
	assert_int_equal(image.segments[1].protection, 5);
	assert_int_equal(image.segments[2].memory_size, 0x2000);
	assert_int_equal(image.segments[2].file_size, 0x100);
}

// One field at a time: offset and width in struct file, and a value that must be refused.
static const struct change {
	const char *what;
	size_t offset, size;
	uint64_t value;
} bad_changes[] = {
#define HEADER(field) offsetof(struct file, header.field), sizeof(((Elf64_Ehdr *)0)->field)
#define SEGMENT(n, field) \
	offsetof(struct file, segments[n].field), sizeof(((Elf64_Phdr *)0)->field)
	{"no ELF", HEADER(e_ident[0]), 0},
	{"32 bits", HEADER(e_ident[EI_CLASS]), ELFCLASS32},
	{"big endian", HEADER(e_ident[EI_DATA]), ELFDATA2MSB},
	{"relocatable", HEADER(e_type), ET_REL},
	{"core file", HEADER(e_type), ET_CORE},
	{"another processor", HEADER(e_machine), EM_AARCH64},
	{"no headers", HEADER(e_phnum), 0},
	{"too many headers", HEADER(e_phnum), 0xffff},
	{"headers of another size", HEADER(e_phentsize), 32},
	{"headers past the end", HEADER(e_phoff), FILE_SIZE - 10},
	{"headers that wrap", HEADER(e_phoff), UINT64_MAX - 10},
	{"entry in the kernel", HEADER(e_entry), 0xffffffff80000000},
	{"entry beyond ring 3", HEADER(e_entry), LIMIT},
	{"file part larger than memory's", SEGMENT(3, p_filesz), 0x1235},
	{"memory part that wraps", SEGMENT(4, p_memsz), UINT64_MAX - 0x1000},
	{"memory part that reaches the kernel", SEGMENT(4, p_memsz), LIMIT},
	{"offset past the end", SEGMENT(3, p_offset), 0x6000},
	{"offset that wraps", SEGMENT(3, p_offset), UINT64_MAX - 0xfff},
	{"address in the kernel", SEGMENT(4, p_vaddr), 0xffffffff80000010},
	{"address at the limit", SEGMENT(4, p_vaddr), LIMIT - 0xff0},
	{"address that is not congruent", SEGMENT(3, p_vaddr), 0x401010},
	{"segments out of order", SEGMENT(4, p_vaddr), 0x3ff010},
	{"segments that overlap", SEGMENT(4, p_vaddr), 0x402010},
	{"interpreter without a name", SEGMENT(1, p_filesz), 1},
	{"interpreter's name too long", SEGMENT(1, p_filesz), 4097},
	{"interpreter past the end", SEGMENT(1, p_offset), FILE_SIZE - 5},
};

static void apply(struct file *file, const struct change *change)
{
	memcpy((char *)file + change->offset, &change->value, change->size);
}

static void each_bad_field_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_changes) / sizeof(bad_changes[0]); i++) {
		struct file file = good_file();
		struct elf_image image;

		apply(&file, &bad_changes[i]);
		if (read_file(&file, &image) != -ENOEXEC)
			fail_msg("accepted: %s", bad_changes[i].what);
	}
}

static void short_files_are_refused(void **state)
{
	struct file file = good_file();
	struct elf_image image;

	(void)state;
	for (size_t size = 0; size < sizeof(file); size++)
		assert_int_equal(read_sized(&file, size, size, &image), -ENOEXEC);
}

static void a_file_without_segments_is_refused(void **state)
{
	struct file file = good_file();
	struct elf_image image;

	(void)state;
	for (int i = 0; i < HEADERS; i++)
		file.segments[i].p_type = PT_NOTE;
	assert_int_equal(read_file(&file, &image), -ENOEXEC);
}

static void odd_wishes_are_harmless(void **state)
{
	struct file file = good_file();
	struct elf_image image;

	(void)state;
	file.header.e_type = ET_DYN;
	file.segments[2].p_align = 3;
	file.segments[3].p_align = 1ul << 63;
	file.segments[4].p_align = 0x200000;
	file.segments[6].p_flags = PF_R | PF_W | PF_X;
	file.segments[0].p_type = PT_INTERP; // the first of two counts
	assert_int_equal(read_file(&file, &image), 0);
	assert_int_equal(image.alignment, 0x200000);
	assert_true(image.position_independent);
	assert_true(image.executable_stack);
	assert_int_equal(image.interpreter_offset, 0x40);
}

static uint64_t interesting(void)
{
	static const uint64_t values[] = {0,         1,
					  7,         0xfff,
					  0x1000,    0x1001,
					  0x400000,  0x401000,
					  FILE_SIZE, LIMIT - 0x1000,
					  LIMIT,     1ul << 47,
					  1ul << 63, UINT64_MAX - 0xfff,
					  UINT64_MAX};
	uint64_t random = random_next();

	return random % 3 ? values[random / 3 % (sizeof(values) / sizeof(values[0]))]
			  : random_next() >> (random / 3 % 64);
}

static void random_files_are_safe(void **state)
{
	unsigned accepted = 0;

	(void)state;
	random_start();
	for (int round = 0; round < 200000; round++) {
		struct file file = good_file();
		struct elf_image image;
		unsigned changes = 1 + random_next() % 3;

		while (changes--) {
			size_t offset = random_next() % (sizeof(file) - 8);
			uint64_t value = interesting();
			static const size_t sizes[] = {1, 2, 4, 8};
			size_t size = sizes[random_next() % 4];

			memcpy((char *)&file + offset / size * size, &value, size);
		}
		accepted += !read_file(&file, &image);
	}
	// A reader that refuses everything would be safe as well.
	assert_in_range(accepted, 1000, 199000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_read),
		cmocka_unit_test(each_bad_field_is_refused),
		cmocka_unit_test(short_files_are_refused),
		cmocka_unit_test(a_file_without_segments_is_refused),
		cmocka_unit_test(odd_wishes_are_harmless),
		cmocka_unit_test(random_files_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
