// SPDX-License-Identifier: MIT
//
// Reading ELF programs. Pure functions over buffers: they need nothing of the kernel, allocate
// nothing and believe nothing; what they let through is safe to map.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 16 // a linker makes four or five

// A part of the file that is to be in memory. Segments ascend and do not overlap.
struct elf_segment {
	uint64_t address;     // of the first byte, before the bias is added
	uint64_t file_offset; // congruent to `address` modulo the page size
	uint64_t file_size;   // bytes from the file; within it
	uint64_t memory_size; // bytes in memory, at least file_size; the rest is zeros
	int protection;       // PROT_*
};

struct elf_image {
	bool position_independent; // may be moved by a bias
	bool executable_stack;
	uint64_t entry;
	uint64_t low, high;          // all segments lie in [low, high), page aligned
	uint64_t alignment;          // of the bias; a power of two, at least a page
	uint64_t headers_address;    // where the program headers are in memory; 0: nowhere
	uint64_t interpreter_offset; // in the file: the path PT_INTERP names, with its NUL
	uint64_t interpreter_size;   // 0: none
	uint32_t header_count;       // program headers
	uint32_t count;              // segments
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};

// Where the program headers are in the file.
struct elf_table {
	uint64_t offset, size; // bytes; within the file
	uint32_t count;
	uint16_t type; // ET_EXEC or ET_DYN
	uint64_t entry;
};

// Reads the file header from the first `size` bytes of a file of `file_size`. 0 or -ENOEXEC.
int elf_read_header(const void *file, size_t size, uint64_t file_size, struct elf_table *table);

// Reads the program headers, table->size bytes at `headers`. Nothing of `image` is left
// undefined but segments from `count` on. `limit`: addresses are below it. 0 or -ENOEXEC.
int elf_read_segments(const void *headers, const struct elf_table *table, uint64_t file_size,
		      uint64_t limit, struct elf_image *image);
