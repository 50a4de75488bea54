// SPDX-License-Identifier: MIT
//
// The audit of one address space: see mm/audit.h.

#include "mm/anon.h"
#include "mm/audit_internal.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/vma_tree.h"
#include "mm/zero.h"

// What was found so far in the space being audited.
struct found {
	struct audit_report *report;
	struct mm *mm;
	uint64_t vmas, pages, data, stack, code, locked, accounted;
	uint64_t anon, file, tables;
};

static void audit_anon(struct found *found, struct vma *vma)
{
	uint64_t listed = 0;
	bool present = false;
	struct vma *other;

	if (!vma->anon)
		return;
	list_for_each_entry (other, &vma->anon->vmas, anon_link) {
		listed++;
		present |= other == vma;
		audit_fact(found->report, other->anon == vma->anon, "VMA %#lx on a foreign anon",
			   other->start);
	}
	audit_fact(found->report, present, "VMA %#lx is missing from its anon", vma->start);
	audit_same(found->report, listed, vma->anon->users, "VMAs of an anon");
}

// Height of a subtree, its largest hole recounted on the way.
static int audit_node(struct found *found, struct avl_node *node)
{
	struct vma *vma = vma_of(node);
	int left, right;
	uint64_t gap;

	if (!node)
		return 0;
	left = audit_node(found, node->left);
	right = audit_node(found, node->right);
	gap = vma->largest_gap;
	vma_tree_update(node);
	audit_same(found->report, vma->largest_gap, gap, "a subtree's largest hole");
	vma->largest_gap = gap; // the audit looks; it does not mend
	audit_fact(found->report, left - right <= 1 && right - left <= 1,
		   "tree of VMAs out of balance at %#lx", vma->start);
	return (left > right ? left : right) + 1;
}

static void audit_vmas(struct found *found)
{
	uintptr_t floor = 0;

	for (struct vma *vma = vma_first(found->mm); vma; vma = vma_next(vma)) {
		uint64_t pages = (vma->end - vma->start) >> PAGE_SHIFT;

		audit_fact(found->report,
			   vma->start >= floor && vma->start < vma->end && vma->end <= USER_END &&
				   !((vma->start | vma->end) & ~PAGE_MASK),
			   "VMA %#lx-%#lx overlaps or is out of range", vma->start, vma->end);
		audit_fact(found->report, vma->mm == found->mm, "VMA %#lx of a foreign space",
			   vma->start);
		audit_same(found->report, vma->start - floor, vma->gap, "the hole below a VMA");
		audit_anon(found, vma);
		found->vmas++;
		found->pages += pages;
		if ((vma->flags & (VMA_WRITE | VMA_SHARED | VMA_GROWS_DOWN)) == VMA_WRITE)
			found->data += pages;
		else if (vma->flags & VMA_GROWS_DOWN)
			found->stack += pages;
		else if ((vma->flags & (VMA_EXEC | VMA_WRITE)) == VMA_EXEC)
			found->code += pages;
		if (vma->flags & VMA_LOCKED)
			found->locked += pages;
		if (vma->flags & VMA_ACCOUNT)
			found->accounted += pages;
		floor = vma->end;
	}
	vma_settle_gaps(found->mm);
	audit_node(found, found->mm->vmas.root);
}

static void audit_owner(struct found *found, struct vma *vma, struct frame *frame,
			uintptr_t address)
{
	uint64_t index = vma->page_offset + ((address - vma->start) >> PAGE_SHIFT);
	void *owner = frame->kind == FRAME_ANON ? (void *)vma->anon : (void *)vma->object;

	if (frame == zero_frame) {
		audit_fact(found->report, !vma->object, "frame of zeros in a file's VMA at %#lx",
			   address);
		return;
	}
	audit_fact(found->report,
		   frame->kind == FRAME_ANON || frame->kind == FRAME_FILE ||
			   (frame->kind == FRAME_DEVICE && (vma->flags & VMA_DEVICE)),
		   "a frame of kind %s is mapped at %#lx", frame_kind_name(frame->kind), address);
	audit_fact(found->report, frame->owner == owner && frame->index == index,
		   "the frame mapped at %#lx can not be found from itself", address);
}

