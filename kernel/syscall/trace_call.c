// SPDX-License-Identifier: MIT
//
// The trace's records of system calls, and of what the family of mmap was asked and answered. They
// are made from the registers when a call is over, so that the calls themselves know nothing of
// it: see trace_call.h.
#include "kernel/syscall/trace_call.h"
#include "kernel/file/files.h"
#include "kernel/file/inode.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/registers.h"
#include "kernel/process/task.h"
#include "mm/mm.h"
#include "mm/trace.h"
#include <asm/unistd_64.h>
#include <linux/mman.h>

#define TRACED_PATH 256 // longer ones stay without a name

void trace_call_begin(struct traced_call *call, const struct registers *r)
{
	const struct mm *mm = current_task()->mm;

	call->number = r->orig_rax;
	call->brk = mm ? mm->brk : 0;
	trace_write6(TRACE_SYSCALL, call->number, r->rdi, r->rsi, r->rdx, r->r10, r->r8);
	call->began = tsc_read();
}

// Whose pages they are, for those who read the trace.
static void trace_mapping(const struct registers *r, long address)
{
	struct file *file;
	char path[TRACED_PATH];
	long length = 0;

	if (address < 0 || (r->r10 & MAP_ANONYMOUS))
		return;
	file = files_lookup(current_task()->files, (int)r->r8);
	if (!file)
		return;
	if (file->inode)
		length = inode_path(file->inode, path, sizeof(path));
	if (length > 0)
		trace_name(TRACE_NAME_MAPPING, (uint64_t)address, path, (size_t)length);
	file_put(file);
}

// The family of mmap.
static void trace_memory_call(const struct traced_call *call, const struct registers *r,
			      uint64_t result)
{
	uint64_t pages = trace_pages(current_task()->mm);

	switch (call->number) {
	case __NR_brk:
		trace_write6(TRACE_BRK, r->rdi, call->brk, result, 0, 0, pages);
		break;
	case __NR_mmap:
		trace_write6(TRACE_MMAP, result, r->rsi, r->rdx, r->r10, r->r9 / PAGE_SIZE, pages);
		trace_mapping(r, (long)result);
		break;
	case __NR_munmap:
		trace_write6(TRACE_MUNMAP, r->rdi, r->rsi, result, 0, 0, pages);
		break;
	case __NR_mprotect:
	case __NR_pkey_mprotect:
		trace_write6(TRACE_MPROTECT, r->rdi, r->rsi, r->rdx, result, 0, pages);
		break;
	case __NR_mremap:
		trace_write6(TRACE_MREMAP, r->rdi, r->rsi, r->rdx, result, r->r10, pages);
		break;
	case __NR_madvise:
		trace_write6(TRACE_MADVISE, r->rdi, r->rsi, r->rdx, result, 0, pages);
		break;
	}
}

void trace_call_end(const struct traced_call *call, const struct registers *r, long result)
{
	uint64_t cost = tsc_read() - call->began;

	trace_memory_call(call, r, (uint64_t)result);
	trace_write(TRACE_SYSCALL_END, call->number, (uint64_t)result, cost, 0);
}
