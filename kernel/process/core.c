// SPDX-License-Identifier: MIT
//
// Core files, as Linux writes them: an ELF file with the registers of the
// thread that got the signal, the auxiliary vector, and a segment for every VMA. Pages of the
// process's own are in it, those of files and those that never were touched are not: the file has
// holes there. The process is alone by then, but somebody may share its memory (vfork): what is
// read twice may differ, and only the file is wrong then.
//
// Left out: the other threads' registers, the FPU's, names; pages that the program could not read;
// the first page of mapped ELF files; in core_pattern programs to pipe it to, %E and %C.
//
// Locks: core_pattern under process_lock; core_filter is a word that anybody may write.
#include "kernel/process/core.h"

#include "kernel/file/file.h"
#include "kernel/file/inode.h"
#include "kernel/file/io.h"
#include "kernel/file/place.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/lifetime.h"
#include "kernel/system_name.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/object.h"
#include "mm/slab.h"
#include <asm/signal.h>
#include <linux/elf-em.h>
#include <linux/elf.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#define AUXILIARY_MOST 512 // bytes; exec makes less
#define NAME_BYTES     8   // "CORE", padded

#define BIT(signal) (1ul << ((signal)-1))
static const uint64_t core_signals = BIT(SIGQUIT) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGABRT) |
				     BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGSEGV) | BIT(SIGXCPU) |
				     BIT(SIGXFSZ) | BIT(SIGSYS);

// Linux's struct elf_prstatus, which no header for programs has.
struct status {
	int signal, code, error;
	short current;
	uint64_t pending, blocked;
	int pid, parent, group, session;
	uint64_t times[8];
	struct registers registers;
	uint64_t fs_base, gs_base, ds, es, fs, gs;
	uint32_t fpu_valid;
};
_Static_assert(sizeof(struct status) == 336, "as <sys/procfs.h> has it");

struct note {
	Elf64_Nhdr header;
	char name[NAME_BYTES];
};

struct core {
	struct file *file;
	struct mm *mm;
	unsigned filter;
	uint64_t left; // bytes that may still be written
	char *page;    // room for one
};

struct segment {
	uintptr_t start, end;
	uint32_t flags; // VMA_*
	bool whole;     // its pages are in the file
	bool touched;   // it may have any
};

bool core_wanted(const struct process *process, int signal)
{
	return core_signals & signal_bit(signal) && process->dumpable &&
	       process_limit_locked(process, RLIMIT_CORE) >= PAGE_SIZE;
}

static bool emit(struct core *core, const void *from, size_t size, uint64_t offset)
{
	struct io io;

	if (size > core->left || signal_fatal_pending())
		return false;
	core->left -= size;
	io_kernel(&io, (void *)from, size);
	while (io.left) {
		if (file_write(core->file, &io, &offset) <= 0)
			return false;
	}
	return true;
}

static bool is_whole(const struct vma *vma, unsigned filter)
{
	const struct inode *inode = vma->object ? object_inode(vma->object) : NULL;

	if (vma->flags & (VMA_NO_DUMP | VMA_DEVICE))
		return false;
	if (vma->flags & VMA_SHARED)
		return filter & (inode && inode->links ? CORE_SHARED_FILE : CORE_SHARED_ANONYMOUS);
	if (!vma->object || vma->anon)
		return filter & CORE_ANONYMOUS || (vma->object && filter & CORE_FILE);
	return filter & CORE_FILE;
}

static bool next_segment(struct core *core, uintptr_t address, struct segment *segment)
{
	struct mm *mm = core->mm;
	const struct vma *vma;

	spin_lock(&mm->lock);
	vma = mm_find_vma(mm, address);
	if (vma)
		*segment = (struct segment){.start = vma->start,
					    .end = vma->end,
					    .flags = vma->flags,
					    .whole = is_whole(vma, core->filter),
					    .touched = vma->touched || vma->object};
	spin_unlock(&mm->lock);
	return vma != NULL;
}

static uint64_t file_size(const struct segment *segment)
{
	return segment->whole ? segment->end - segment->start : 0;
}

static uint16_t count_segments(struct core *core)
{
	struct segment segment = {0};
	uint16_t count = 0;

	while (count < PN_XNUM - 2 && next_segment(core, segment.end, &segment))
		count++;
	return count;
}

