// SPDX-License-Identifier: MIT
//
// The frame allocator: owners, references and counts of frames, over the buddy lists of
// mm/buddy.c. Single frames, by far the most common, pass through a list of each CPU, whose lock
// nobody else wants until frames run out: then all the lists are given back. They are refilled
// from and spilled to the buddy lists by the batch.
//
// Counts by kind are kept per CPU and added up when read: a frame may be allocated on one CPU and
// freed on another, so only the sums mean something.

#include "lib/mutant.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/failure.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include "mm/trace.h"
#include "mm/poison.h"

char *direct_map = (char *)DIRECT_MAP_BASE;
struct frame *frame_table = (struct frame *)FRAME_TABLE_BASE;
uint64_t frame_limit;

#define CPU_LIST_BATCH_ORDER 5

static struct cpu_frames {
	struct spinlock lock; // guards the list and its length; taken before buddy_lock
	unsigned count;
	struct list list;
	// Changed by its own CPU only, which is not preempted meanwhile; sums are read by anybody.
	int64_t kinds[FRAME_KIND_COUNT];
} __attribute__((aligned(64))) cpu_frames[MAX_CPUS];

static struct cpu_frames *this_cpu_frames(void)
{
	struct cpu_frames *mine = &cpu_frames[machine_cpu()];

	// Keeps the compiler from computing the address anew for each field.
	__asm__("" : "+r"(mine));
	if (__builtin_expect(!mine->list.next, 0))
		list_init(&mine->list);
	return mine;
}

static void count_move(struct cpu_frames *mine, enum frame_kind from, enum frame_kind to,
		       int64_t frames)
{
	mine->kinds[from] -= frames;
	mine->kinds[to] += frames;
}

// Whole blocks are cut up at once, the smallest first, so that the large ones stay. The list's
// lock is held.
static __attribute__((noinline)) void refill(struct cpu_frames *mine)
{
	spin_lock(&buddy_lock);
	while (mine->count < CPU_LIST_BATCH) {
		unsigned order = CPU_LIST_BATCH_ORDER;
		struct frame *frame = buddy_take_smallest(&order);

		if (!frame)
			break;
		for (struct frame *end = frame + (1ul << order); frame < end; frame++) {
			frame->kind = FRAME_FREE;
			frame->order = 0;
			frame->place = FRAME_ON_CPU;
			list_add_tail(&mine->list, &frame->link);
		}
		mine->count += 1u << order;
	}
	spin_unlock(&buddy_lock);
}

// Gives [first, end) to the buddy lists in the largest aligned blocks that fit; the lock is held.
static void give_blocks(uint64_t first, uint64_t end)
{
	while (first < end) {
		unsigned order = FRAME_ORDER_MAX;

		if (first)
			order = __builtin_ctzl(first | 1ul << FRAME_ORDER_MAX);
		while (first + (1ul << order) > end)
			order--;
		buddy_give(&frame_table[first], order);
		first += 1ul << order;
	}
}

// The frames that were freed longest ago go: the others may still be in the processor's caches.
// Neighbours that were freed one after the other go together, which spares merging them. The
// list's lock is held.
static __attribute__((noinline)) void spill(struct cpu_frames *mine, unsigned keep)
{
	struct list *at = mine->list.prev;
	uint64_t first = 0, end = 0;

	spin_lock(&buddy_lock);
	for (; mine->count > keep; mine->count--) {
		struct frame *frame = container_of(at, struct frame, link);
		uint64_t number = frame - frame_table;

		at = at->prev;
		frame->place = FRAME_NOWHERE;
		if (number == end) {
			end++;
		} else if (number + 1 == first) {
			first--;
		} else {
			give_blocks(first, end);
			first = number;
			end = number + 1;
		}
	}
	mine->list.prev = at;
	at->next = &mine->list;
	give_blocks(first, end);
	spin_unlock(&buddy_lock);
}

void frame_drain(void)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		struct cpu_frames *other = &cpu_frames[cpu];

		if (!__atomic_load_n(&other->count, __ATOMIC_RELAXED))
			continue;
		spin_lock(&other->lock);
		spill(other, 0);
		spin_unlock(&other->lock);
	}
}

static inline struct frame *take_single(struct cpu_frames *mine)
{
	struct frame *frame = NULL;

	spin_lock(&mine->lock);
	if (__builtin_expect(!mine->count, 0))
		refill(mine);
	if (__builtin_expect(mine->count != 0, 1)) {
		frame = list_first_entry(&mine->list, struct frame, link);
		mine->list.next = frame->link.next;
		mine->list.next->prev = &mine->list;
		mine->count--;
		frame->place = FRAME_NOWHERE;
	}
	spin_unlock(&mine->lock);
	return frame;
}

static struct frame *take_block(unsigned order)
{
	struct frame *frame;

