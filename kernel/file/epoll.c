// SPDX-License-Identifier: MIT
//
// epoll. Waiting works as in poll: each wait looks at all files that are watched and joins their
// queues. What Linux is told by the queues between two waits, edges, is here seen from how often
// they have been woken: EPOLLET reports what holds when that is another number than last time.
//
// A watch holds no reference to its file, whose last close ends it. While somebody waits, the
// files are held; when nobody but waiters has one, they are made to look anew, thereby let go, and
// do not take it again.
//
// Locks: epoll_lock guards all lists of watches and all in them. Nothing is allocated or slept
// under it; wait queues are woken under it.
#include "kernel/file/epoll.h"

#include "kernel/file/anonymous.h"
#include "kernel/file/io.h"
#include "kernel/file/poll.h"
#include "kernel/process/credentials.h"
#include "kernel/process/signal.h"
#include "kernel/process/user.h"
#include "kernel/process/wait.h"
#include "lib/list.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>

#define WATCH_COST 192 // bytes that Linux reckons: a user may fill a 25th of RAM
#define DEPTH_MAX  4   // of epolls within epolls, as on Linux
#define WAYS_MAX   500 // from epoll to epoll through one watch: each wait goes all of them
#define AT_ONCE    256 // events that one wait copies to ring 3 at most
#define ALWAYS     (EPOLLERR | EPOLLHUP)
#define MODES      (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)
#define EXCLUSIVE_EVENTS \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

// Epolls on one side of a watch: how many one below the other, and how many ways lead there.
struct side {
	unsigned depth;
	size_t ways;
};

struct epoll {
	struct list watches; // by `link`, those first that have not been reported for longest
	size_t count;
	struct user *user;         // who made it, whose watches are counted; a reference
	struct file *file;         // its own, once it has watched something
	uint32_t searched;         // the last search that came by, which found
	struct side below, above;  // these
	struct wait_queue changed; // woken when the watches have, or a descriptor was closed
};

struct watch {
	struct list link;
	struct watch *next; // of the same file
	struct epoll *epoll;
	struct file *file;
	int descriptor;
	struct epoll_event event; // `events` 0: reported once, and off until it is changed
	bool fresh;               // not reported since it was changed
	uint32_t serial;          // another one each time it is changed or reported
	uint32_t wakes;           // of the file's queues, when it was reported last
};

// What a wait takes along of a watch.
struct seen {
	struct file *file; // held
	int descriptor;
	uint32_t wanted;
	struct epoll_event event; // what there is to report
	bool fresh;
	uint32_t serial, wakes;
	uint32_t before;   // of `wakes`: when it was reported last
	uint32_t reported; // the serial that the watch then had; 0: it was not reported
};

static struct spinlock epoll_lock;
static uint32_t last_serial, last_search;
uint64_t epoll_max_watches;
static const struct file_ops epoll_ops;

static struct epoll *epoll_of(const struct file *file)
{
	return file->ops == &epoll_ops ? file->data : NULL;
}

// ---- the watches; epoll_lock is held ----
static struct watch *find(struct epoll *epoll, const struct file *file, int descriptor)
{
	struct watch *watch;

	for (watch = file->watches; watch; watch = watch->next)
		if (watch->epoll == epoll && watch->descriptor == descriptor)
			return watch;
	return NULL;
}

static void take_out(struct watch *watch)
{
	struct watch **at = &watch->file->watches;

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
	list_del(&watch->link);
	watch->epoll->count--;
	watch->epoll->user->watches--;
}

static void add_side(struct side *all, struct side one)
{
	if (all->depth < one.depth + 1)
		all->depth = one.depth + 1;
	all->ways += one.ways;
}

// What is below an epoll and above it. No chain is longer than DEPTH_MAX, so neither is the
// recursion; a search looks at each epoll once, however many ways lead there.
static struct side below(struct epoll *epoll)
{
	struct watch *watch;

	if (epoll->searched == last_search)
		return epoll->below;
	epoll->searched = last_search;
	epoll->below = (struct side){.ways = 1};
	list_for_each_entry (watch, &epoll->watches, link) {
		struct epoll *inner = epoll_of(watch->file);

		if (inner)
			add_side(&epoll->below, below(inner));
	}
	return epoll->below;
}

static struct side above(struct epoll *epoll)
{
	struct watch *watch;

	if (epoll->searched == last_search)
		return epoll->above;
	epoll->searched = last_search;
	epoll->above = (struct side){.ways = 1};
	for (watch = epoll->file->watches; watch; watch = watch->next)
		add_side(&epoll->above, above(watch->epoll));
	return epoll->above;
}

