// SPDX-License-Identifier: MIT
//
// /proc/PID/maps, and the division of an address space that stat, statm and status tell of.
#include "kernel/file/inode.h"
#include "kernel/file/proc_internal.h"
#include "kernel/process/process.h"
#include "mm/object.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/limits.h>

#define NAME_COLUMN 73
#define PIECE       8192 // bytes of text made at a time, or a little more

void space_count(struct mm *mm, struct space_use *use)
{
	const struct mm_layout *layout = mm->layout;

	*use = (struct space_use){0};
	spin_lock(&mm->lock);
	use->data = mm->data;
	use->stack = mm->stack;
	use->code = mm->code;
	use->text = (PAGE_ALIGN_UP(layout->code_end) - PAGE_ALIGN_DOWN(layout->code_start)) >>
		    PAGE_SHIFT;
	if (use->text > use->code)
		use->text = use->code;
	use->size = mm->mapped;
	use->peak_size = mm->peak_mapped > mm->mapped ? mm->peak_mapped : mm->mapped;
	use->anon = mm->anon_resident;
	use->file = mm->file_resident;
	use->locked = mm->locked;
	use->tables = mm->tables;
	use->resident = use->anon + use->file;
	use->peak = mm->peak_resident > use->resident ? mm->peak_resident : use->resident;
	spin_unlock(&mm->lock);
}

bool map_line_next(struct mm *mm, uintptr_t address, struct map_line *line)
{
	struct vma *vma;

	spin_lock(&mm->lock);
	vma = mm_find_vma(mm, address);
	if (vma) {
		line->start = vma->start;
		line->end = vma->end;
		line->flags = vma->flags;
		line->offset = vma->object ? vma->page_offset << PAGE_SHIFT : 0;
		line->object = vma->object ? object_get(vma->object) : NULL;
		line->heap = vma->start < mm->brk && vma->end > mm->brk_start;
		line->stack = (vma->flags & VMA_GROWS_DOWN) && vma->start <= mm->stack_top &&
			      mm->stack_top <= vma->end;
	}
	spin_unlock(&mm->lock);
	return vma != NULL;
}

static const char *line_name(const struct map_line *line, const struct inode *inode, char *path)
{
	if (inode)
		return inode_path(inode, path, PATH_MAX) < 0 ? "" : path;
	if (line->object)
		return "/dev/zero (deleted)";
	if (line->heap)
		return "[heap]";
	return line->stack ? "[stack]" : "";
}

void map_line_print(const struct map_line *line, struct text *text, char *path)
{
	const struct inode *inode = object_inode(line->object);
	const char *name = line_name(line, inode, path);
	size_t start = text->length;
	unsigned shared = line->object != NULL; // not a file that anybody could name

	text_print(text, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", line->start, line->end,
		   line->flags & VMA_READ ? 'r' : '-', line->flags & VMA_WRITE ? 'w' : '-',
		   line->flags & VMA_EXEC ? 'x' : '-', line->flags & VMA_SHARED ? 's' : 'p',
		   line->offset, inode ? inode->device >> 8 & 0xfff : 0,
		   inode ? inode->device & 0xff : shared, inode ? inode->number : shared);
	if (*name) {
		text_pad(text, start + NAME_COLUMN);
		for (; *name; name++)
			text_append(text, name, 1);
	}
	text_append(text, "\n", 1);
}

// Piece by piece, as a process may have tens of thousands of VMAs: the cursor is the address at
// which the next piece goes on.
int map_lines_show(struct pseudo_open *open, struct text *text, map_line_show show)
{
	struct mm *mm = process_mm(open->process);
	struct map_line line = {0};
	char *path;

	if (!mm)
		return 0;
	path = kmalloc(PATH_MAX);
	line.end = open->cursor;
	while (path && !text->failed && !open->more && map_line_next(mm, line.end, &line)) {
		show(mm, &line, text, path);
		if (line.object)
			object_put(line.object);
		open->more = text->length >= PIECE;
	}
	open->cursor = line.end;
	mm_put(mm);
	kfree(path);
	return path ? 0 : -ENOMEM;
}

static void show_line(struct mm *mm, const struct map_line *line, struct text *text, char *path)
{
	(void)mm;
	map_line_print(line, text, path);
}

int proc_show_maps(struct pseudo_open *open, struct text *text)
{
	return map_lines_show(open, text, show_line);
}
