// SPDX-License-Identifier: MIT
//
// ELF64 for x86-64 (System V ABI, chapters 4 and 5): ET_EXEC and ET_DYN, with or without an
// interpreter.
//
// The files come from anybody. Each field is looked at once, sums are checked before they are
// made, and everything unusual is -ENOEXEC: segments out of order, overlapping, wrapping, beyond
// the file's end or past `limit`. Linux accepts some of these files; no linker makes them.
#include "kernel/process/elf.h"

#include "lib/string.h"
#include <linux/elf-em.h>
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/mman.h>

#define PAGE          4096ul
#define TABLE_MAX     65536       // Linux's limit of all program headers together, bytes
#define ALIGNMENT_MAX (1ul << 30) // larger wishes are ignored
#define PATH_SIZE_MAX 4096        // of the interpreter, with its NUL

static bool within(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}

static bool is_our_kind(const Elf64_Ehdr *header)
{
	return !memcmp(header->e_ident, ELFMAG, SELFMAG) &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 &&
	       header->e_ident[EI_DATA] == ELFDATA2LSB && header->e_machine == EM_X86_64 &&
	       (header->e_type == ET_EXEC || header->e_type == ET_DYN);
}

int elf_read_header(const void *file, size_t size, uint64_t file_size, struct elf_table *table)
{
	Elf64_Ehdr header;

	if (size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, file, sizeof(header));
	if (!is_our_kind(&header))
		return -ENOEXEC;
	if (header.e_phentsize != sizeof(Elf64_Phdr) || !header.e_phnum)
		return -ENOEXEC;
	table->type = header.e_type;
	table->entry = header.e_entry;
	table->count = header.e_phnum;
	table->offset = header.e_phoff;
	table->size = (uint64_t)header.e_phnum * sizeof(Elf64_Phdr);
	if (table->size > TABLE_MAX || !within(table->offset, table->size, file_size))
		return -ENOEXEC;
	return 0;
}

static int protection_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static bool is_sound(const Elf64_Phdr *header, uint64_t file_size, uint64_t limit)
{
	if (header->p_filesz > header->p_memsz)
		return false;
	if (!within(header->p_offset, header->p_filesz, file_size))
		return false;
	if (!within(header->p_vaddr, header->p_memsz, limit - PAGE))
		return false;
	return (header->p_vaddr - header->p_offset) % PAGE == 0 || !header->p_filesz;
}

// A wish that is none, or too large to grant, is not held against the file.
static void widen_alignment(struct elf_image *image, uint64_t alignment)
{
	bool power_of_two = alignment && !(alignment & (alignment - 1));

	if (power_of_two && alignment > image->alignment && alignment <= ALIGNMENT_MAX)
		image->alignment = alignment;
}

static int add_segment(struct elf_image *image, const Elf64_Phdr *header, uint64_t file_size,
		       uint64_t limit)
{
	struct elf_segment *segment = &image->segments[image->count];
	const struct elf_segment *last = segment - 1;

	if (!header->p_memsz)
		return 0;
	if (image->count == ELF_SEGMENTS_MAX || !is_sound(header, file_size, limit))
		return -ENOEXEC;
	if (image->count && header->p_vaddr < last->address + last->memory_size)
		return -ENOEXEC;
	*segment = (struct elf_segment){
		.address = header->p_vaddr,
		.file_offset = header->p_offset,
		.file_size = header->p_filesz,
		.memory_size = header->p_memsz,
		.protection = protection_of(header->p_flags),
	};
	if (!image->count++)
		image->low = header->p_vaddr & ~(PAGE - 1);
	image->high = (header->p_vaddr + header->p_memsz + PAGE - 1) & ~(PAGE - 1);
	widen_alignment(image, header->p_align);
	return 0;
}

static int set_interpreter(struct elf_image *image, const Elf64_Phdr *header, uint64_t file_size)
{
	if (image->interpreter_size)
		return 0; // the first one counts
	if (header->p_filesz < 2 || header->p_filesz > PATH_SIZE_MAX ||
	    !within(header->p_offset, header->p_filesz, file_size))
		return -ENOEXEC;
	image->interpreter_offset = header->p_offset;
	image->interpreter_size = header->p_filesz;
	return 0;
}

// A program finds its own headers through AT_PHDR; some segment holds them, as a rule.
static uint64_t address_of_headers(const struct elf_image *image, const struct elf_table *table)
{
	for (uint32_t i = 0; i < image->count; i++) {
		const struct elf_segment *segment = &image->segments[i];

		if (table->offset >= segment->file_offset &&
		    within(table->offset - segment->file_offset, table->size, segment->file_size))
			return segment->address + (table->offset - segment->file_offset);
	}
	return 0;
}

int elf_read_segments(const void *headers, const struct elf_table *table, uint64_t file_size,
		      uint64_t limit, struct elf_image *image)
{
	int error = 0;

	*image = (struct elf_image){
		.position_independent = table->type == ET_DYN,
		.entry = table->entry,
		.alignment = PAGE,
		.header_count = table->count,
	};
	for (uint32_t i = 0; i < table->count && !error; i++) {
		Elf64_Phdr header;

		memcpy(&header, (const char *)headers + i * sizeof(header), sizeof(header));
		if (header.p_type == PT_LOAD)
			error = add_segment(image, &header, file_size, limit);
		else if (header.p_type == PT_INTERP)
			error = set_interpreter(image, &header, file_size);
		else if (header.p_type == PT_GNU_STACK)
			image->executable_stack = header.p_flags & PF_X;
	}
	if (error || !image->count || image->entry >= limit)
		return -ENOEXEC;
	image->headers_address = address_of_headers(image, table);
	return 0;
}