	spin_lock(&buddy_lock);
	frame = buddy_take(order);
	spin_unlock(&buddy_lock);
	return frame;
}

static struct frame *take(struct cpu_frames *mine, unsigned order)
{
	return order ? take_block(order) : take_single(mine);
}

static __attribute__((noinline)) struct frame *take_reclaimed(struct cpu_frames *mine,
							      unsigned order)
{
	frame_reclaim();
	frame_drain();
	return take(mine, order);
}

static inline struct frame *hand_out(struct cpu_frames *mine, struct frame *frame, unsigned order,
				     enum frame_kind kind)
{
	poison_check(frame_to_virt(frame), PAGE_SIZE << order);
	frame->kind = kind;
	frame->order = order;
	frame->references = 1;
	count_move(mine, FRAME_FREE, kind, 1l << order);
	trace_frame(TRACE_FRAME_ALLOC, frame);
	return frame;
}

static __attribute__((noinline)) struct frame *alloc_block(unsigned order, enum frame_kind kind)
{
	struct cpu_frames *mine = this_cpu_frames();
	struct frame *frame = take_block(order);

	if (!frame)
		frame = take_reclaimed(mine, order);
	if (!frame)
		return NULL;
	for (uint64_t i = 1; i < 1ul << order; i++) {
		frame[i].kind = kind;
		frame[i].order = FRAME_TAIL;
	}
	return hand_out(mine, frame, order, kind);
}

struct frame *frame_alloc(unsigned order, enum frame_kind kind)
{
	struct cpu_frames *mine;
	struct frame *frame;

	if (failure_due())
		return NULL;
	if (order)
		return alloc_block(order, kind);
	mine = this_cpu_frames();
	frame = take_single(mine);
	if (__builtin_expect(!frame, 0))
		frame = take_reclaimed(mine, 0);
	return frame ? hand_out(mine, frame, 0, kind) : NULL;
}

struct frame *frame_alloc_zeroed(enum frame_kind kind)
{
	struct frame *frame = frame_alloc(0, kind);

	if (frame && !MUTANT(page_not_zeroed))
		page_clear(frame_to_virt(frame));
	return frame;
}

// Whoever frees wrongly has already broken something: stop before it spreads.
static __attribute__((noinline)) void refuse_free(const struct frame *frame, unsigned order)
{
	uint64_t number = frame - frame_table;

	if (number >= frame_limit || frame->kind <= FRAME_RESERVED)
		panic("free of frame %#lx, which is no RAM of the allocator's", number);
	if (frame->kind == FRAME_FREE)
		panic("double free of frame %#lx", number);
	if (frame->order == FRAME_TAIL)
		panic("free of frame %#lx, which heads no block", number);
	if (frame->order != order)
		panic("free of frame %#lx as order %u, allocated as %u", number, order,
		      frame->order);
	panic("free of frame %#lx with %u references", number, frame->references);
}

_Static_assert(FRAME_ABSENT < FRAME_FREE && FRAME_RESERVED < FRAME_FREE, "check_freeable");

// Past the table's last frame its memory says FRAME_ABSENT, or is not mapped and faults.
static inline void check_freeable(const struct frame *frame, unsigned order)
{
	bool theirs = frame->kind > FRAME_FREE && frame->order == order;

	if (__builtin_expect(!theirs || frame->references > 1, 0))
		refuse_free(frame, order);
}

// What is the same for single frames and blocks: it is nobody's from now on.
static inline void take_back(struct cpu_frames *mine, struct frame *frame, unsigned order)
{
	check_freeable(frame, order);
	trace_frame(TRACE_FRAME_FREE, frame);
	count_move(mine, frame->kind, FRAME_FREE, 1l << order);
	if (DEBUG_BUILD)
		machine_frames_freed(frame, order);
	poison_fill(frame_to_virt(frame), PAGE_SIZE << order);
	frame->kind = FRAME_FREE;
	frame->references = 0;
}

// A frame that was taken back goes onto the list, whose lock is held.
static inline void push_single(struct cpu_frames *mine, struct frame *frame)
{
	frame->place = FRAME_ON_CPU;
	list_add(&mine->list, &frame->link);
	if (__builtin_expect(++mine->count > CPU_LIST_LIMIT, 0))
		spill(mine, CPU_LIST_LIMIT - CPU_LIST_BATCH);
}

static __attribute__((noinline)) void free_block(struct frame *frame, unsigned order)
{
	take_back(this_cpu_frames(), frame, order);
	spin_lock(&buddy_lock);
	buddy_give(frame, order);
	spin_unlock(&buddy_lock);
}

void frame_free(struct frame *frame, unsigned order)
{
	struct cpu_frames *mine;

	if (order) {
		free_block(frame, order);
		return;
	}
	mine = this_cpu_frames();
	take_back(mine, frame, 0);
	spin_lock(&mine->lock);
	push_single(mine, frame);
	spin_unlock(&mine->lock);
}

