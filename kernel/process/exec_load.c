// SPDX-License-Identifier: MIT
//
// From a file to memory: finding the program, checking it, mapping its segments. Nothing is read
// here but headers; pages of text and data come by page faults.
#include "kernel/file/inode.h"
#include "kernel/process/exec_internal.h"
#include "lib/mutant.h"
#include "mm/frame.h"
#include "mm/mm.h"
#include "mm/object.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/mman.h>

// Where position-independent programs go, as on Linux without address randomisation; interpreters
// go where mmap puts them.
#define PROGRAM_BASE 0x555555554000ul

static int check_file(const struct inode *inode)
{
	if (!inode_is(inode, S_IFREG))
		return -EACCES;
	if (inode_permission(inode, 1))
		return -EACCES;
	return inode->object ? 0 : -ENOEXEC;
}

static int read_exactly(struct object *object, uint64_t offset, void *buffer, uint64_t size)
{
	long count = object_read(object, offset, buffer, size);

	if (count < 0)
		return (int)count;
	return (uint64_t)count == size ? 0 : -ENOEXEC;
}

// Headers behind the first page: unusual, but what e_phoff allows.
static int read_distant_headers(struct program *program, const struct elf_table *table)
{
	struct object *object = program->inode->object;
	void *headers = kmalloc(table->size);
	int error;

	if (!headers)
		return -ENOMEM;
	error = read_exactly(object, table->offset, headers, table->size);
	if (!error)
		error = elf_read_segments(headers, table, object->size, USER_END, &program->image);
	kfree(headers);
	return error;
}

// Reads the headers where they are, in the page cache.
static int read_headers(struct program *program)
{
	struct object *object = program->inode->object;
	uint64_t size = object->size < PAGE_SIZE ? object->size : PAGE_SIZE;
	struct elf_table table;
	struct frame *frame;
	bool cached;
	int error = object_page(object, 0, &frame, &cached);

	if (error)
		return error == -ENXIO ? -ENOEXEC : error;
	error = elf_read_header(frame_to_virt(frame), size, object->size, &table);
	if (!error && table.offset + table.size <= size)
		error = elf_read_segments((char *)frame_to_virt(frame) + table.offset, &table,
					  object->size, USER_END, &program->image);
	else if (!error)
		error = read_distant_headers(program, &table);
	frame_put(frame);
	return error;
}

int program_open_inode(struct program *program, struct inode *inode)
{
	int error = check_file(inode);

	program->inode = inode;
	if (!error)
		error = inode_execute_begin(inode);
	if (error) {
		inode_put(inode);
		return error;
	}
	error = read_headers(program);
	if (error)
		program_close(program);
	return error;
}

int program_open(struct program *program, const char *path)
{
	struct inode *inode;
	int error = path_lookup(path, &inode);

	return error ? error : program_open_inode(program, inode);
}

void program_close(struct program *program)
{
	inode_execute_end(program->inode);
	inode_put(program->inode);
}

int program_interpreter(const struct program *program, char *path)
{
	const struct elf_image *image = &program->image;
	int error = read_exactly(program->inode->object, image->interpreter_offset, path,
				 image->interpreter_size);

	if (error)
		return error;
	return path[image->interpreter_size - 1] ? -ENOEXEC : 0;
}

static int map_fixed(struct mm *mm, uintptr_t start, uintptr_t end, int protection,
		     struct object *object, uint64_t offset)
{
	int flags = MAP_PRIVATE | MAP_FIXED | (object ? 0 : MAP_ANONYMOUS);
	long result;

	if (start >= end)
		return 0;
	result = mm_mmap(mm, start, end - start, protection, flags, object, offset / PAGE_SIZE,
			 true);
	return result < 0 ? (int)result : 0;
}

// Zeros from the end of the file's bytes to the end of their page: there the file goes on with
// something else, and the program expects its .bss. To the end even if the segment ends earlier:
// glibc's dynamic linker takes its first allocations from there and expects zeros. A segment that
// is not writable is made so for that moment.
static int zero_rest_of_page(struct mm *mm, uintptr_t file_end, int protection)
{
	uintptr_t page = PAGE_ALIGN_DOWN(file_end), next = PAGE_ALIGN_UP(file_end);
	int error = 0;

	if (page == file_end || MUTANT(bss_not_zeroed))
		return 0;
	if (!(protection & PROT_WRITE))
		error = mm_mprotect(mm, page, PAGE_SIZE, PROT_READ | PROT_WRITE);
	if (!error && mm_zero_out(mm, file_end, next - file_end) != next - file_end)
		error = -ENOMEM;
	if (!error && !(protection & PROT_WRITE))
		error = mm_mprotect(mm, page, PAGE_SIZE, protection);
	return error;
}

static int map_segment(struct mm *mm, struct object *object, const struct elf_segment *segment,
		       uint64_t bias)
{
	uintptr_t address = segment->address + bias;
	uintptr_t file_end = address + segment->file_size;
	uintptr_t end = address + segment->memory_size;
	uintptr_t start = PAGE_ALIGN_DOWN(address), middle = PAGE_ALIGN_UP(file_end);
	int error;

	if (!segment->file_size)
		middle = start;
	error = map_fixed(mm, start, middle, segment->protection, object,
			  PAGE_ALIGN_DOWN(segment->file_offset));
	if (!error)
		error = map_fixed(mm, middle, PAGE_ALIGN_UP(end), segment->protection, NULL, 0);
	if (!error && segment->file_size && segment->memory_size > segment->file_size)
		error = zero_rest_of_page(mm, file_end, segment->protection);
	return error;
}

// A hole of the image's size, aligned as it wants to be, found by letting mmap look for one.
static int find_place(struct mm *mm, const struct elf_image *image, uint64_t *bias)
{
	uint64_t size = image->high - image->low;
	uint64_t spare = image->alignment - PAGE_SIZE;
	long address = mm_mmap(mm, 0, size + spare, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL,
			       0, true);

	if (address < 0)
		return (int)address;
	*bias = (((uint64_t)address + spare) & ~(image->alignment - 1)) - image->low;
	return mm_munmap(mm, (uintptr_t)address, size + spare);
}

static int choose_bias(struct mm *mm, const struct program *program, bool interpreter,
		       uint64_t *bias)
{
	const struct elf_image *image = &program->image;

	*bias = 0;
	if (!image->position_independent)
		return 0;
	if (interpreter)
		return find_place(mm, image, bias);
	*bias = (PROGRAM_BASE + image->alignment - 1) & ~(image->alignment - 1);
	// The image's own addresses may be anything below USER_END.
	return image->high > USER_END - *bias ? -ENOMEM : 0;
}

int program_map(struct mm *mm, const struct program *program, bool interpreter, uint64_t *bias)
{
	const struct elf_image *image = &program->image;
	int error = choose_bias(mm, program, interpreter, bias);

	for (uint32_t i = 0; i < image->count && !error; i++)
		error = map_segment(mm, program->inode->object, &image->segments[i], *bias);
	return error;
}
