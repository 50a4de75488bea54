// SPDX-License-Identifier: MIT
//
// Address spaces: made, copied by fork, run, and torn down (mm/mm.h).

#include "mm/mm.h"
#include "lib/mutant.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/machine.h"
#include "mm/mm_list.h"
#include "mm/object.h"
#include "mm/page_entry.h"
#include "mm/slab.h"
#include "mm/trace.h"
#include "mm/vma_tree.h"
#include <linux/errno.h>

struct spinlock mm_list_lock;
struct list mm_list = LIST_INIT(mm_list);

static struct cache *mm_cache;

#define DEFAULT_MMAP_TOP (USER_END - (128ul << 20)) // until exec says where the stack ends

struct mm *mm_create(void)
{
	struct mm *mm;

	if (!mm_cache) {
		mm_cache = cache_create("mm", sizeof(struct mm));
		if (!mm_cache)
			return NULL;
	}
	mm = cache_alloc_zeroed(mm_cache);
	if (!mm)
		return NULL;
	spin_lock_init(&mm->lock);
	mm->root = page_root_alloc(mm);
	if (!mm->root) {
		cache_free(mm_cache, mm);
		return NULL;
	}
	mm->users = 1;
	page_forget_leaf(mm);
	mm->vmas.update = vma_tree_update;
	mm->mmap_top = DEFAULT_MMAP_TOP;
	spin_lock(&mm_list_lock);
	list_add_tail(&mm_list, &mm->link);
	spin_unlock(&mm_list_lock);
	return mm;
}

struct mm *mm_get(struct mm *mm)
{
	__atomic_add_fetch(&mm->users, 1, __ATOMIC_RELAXED);
	return mm;
}