// Whether the reference that is dropped was the last one.
static inline bool drop_reference(struct frame *frame)
{
	uint32_t before;

	// With only this reference nobody else can take another meanwhile: nothing to count.
	if (__atomic_load_n(&frame->references, __ATOMIC_ACQUIRE) == 1)
		return true;
	before = __atomic_fetch_sub(&frame->references, 1, __ATOMIC_ACQ_REL);
	if (__builtin_expect(before == 0, 0))
		panic("frame %#lx is put without a reference", frame - frame_table);
	return before == 1;
}

void frame_put(struct frame *frame)
{
	if (drop_reference(frame))
		frame_free(frame, 0);
}

void frame_put_all(struct frame *const *frames, size_t count)
{
	struct cpu_frames *mine = this_cpu_frames();

	spin_lock(&mine->lock);
	for (; count > 0; count--, frames++) {
		if (!drop_reference(*frames))
			continue;
		take_back(mine, *frames, 0);
		push_single(mine, *frames);
	}
	spin_unlock(&mine->lock);
}

static void give_range(uint64_t first, uint64_t end)
{
	poison_fill(frame_to_virt(&frame_table[first]), (end - first) << PAGE_SHIFT);
	spin_lock(&buddy_lock);
	give_blocks(first, end);
	spin_unlock(&buddy_lock);
}

#define EXTENTS_MAX 512

static struct frame_extent extents[EXTENTS_MAX]; // written while starting only
static size_t extent_count;

static void extent_remove(size_t at)
{
	extent_count--;
	memmove(&extents[at], &extents[at + 1], (extent_count - at) * sizeof(extents[0]));
}

static void extent_add(uint64_t first, uint64_t end)
{
	size_t at = 0;

	while (at < extent_count && extents[at].end < first)
		at++;
	if (at < extent_count && extents[at].end == first) {
		extents[at].end = end;
	} else if (at < extent_count && extents[at].first == end) {
		extents[at].first = first;
	} else {
		if (extent_count == EXTENTS_MAX)
			panic("memory is in more than %u pieces", EXTENTS_MAX);
		memmove(&extents[at + 1], &extents[at], (extent_count - at) * sizeof(extents[0]));
		extents[at] = (struct frame_extent){first, end};
		extent_count++;
	}
	if (at + 1 < extent_count && extents[at].end == extents[at + 1].first) {
		extents[at].end = extents[at + 1].end;
		extent_remove(at + 1);
	}
}

const struct frame_extent *frame_extents(size_t *count)
{
	*count = extent_count;
	return extents;
}

void frame_add(uint64_t first, uint64_t end, enum frame_kind kind)
{
	extent_add(first, end);
	if (end > frame_limit)
		frame_limit = end;
	this_cpu_frames()->kinds[kind] += end - first;
	if (kind == FRAME_FREE) {
		give_range(first, end);
		return;
	}
	for (uint64_t number = first; number < end; number++) {
		frame_table[number].kind = kind;
		frame_table[number].order = FRAME_TAIL; // can be given back, but not freed
		frame_table[number].references = 1;
	}
}

void frame_give_back(uint64_t first, uint64_t end)
{
	for (uint64_t number = first; number < end; number++) {
		struct frame *frame = &frame_table[number];

		count_move(this_cpu_frames(), frame->kind, FRAME_FREE, 1);
		frame->kind = FRAME_FREE;
		frame->references = 0;
	}
	give_range(first, end);
}

int64_t frame_cpu_balance(void)
{
	return cpu_frames[machine_cpu()].kinds[FRAME_FREE];
}

uint64_t frame_kind_count(enum frame_kind kind)
{
	int64_t sum = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		sum += __atomic_load_n(&cpu_frames[cpu].kinds[kind], __ATOMIC_RELAXED);
	return sum < 0 ? 0 : (uint64_t)sum;
}

uint64_t frame_total(void)
{
	uint64_t sum = 0;

	for (unsigned kind = FRAME_ABSENT + 1; kind < FRAME_KIND_COUNT; kind++)
		sum += frame_kind_count(kind);
	return sum;
}

enum frame_kind frame_kind_at(uint64_t number)
{
	const struct frame *frame = &frame_table[number];

	if (frame->place == FRAME_ON_CPU)
		return FRAME_FREE;
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
		const struct frame *head = &frame_table[number & ~((1ul << order) - 1)];

		if (head->place == FRAME_IN_BUDDY && head->order >= order)
			return FRAME_FREE;
	}
	return frame->kind;
}

uint64_t frame_cpu_listed_by(unsigned cpu)
{
	return cpu_frames[cpu].count;
}

uint64_t frame_cpu_listed(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		sum += frame_cpu_listed_by(cpu);
	return sum;
}

uint64_t frame_free_blocks(unsigned order)
{
	return buddy_blocks(order);
}