static bool emit_header(struct core *core, uint16_t segments)
{
	const Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = segments + 1,
	};

	return emit(core, &header, sizeof(header), 0);
}

static bool emit_segments(struct core *core, uint16_t count, uint64_t contents)
{
	uint64_t at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	struct segment segment = {0};

	for (; count && next_segment(core, segment.end, &segment); count--) {
		const Elf64_Phdr header = {
			.p_type = PT_LOAD,
			.p_flags = (segment.flags & VMA_READ ? PF_R : 0) |
				   (segment.flags & VMA_WRITE ? PF_W : 0) |
				   (segment.flags & VMA_EXEC ? PF_X : 0),
			.p_offset = contents,
			.p_vaddr = segment.start,
			.p_filesz = file_size(&segment),
			.p_memsz = segment.end - segment.start,
			.p_align = PAGE_SIZE,
		};

		if (!emit(core, &header, sizeof(header), at))
			return false;
		at += sizeof(header);
		contents += header.p_filesz;
	}
	return true;
}

// The file offset behind it, or 0.
static uint64_t emit_note(struct core *core, uint64_t at, uint32_t type, const void *from,
			  uint32_t size)
{
	const struct note note = {.header = {.n_namesz = 5, .n_descsz = size, .n_type = type},
				  .name = "CORE"};

	if (!emit(core, &note, sizeof(note), at) || !emit(core, from, size, at + sizeof(note)))
		return 0;
	return at + sizeof(note) + size;
}

static uint64_t emit_status(struct core *core, uint64_t at, const struct registers *registers,
			    int signal)
{
	const struct task *task = current_task();
	const struct process *process = task->process;
	const struct status status = {
		.signal = signal,
		.current = (short)signal,
		.pending = task->pending,
		.blocked = task->blocked,
		.pid = task->tid,
		.parent = process_parent_pid(process),
		.group = process->group,
		.session = process->session,
		.registers = *registers,
		.fs_base = task->fs_base,
		.gs_base = task->gs_base,
	};

	return emit_note(core, at, NT_PRSTATUS, &status, sizeof(status));
}

// Both notes and their program header, which is the first.
static bool emit_notes(struct core *core, uint64_t at, const struct registers *registers,
		       int signal, uint64_t *end)
{
	const struct mm_layout *layout = core->mm->layout;
	size_t size = layout ? layout->auxiliary_end - layout->auxiliary_start : 0;
	Elf64_Phdr header = {.p_type = PT_NOTE, .p_offset = at, .p_align = 4};
	char vector[AUXILIARY_MOST];

	*end = emit_status(core, at, registers, signal);
	if (*end && size && size <= sizeof(vector) &&
	    mm_copy_in(core->mm, vector, layout->auxiliary_start, size) == size)
		*end = emit_note(core, *end, NT_AUXV, vector, (uint32_t)size);
	if (!*end)
		return false;
	header.p_filesz = *end - at;
	return emit(core, &header, sizeof(header), sizeof(Elf64_Ehdr));
}

static bool emit_page(struct core *core, uintptr_t address, uint64_t offset)
{
	if (mm_copy_in(core->mm, core->page, address, PAGE_SIZE) < PAGE_SIZE)
		return true; // a hole
	return emit(core, core->page, PAGE_SIZE, offset);
}

static bool emit_contents(struct core *core, const struct segment *segment, uint64_t offset)
{
	uintptr_t address = segment->start;
	unsigned char resident[256];

	while (address < segment->end && segment->touched) {
		size_t pages = (segment->end - address) >> PAGE_SHIFT;

		pages = mm_mincore(core->mm, address,
				   pages < sizeof(resident) ? pages : sizeof(resident), resident);
		if (!pages || signal_fatal_pending())
			return false;
		for (size_t i = 0; i < pages; i++, address += PAGE_SIZE) {
			if (resident[i] &&
			    !emit_page(core, address, offset + (address - segment->start)))
				return false;
		}
	}
	return true;
}