// Whether `epoll` may watch `inner`: neither in a circle, nor too deep, nor by too many ways.
static int check_nesting(struct epoll *epoll, struct epoll *inner)
{
	struct side under, over;

	last_search++;
	under = below(inner);
	if (epoll->searched == last_search)
		return -ELOOP;
	last_search++;
	over = above(epoll);
	if (under.depth + 1 + over.depth > DEPTH_MAX)
		return -ELOOP;
	return under.ways * over.ways > WAYS_MAX ? -EINVAL : 0;
}

// ---- holding what is watched ----
static void hold_locked(struct file *file)
{
	__atomic_add_fetch(&file->references, 1, __ATOMIC_RELAXED);
	file->watchers++;
}

// Only while somebody else has it as well, or waiters would keep what is closed for each other.
static bool try_hold_locked(struct file *file)
{
	if (__atomic_load_n(&file->references, __ATOMIC_RELAXED) == file->watchers)
		return false;
	hold_locked(file);
	return true;
}

struct file *epoll_hold(struct file *file)
{
	spin_lock(&epoll_lock);
	hold_locked(file);
	spin_unlock(&epoll_lock);
	return file;
}

void epoll_let_go(struct file *file)
{
	bool last;

	spin_lock(&epoll_lock);
	file->watchers--;
	last = __atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL) == 0;
	spin_unlock(&epoll_lock);
	if (last)
		file_end(file);
}

bool epoll_drop(struct file *file)
{
	uint32_t left;

	spin_lock(&epoll_lock);
	left = __atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL);
	if (left && left == file->watchers)
		for (struct watch *watch = file->watches; watch; watch = watch->next)
			wake_all(&watch->epoll->changed);
	spin_unlock(&epoll_lock);
	return !left;
}

// ---- changing them ----
static int add(struct epoll *epoll, struct watch *new)
{
	struct epoll *inner = epoll_of(new->file);
	int error;

	if (find(epoll, new->file, new->descriptor))
		return -EEXIST;
	error = inner ? check_nesting(epoll, inner) : 0;
	if (error)
		return error;
	if (epoll->user->watches >= __atomic_load_n(&epoll_max_watches, __ATOMIC_RELAXED))
		return -ENOSPC;
	new->serial = ++last_serial;
	new->epoll = epoll;
	new->next = new->file->watches;
	new->file->watches = new;
	list_add_tail(&epoll->watches, &new->link);
	epoll->count++;
	epoll->user->watches++;
	return 0;
}

static int change(struct watch *watch, const struct epoll_event *event)
{
	if (watch->event.events & EPOLLEXCLUSIVE)
		return -EINVAL;
	watch->event = *event;
	watch->event.events |= ALWAYS;
	watch->fresh = true;
	watch->serial = ++last_serial;
	return 0;
}

// *spare: a watch to be added; whatever is in it afterwards is to be freed.
static int change_locked(struct epoll *epoll, int operation, struct watch **spare,
			 struct file *file, int descriptor, const struct epoll_event *event)
{
	struct watch *watch = find(epoll, file, descriptor);
	int error;

	if (operation == EPOLL_CTL_ADD) {
		error = add(epoll, *spare);
		if (!error)
			*spare = NULL;
		return error;
	}
	if (!watch)
		return -ENOENT;
	if (operation == EPOLL_CTL_MOD)
		return change(watch, event);
	take_out(watch);
	*spare = watch;
	return 0;
}

static int check_change(const struct epoll *epoll, int operation, const struct file *file,
			const struct epoll_event *event)
{
	const bool exclusive = operation != EPOLL_CTL_DEL && event->events & EPOLLEXCLUSIVE;

	if (!file->ops->poll)
		return -EPERM;
	if (!epoll || epoll == epoll_of(file))
		return -EINVAL;
	if (exclusive && (operation == EPOLL_CTL_MOD || epoll_of(file) ||
			  event->events & ~(uint32_t)EXCLUSIVE_EVENTS))
		return -EINVAL;
	return operation < EPOLL_CTL_ADD || operation > EPOLL_CTL_MOD ? -EINVAL : 0;
}

