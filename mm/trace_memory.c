// SPDX-License-Identifier: MIT
//
// Records of the trace that say more than one line of numbers: VMAs, and page faults with what was
// there before them and the calls that led to them.

#include "mm/trace.h"
#include "mm/fault_internal.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include "mm/trace_memory.h"
#include "mm/vma_tree.h"

static enum trace_vma_kind vma_kind(const struct mm *mm, const struct vma *vma)
{
	if (vma->object)
		return vma->flags & VMA_SHARED ? TRACE_VMA_FILE_SHARED : TRACE_VMA_FILE_PRIVATE;
	if (vma->flags & VMA_GROWS_DOWN)
		return TRACE_VMA_STACK;
	if (vma->start < PAGE_ALIGN_UP(mm->brk) && vma->end > mm->brk_start)
		return TRACE_VMA_HEAP;
	return TRACE_VMA_ANON;
}

static void trace_vma_write(const struct vma *vma, enum trace_vma_change change)
{
	trace_write6(TRACE_VMA, vma->start, vma->end, vma->flags, change, vma_kind(vma->mm, vma),
		     vma->page_offset);
}

// Looked for in the tree, so that those who make and free tables need not keep it for the trace.
static unsigned table_level(const struct frame *table)
{
	const struct mm *mm = table->owner;
	const pte_t *entries = phys_to_virt(mm->root);
	unsigned level = 4;

	for (; level > 2; level--) {
		pte_t entry = entries[level_index(table->index, level)];

		if (!entry || entry_frame(entry) == table)
			break;
		entries = entry_table(entry);
	}
	return level - 1;
}

void trace_site(enum trace_event event, const void *subject, enum trace_vma_change change)
{
	const struct frame *frame = subject;
	uint64_t number;

	if (event == TRACE_VMA) {
		trace_vma_write(subject, change);
		return;
	}
	number = (uint64_t)(frame - frame_table);
	if (event == TRACE_TABLE_ALLOC || event == TRACE_TABLE_FREE)
		trace_write(event, frame->index, table_level(frame), number, 0);
	else
		trace_write(event, number, frame->order, frame->kind, 0);
}

uint64_t trace_pages(const struct mm *mm)
{
	uint64_t resident = mm->anon_resident + mm->file_resident;

	return (uint32_t)resident | mm->mapped << 32;
}

// ---- faults ----
static pte_t entry_of(struct mm *mm, uintptr_t address)
{
	pte_t *slot = address < USER_END ? page_slot_find(mm, address) : NULL;

	return slot ? *slot : 0;
}

// The entry of the page, which the fault may change.
static pte_t trace_fault_begin(struct mm *mm, uintptr_t address)
{
	struct vma *vma;
	pte_t entry;

	spin_lock(&mm->lock);
	entry = entry_of(mm, address);
	vma = address < USER_END ? vma_find(mm, address) : NULL;
	if (vma && (vma->start <= address || (vma->flags & VMA_GROWS_DOWN)))
		trace_write6(TRACE_FAULT_BEGIN, address, vma->start, vma->end, vma->flags,
			     vma_kind(mm, vma), vma->page_offset);
	else
		trace_write(TRACE_FAULT_BEGIN, address, 0, 0, 0);
	spin_unlock(&mm->lock);
	return entry;
}

// Looked for here and not where it is done, so that faults are handled by the same code whether
// anybody looks or not. Where several threads touch a page at once it may be another one's change.
static void trace_fault_frame(struct mm *mm, uintptr_t address, pte_t before)
{
	pte_t after;

	spin_lock(&mm->lock);
	after = entry_of(mm, address);
	spin_unlock(&mm->lock);
	if ((after & PTE_PRESENT) && after != before)
		trace_write(TRACE_FAULT_FRAME, PAGE_ALIGN_DOWN(address), after, before,
			    (after & PTE_ADDRESS) >> PAGE_SHIFT);
}

#define STACK_DEPTH   24
#define FRAME_MAX     (1ul << 20) // bytes between two frames of a call stack
#define STACK_RECORDS 6           // addresses in a record

// Call stacks by frame pointers: each frame begins with the address of the caller's, then the
// return address. Programs that were compiled without have something else in rbp, which ends the
// walk sooner or later. A function that calls no other often makes no frame either: its caller is
// missing here, but its return address is still at the top of the stack. Nothing is brought in.
static unsigned walk_stack(const struct fault_origin *origin, uint64_t *stack)
{
	uintptr_t frame = origin->frame;
	unsigned depth = 0;
	uint64_t pair[2];

	while (depth < STACK_DEPTH && frame && frame % 8 == 0 && machine_peek_pair(frame, pair)) {
		if (!pair[1] || pair[1] >= USER_END)
			break;
		stack[depth++] = pair[1];
		if (pair[0] <= frame || pair[0] - frame > FRAME_MAX)
			break;
		frame = pair[0];
	}
	return depth;
}

static void trace_stack(const struct fault_origin *origin)
{
	uint64_t stack[1 + STACK_DEPTH + STACK_RECORDS] = {0}, top[2];
	unsigned depth = 0;

	if (origin->stack && machine_peek_pair(origin->stack, top) && top[0] && top[0] < USER_END)
		stack[depth++] = top[0] | TRACE_STACK_TOP;
	depth += walk_stack(origin, stack + depth);

	for (unsigned i = 0; i < depth; i += STACK_RECORDS)
		trace_write6(TRACE_STACK, stack[i], stack[i + 1], stack[i + 2], stack[i + 3],
			     stack[i + 4], stack[i + 5]);
}

enum fault_result trace_fault(struct mm *mm, uintptr_t address, enum fault_access access,
			      fault_handler handle)
{
	struct fault_origin origin;
	enum fault_result result;
	uint64_t began, cost, how = access;
	int64_t free;
	pte_t before;

	if (mm->quiet)
		return handle(mm, address, access);
	machine_fault_origin(&origin);
	before = trace_fault_begin(mm, address);
	free = frame_cpu_balance();
	began = machine_time();
	result = handle(mm, address, access);
	cost = machine_time() - began;
	free -= frame_cpu_balance();
	trace_fault_frame(mm, address, before);
	how |= origin.error << 8 | (origin.in_copy ? TRACE_FAULT_IN_COPY : 0);
	trace_write6(TRACE_FAULT, address, how, result, cost, origin.instruction,
		     (uint32_t)free | trace_pages(mm) << 32);
	if (trace_wants(TRACE_STACK))
		trace_stack(&origin);
	return result;
}