static void audit_leaf(struct found *found, pte_t entry, uintptr_t address)
{
	struct vma *vma = vma_find(found->mm, address);
	struct frame *frame = entry_frame(entry);
	bool inside = vma && vma->start <= address;

	audit_fact(found->report, inside, "%#lx is mapped outside of VMAs", address);
	if (!inside)
		return;
	audit_fact(found->report, vma->touched, "%#lx is mapped in an untouched VMA", address);
	frame->recount++;
	found->anon += frame->kind == FRAME_ANON;
	found->file += frame->kind == FRAME_FILE;
	audit_owner(found, vma, frame, address);
	audit_fact(found->report, !(entry & PTE_WRITE) || (vma->flags & VMA_WRITE),
		   "%#lx is writable in a VMA that is not", address);
	audit_fact(found->report,
		   !(entry & PTE_WRITE) || (vma->flags & VMA_SHARED) ||
			   (frame->kind == FRAME_ANON && frame->references == 1),
		   "%#lx is writable and its frame has %u references", address, frame->references);
	audit_fact(found->report, !(entry & PTE_WRITE) || !(entry & PTE_TRACKED),
		   "%#lx is writable, and nobody would see that it is written", address);
	audit_fact(found->report, !(entry & PTE_PRESENT) == !(vma->flags & VMA_PROTECTION),
		   "%#lx is present against its VMA's protection", address);
	audit_fact(found->report, (entry & PTE_NX) || (vma->flags & VMA_EXEC),
		   "%#lx is executable in a VMA that is not", address);
}

static void audit_table(struct found *found, struct frame *table, unsigned level, uintptr_t base)
{
	const pte_t *entries = frame_to_virt(table);
	unsigned used = 0, count = level == 4 ? TABLE_ENTRIES / 2 : TABLE_ENTRIES;

	found->tables++;
	audit_fact(found->report, table->kind == FRAME_PAGE_TABLE && table->owner == found->mm,
		   "the table of level %u at %#lx is not this space's", level, base);
	for (unsigned i = 0; i < count; i++) {
		uintptr_t address = base + i * level_span(level);

		if (!entries[i])
			continue;
		used++;
		if (level == 1)
			audit_leaf(found, entries[i], address);
		else
			audit_table(found, entry_frame(entries[i]), level - 1, address);
	}
	audit_same(found->report, used, table->entries, "entries of a page table");
	audit_fact(found->report, used || level == 4, "an empty table of level %u at %#lx", level,
		   base);
}

void audit_space(struct audit_report *report, struct mm *mm, struct audit_sums *sums)
{
	struct found found = {.report = report, .mm = mm};

	audit_vmas(&found);
	audit_fact(report,
		   mm->leaf_span == NO_LEAF_SPAN ||
			   page_slot_find(mm, mm->leaf_span << LEAF_SPAN_SHIFT) == mm->leaf_table,
		   "the table remembered for %#lx is not the one in the tree",
		   mm->leaf_span << LEAF_SPAN_SHIFT);
	audit_table(&found, phys_to_frame(mm->root), 4, 0);
	audit_same(report, found.vmas, mm->vma_count, "VMAs");
	audit_same(report, found.pages, mm->mapped, "mapped pages");
	audit_same(report, found.data, mm->data, "data pages");
	audit_same(report, found.stack, mm->stack, "stack pages");
	audit_same(report, found.code, mm->code, "code pages");
	audit_same(report, found.locked, mm->locked, "locked pages");
	audit_same(report, found.anon, mm->anon_resident, "resident anonymous pages");
	audit_same(report, found.file, mm->file_resident, "resident file pages");
	audit_same(report, found.tables, mm->tables, "page tables of a space");
	sums->tables += found.tables;
	sums->charged += found.accounted;
}