int epoll_change(struct file *file, int operation, struct file *target, int descriptor,
		 const struct epoll_event *event)
{
	struct epoll *epoll = epoll_of(file);
	struct watch *spare = NULL;
	int error = check_change(epoll, operation, target, event);

	if (!error && operation == EPOLL_CTL_ADD && !(spare = kzalloc(sizeof(*spare))))
		error = -ENOMEM;
	if (error)
		return error;
	if (spare) {
		spare->file = target;
		spare->descriptor = descriptor;
		spare->event = *event;
		spare->event.events |= ALWAYS;
		spare->fresh = true;
	}
	spin_lock(&epoll_lock);
	epoll->file = file;
	error = change_locked(epoll, operation, &spare, target, descriptor, event);
	spin_unlock(&epoll_lock);
	kfree(spare);
	if (!error)
		wake_all(&epoll->changed);
	return error;
}

void epoll_forget(struct file *file)
{
	struct watch *watch;

	for (;;) {
		spin_lock(&epoll_lock);
		watch = file->watches;
		if (watch)
			take_out(watch);
		spin_unlock(&epoll_lock);
		if (!watch)
			return;
		kfree(watch);
	}
}

// ---- waiting ----
// All watches as they are now, their files held. How many, or -ENOMEM; free *all with kfree.
static long take_along(struct epoll *epoll, struct seen **all)
{
	size_t room = __atomic_load_n(&epoll->count, __ATOMIC_RELAXED) + 8, used = 0;
	struct watch *watch;

	*all = kmalloc(room * sizeof(**all));
	if (!*all)
		return -ENOMEM;
	spin_lock(&epoll_lock);
	list_for_each_entry (watch, &epoll->watches, link) {
		// What came meanwhile and has no room woke `changed`.
		if (used == room)
			break;
		if (!watch->event.events || !try_hold_locked(watch->file))
			continue;
		(*all)[used++] = (struct seen){.file = watch->file,
					       .descriptor = watch->descriptor,
					       .wanted = watch->event.events,
					       .event = watch->event,
					       .fresh = watch->fresh,
					       .serial = watch->serial,
					       .before = watch->wakes};
	}
	spin_unlock(&epoll_lock);
	return (long)used;
}

static void let_go(struct seen *all, long count)
{
	for (long i = 0; i < count; i++)
		epoll_let_go(all[i].file);
	kfree(all);
}

static bool look_at(struct seen *one, struct poll_table *table)
{
	const uint32_t wakes = table->wakes;

	table->holding = one->file;
	one->event.events = poll_look(one->file, table) & one->wanted & ~(uint32_t)MODES;
	one->wakes = table->wakes - wakes;
	if (one->wanted & EPOLLET && !one->fresh && one->wakes == one->before)
		one->event.events = 0;
	return one->event.events;
}

static long look_at_all(struct seen *all, long count, struct poll_table *table)
{
	struct file *holding = table->holding;
	long ready = 0;

	for (long i = 0; i < count; i++)
		ready += look_at(&all[i], table);
	table->holding = holding;
	return ready;
}

// Reports it, unless it has gone meanwhile, or somebody else has had what one alone may have.
static bool report_one(struct epoll *epoll, struct seen *one, struct epoll_event *event)
{
	struct watch *watch = find(epoll, one->file, one->descriptor);

	if (!watch || ((one->wanted & (EPOLLONESHOT | EPOLLET)) && watch->serial != one->serial))
		return false;
	*event = one->event;
	watch->fresh = false;
	watch->serial = one->reported = ++last_serial;
	watch->wakes = one->wakes;
	if (watch->event.events & EPOLLONESHOT)
		watch->event.events = 0;
	// Others first, next time.
	list_del(&watch->link);
	list_add_tail(&epoll->watches, &watch->link);
	return true;
}

static long report(struct epoll *epoll, struct seen *all, long count, struct epoll_event *events,
		   size_t most)
{
	size_t used = 0;

	spin_lock(&epoll_lock);
	for (long i = 0; i < count && used < most; i++)
		used += all[i].event.events && report_one(epoll, &all[i], &events[used]);
	spin_unlock(&epoll_lock);
	return (long)used;
}

static void take_back(struct epoll *epoll, const struct seen *one)
{
	struct watch *watch = find(epoll, one->file, one->descriptor);

	if (!watch || watch->serial != one->reported)
		return;
	watch->event.events = one->wanted;
	watch->fresh = one->fresh;
	watch->wakes = one->before;
	watch->serial = ++last_serial;
	list_del(&watch->link);
	list_add(&epoll->watches, &watch->link);
}