bool mm_get_unless_zero(struct mm *mm)
{
	uint32_t old = __atomic_load_n(&mm->users, __ATOMIC_RELAXED);

	while (old)
		if (__atomic_compare_exchange_n(&mm->users, &old, old + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

// Frees all VMAs of a tree that nobody will look at again: children first, without rebalancing.
static void free_vmas(struct mm *mm)
{
	struct avl_node *node = mm->vmas.root;
	uint64_t released = 0;

	while (node) {
		struct avl_node *parent = avl_parent(node);
		struct vma *vma = vma_of(node);

		if (node->left || node->right) {
			node = node->left ? node->left : node->right;
			continue;
		}
		if (parent && parent->left == node)
			parent->left = NULL;
		else if (parent)
			parent->right = NULL;
		if (vma->flags & VMA_ACCOUNT)
			released += (vma->end - vma->start) >> PAGE_SHIFT;
		anon_leave(vma);
		vma_leave_object(vma);
		vma_free(vma);
		node = parent;
	}
	mm->vmas.root = NULL;
	vma_free(mm->spare_vma);
	commit_release(released);
}

// Nobody runs in it any more, so nothing can be reached through a stale translation: frames go at
// once, without flushes.
static void destroy(struct mm *mm)
{
	struct flush_batch batch;

	spin_lock(&mm_list_lock);
	list_del(&mm->link);
	spin_unlock(&mm_list_lock);
	flush_batch_start(&batch, mm);
	batch.unreachable = true;
	for (struct vma *vma = vma_first(mm); vma; vma = vma_next(vma))
		if (vma->touched)
			page_unmap(mm, vma->start, vma->end, &batch);
	flush_batch_finish(&batch);
	free_vmas(mm);
	if (mm->layout && __atomic_sub_fetch(&mm->layout->references, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(mm->layout);
	page_root_free(mm);
	cache_free(mm_cache, mm);
}

void mm_put(struct mm *mm)
{
	if (__atomic_sub_fetch(&mm->users, 1, __ATOMIC_ACQ_REL) == 0)
		destroy(mm);
}

static void copy_layout(struct mm *to, const struct mm *from)
{
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->mmap_top = from->mmap_top;
	to->stack_top = from->stack_top;
	to->layout = from->layout;
	if (to->layout)
		__atomic_add_fetch(&to->layout->references, 1, __ATOMIC_RELAXED);
	to->data_bytes = from->data_bytes;
	to->barriers = __atomic_load_n(&from->barriers, __ATOMIC_RELAXED);
}

// The child's counters begin as the parent's. What this VMA adds to those is not the child's.
static void count_out(const struct vma *vma, struct mm *child)
{
	uint64_t anon = 0, file = 0;

	page_count_resident(vma->mm, vma->start, vma->end, &anon, &file);
	child->anon_resident -= anon;
	child->file_resident -= file;
}

// A VMA of the child with everything but pages from `vma`; NULL: out of memory. What is promised
// to the one is promised to the other: from then on it goes with the child.
static struct vma *twin_alloc(struct mm *child, const struct vma *vma)
{
	uint64_t pages = (vma->end - vma->start) >> PAGE_SHIFT;
	bool charged = vma->flags & VMA_ACCOUNT;
	struct vma *twin;

	if (charged && commit_charge(vma->mm, pages))
		return NULL;
	// Locks are not inherited (mlock(2)).
	twin = vma_alloc(child, vma->start, vma->end, vma->flags & ~VMA_LOCK_MASK);
	if (!twin && !MUTANT(failed_twin_stays_promised))
		commit_release(charged ? pages : 0);
	return twin;
}

// The twin goes to the end of a list, from which mm_fork makes the tree.
static int fork_vma(struct vma *vma, struct mm *to, struct avl_node ***last, uint64_t *shared)
{
	struct vma *twin;

	if (vma->flags & (VMA_NO_FORK | VMA_WIPE_ON_FORK))
		count_out(vma, to);
	if (vma->flags & VMA_NO_FORK)
		return 0;
	twin = twin_alloc(to, vma);
	if (!twin)
		return -ENOMEM;
	twin->page_offset = vma->page_offset;
	if (vma->anon && !(vma->flags & VMA_WIPE_ON_FORK)) {
		twin->anon = MUTANT(fork_forgets_reverse_map) ? NULL : vma->anon;
		twin->anon_mark = anon_new_mark(to) | ANON_MARK_FORKED;
	}
	if (vma->object)
		twin->object = object_get(vma->object);
	twin->node.right = NULL;
	**last = &twin->node;
	*last = &twin->node.right;
	vma_enter(to, twin);
	// Frames of zeros come anew when they are touched, as on Linux: mincore tells.
	if (!vma->touched || (vma->flags & VMA_WIPE_ON_FORK) || (!vma->anon && !vma->object))
		return 0;
	twin->touched = true;
	return page_share(vma->mm, to, vma->start, vma->end, !(vma->flags & VMA_SHARED), shared);
}

int mm_fork(struct mm *parent, struct mm **copy)
{
	struct mm *child = mm_create();
	struct avl_node *first = NULL, **last = &first;
	uint64_t shared = 0;
	int error = 0;

	if (!child)
		return -ENOMEM;
	spin_lock(&parent->lock);
	// Whoever takes pages away from an object finds the child by its first VMA already.
	if (!MUTANT(fork_child_unlocked))
		spin_lock_nested(&child->lock);
	copy_layout(child, parent);
	// On failure these are too high for what was entered, and go with the child.
	child->anon_resident = parent->anon_resident;
	child->file_resident = parent->file_resident;
	for (struct vma *vma = vma_first(parent); vma && !error; vma = vma_next(vma))
		error = fork_vma(vma, child, &last, &shared);
	vma_tree_build(child, first, child->vma_count);
	// Entries that lost their write permission must not live on in any processor.
	if (!MUTANT(fork_without_flush))
		machine_flush_range(parent, 0, USER_END);
	spin_unlock(&child->lock);
	spin_unlock(&parent->lock);
	if (error) {
		if (!MUTANT(failed_fork_leaks))
			mm_put(child);
		return error;
	}
	trace(TRACE_FORK, 0, shared, child->tables, 0);
	*copy = child;
	return 0;
}