static void write_core(struct core *core, const struct registers *registers, int signal)
{
	uint16_t count = count_segments(core);
	uint64_t notes = sizeof(Elf64_Ehdr) + (count + 1ul) * sizeof(Elf64_Phdr), offset;
	const struct inode *inode = core->file->inode;
	struct segment segment = {0};

	if (!emit_header(core, count) || !emit_notes(core, notes, registers, signal, &offset))
		return;
	offset = PAGE_ALIGN_UP(offset);
	if (!emit_segments(core, count, offset))
		return;
	for (; count && next_segment(core, segment.end, &segment); count--) {
		if (segment.whole && !emit_contents(core, &segment, offset))
			return;
		offset += file_size(&segment);
	}
	// The last segment may end in a hole.
	if (inode_size(inode) < offset)
		(void)inode->ops->resize(core->file->inode, offset);
}

static char core_pattern[CORE_PATTERN_SIZE] = "core";

void core_pattern_get(char pattern[CORE_PATTERN_SIZE])
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	memcpy(pattern, core_pattern, CORE_PATTERN_SIZE);
	spin_unlock_irqrestore(&process_lock, flags);
}

void core_pattern_set(const char *pattern, size_t length)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	if (length >= CORE_PATTERN_SIZE)
		length = CORE_PATTERN_SIZE - 1;
	memcpy(core_pattern, pattern, length);
	core_pattern[length] = '\0';
	spin_unlock_irqrestore(&process_lock, flags);
}

// What % and this letter stand for; nothing for letters that are not known.
static int expand(char *to, size_t room, char letter, int signal)
{
	const struct task *task = current_task();
	const struct process *process = task->process;

	switch (letter) {
	case '%':
		return snprintf(to, room, "%%");
	case 'p':
	case 'P':
		return snprintf(to, room, "%d", process->pid);
	case 'i':
	case 'I':
		return snprintf(to, room, "%d", task->tid);
	case 'u':
		return snprintf(to, room, "%u", current_credentials()->users.real);
	case 'g':
		return snprintf(to, room, "%u", current_credentials()->groups.real);
	case 'd':
		return snprintf(to, room, "%d", process->dumpable);
	case 's':
		return snprintf(to, room, "%d", signal);
	case 't':
		return snprintf(to, room, "%lu", clock_realtime() / 1000000000);
	case 'h':
		return snprintf(to, room, "%s", SYSTEM_NODE);
	case 'c':
		return snprintf(
			to, room, "%lu",
			(unsigned long)process_limit(current_process(), RLIMIT_CORE).rlim_cur);
	case 'e':
		return snprintf(to, room, "%s", task->name);
	default:
		*to = '\0';
		return 0;
	}
}

// Whether it fitted.
static bool make_name(char *name, size_t room, int signal)
{
	char pattern[CORE_PATTERN_SIZE], *from = pattern;
	size_t length = 0;

	core_pattern_get(pattern);
	if (*from == '|')
		return false;
	for (; *from && length + 1 < room; from++) {
		if (*from != '%')
			name[length++] = *from;
		else if (*++from)
			length += (size_t)expand(name + length, room - length, *from, signal);
		else
			break;
	}
	if (length >= room || (*from && *from != '%'))
		return false;
	name[length] = '\0';
	return true;
}

// Nobody else's file is written to, and nothing but a file.
static struct file *open_core(int signal)
{
	struct inode *directory;
	struct file *file;
	char name[256];
	int error;

	if (!make_name(name, sizeof(name), signal))
		return NULL;
	directory = current_directory();
	error = file_open(directory, name, O_CREAT | O_RDWR | O_NOFOLLOW | O_LARGEFILE, 0600,
			  &file);

	inode_put(directory);
	if (error)
		return NULL;
	if (file->inode && inode_is(file->inode, S_IFREG) && file->inode->links == 1 &&
	    file->inode->uid == current_credentials()->users.files && file->inode->ops->resize &&
	    !file->inode->ops->resize(file->inode, 0))
		return file;
	file_put(file);
	return NULL;
}

bool core_dump(const struct registers *registers, int signal)
{
	struct core core = {
		.mm = current_task()->mm,
		.filter = current_process()->core_filter,
		.left = process_limit(current_process(), RLIMIT_CORE).rlim_cur,
	};

	if (process_end_other_threads())
		return false;
	core.page = kmalloc(PAGE_SIZE);
	core.file = core.page ? open_core(signal) : NULL;
	if (core.file) {
		write_core(&core, registers, signal);
		file_put(core.file);
	}
	kfree(core.page);
	return core.file != NULL;
}
