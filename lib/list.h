// SPDX-License-Identifier: MIT
//
// Intrusive, circular, doubly linked lists: the link lives in the thing that is linked, so that
// putting something on a list can not fail. Nothing here locks; a list's owner says what guards
// it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

// Links `item` between two neighbours.
static inline void list_insert_between(struct list *item, struct list *prev, struct list *next)
{
	item->prev = prev;
	item->next = next;
	prev->next = item;
	next->prev = item;
}

// First in the list: a stack's push.
static inline void list_add(struct list *head, struct list *item)
{
	list_insert_between(item, head, head->next);
}

// Last in the list: a queue's push.
static inline void list_add_tail(struct list *head, struct list *item)
{
	list_insert_between(item, head->prev, head);
}

// Takes `item` off its list and leaves it empty, so that a second removal does no harm.
static inline void list_del(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

// Moves everything on `from` to the end of `to`.
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_first_entry(head, type, member) container_of((head)->next, type, member)
#define list_last_entry(head, type, member)  container_of((head)->prev, type, member)

#define list_for_each_entry(pos, head, member)                                                   \
	for (pos = container_of((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = container_of(pos->member.next, __typeof__(*pos), member))

// The same, and `pos` may be taken off the list or freed in the body.
#define list_for_each_entry_safe(pos, following, head, member)                    \
	for (pos = container_of((head)->next, __typeof__(*pos), member),          \
	    following = container_of(pos->member.next, __typeof__(*pos), member); \
	     &pos->member != (head); pos = following,                             \
	    following = container_of(pos->member.next, __typeof__(*pos), member))