// Of `ready` events that were reported, as many as ring 3's memory takes: how many, or -EFAULT.
// The others are as if they had never been reported: an edge is not lost.
static long deliver(struct epoll *epoll, const struct seen *all, long count, struct io *to,
		    const struct epoll_event *events, long ready)
{
	long size = sizeof(*events),
	     taken = (long)io_to(to, events, (size_t)(ready * size)) / size;
	long left = ready - taken;

	if (!left)
		return ready;
	spin_lock(&epoll_lock);
	for (long i = count - 1; left; i--) {
		if (!all[i].reported)
			continue;
		take_back(epoll, &all[i]);
		left--;
	}
	spin_unlock(&epoll_lock);
	wake_all(&epoll->changed);
	return taken ? taken : -EFAULT;
}

// Whether there is, or may be, something to report: else 0 after having slept, or -errno.
static long look_and_sleep(struct epoll *epoll, struct seen *all, long count,
			   struct poll_table *table, uint64_t deadline)
{
	struct poll_table glance = {0};
	long ready = look_at_all(all, count, table);

	if (table->failed)
		return -ENOMEM;
	if (ready || !deadline)
		return ready;
	wait_prepare();
	poll_wait(&glance, &epoll->changed);
	if (!look_at_all(all, count, &glance) && glance.wakes == table->wakes)
		return wait_sleep(deadline);
	wait_cancel();
	return 1;
}

// `events`: room for `most` of them.
static long wait_once(struct epoll *epoll, struct io *to, struct epoll_event *events, size_t most,
		      uint64_t deadline)
{
	struct poll_table table;
	struct seen *all;
	long count, result = poll_table_start(&table, 1);

	if (result)
		return result;
	poll_wait(&table, &epoll->changed);
	result = count = take_along(epoll, &all);
	if (count >= 0) {
		result = look_and_sleep(epoll, all, count, &table, deadline);
		if (result > 0)
			result = report(epoll, all, count, events, most);
	}
	poll_table_end(&table);
	if (result > 0)
		result = deliver(epoll, all, count, to, events, result);
	if (count >= 0)
		let_go(all, count);
	return result;
}

static long wait_for_some(struct epoll *epoll, struct io *to, struct epoll_event *events,
			  size_t most, uint64_t deadline)
{
	for (;;) {
		long result = wait_once(epoll, to, events, most, deadline);

		if (result == -ETIMEDOUT)
			deadline = 0; // a last look
		else if (result == -ERESTARTSYS)
			return -EINTR;
		else if (result || !deadline)
			return result;
	}
}

long epoll_wait(struct file *file, struct io *to, uint64_t deadline)
{
	struct epoll *epoll = epoll_of(file);
	size_t most = to->left / sizeof(struct epoll_event);
	struct epoll_event *events;
	long result;

	if (!epoll)
		return -EINVAL;
	if (most > AT_ONCE)
		most = AT_ONCE; // the others come next time
	events = kmalloc(most * sizeof(*events));
	if (!events)
		return -ENOMEM;
	result = wait_for_some(epoll, to, events, most, deadline);
	kfree(events);
	return result;
}

// ---- the operations of the file ----
static unsigned epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *epoll = file->data;
	struct poll_table glance = {0};
	struct seen *all;
	long count, ready = 0;

	if (!table)
		table = &glance;
	poll_wait(table, &epoll->changed);
	count = take_along(epoll, &all);
	if (count < 0) {
		table->failed = true;
		return 0;
	}
	ready = look_at_all(all, count, table);
	let_go(all, count);
	return ready ? POLLIN | POLLRDNORM : 0;
}

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->data;
	struct watch *watch;

	do {
		spin_lock(&epoll_lock);
		watch = list_empty(&epoll->watches)
				? NULL
				: list_first_entry(&epoll->watches, struct watch, link);
		if (watch)
			take_out(watch);
		spin_unlock(&epoll_lock);
		kfree(watch);
	} while (watch);
	user_put(epoll->user);
	kfree(epoll);
}

static const struct file_ops epoll_ops = {
	.name = "[eventpoll]",
	.poll = epoll_poll,
	.stat = anonymous_stat,
	.release = epoll_release,
};

int epoll_install(int flags)
{
	struct epoll *epoll = kzalloc(sizeof(*epoll));
	int descriptor;

	if (!epoll)
		return -ENOMEM;
	epoll->user = user_get(current_credentials()->user);
	list_init(&epoll->watches);
	wait_queue_init(&epoll->changed);
	descriptor = anonymous_install(&epoll_ops, epoll, O_RDWR | (unsigned)flags);
	if (descriptor < 0) {
		user_put(epoll->user);
		kfree(epoll);
	}
	return descriptor;
}

void epoll_start(void)
{
	epoll_max_watches = frame_total() / 25 * PAGE_SIZE / WATCH_COST;
}
