// SPDX-License-Identifier: MIT
//
// Checks on locks at run time, in debug builds. A mistake ends the machine with a report, before
// it becomes a deadlock where it can be seen before:
//
// - order: a lock is taken while another is held, and elsewhere the other way round, by however
//   many steps (lib/lock_graph.h). The report has the call stacks of both.
// - interrupts: a lock that an interrupt handler waits for, or that is ever taken as one of those
//   (spin_lock_irqsave), is held with interrupts on, or may have to wait for one that is.
// - a lock taken again by its holder; released by nobody's holder, or by another CPU than its
//   holder's; waited for longer than a minute.
// - sleeping, touching ring 3's memory or going back to it with a spin lock held.
//
// A lock held for longer than a second is only told in the log, once: on a busy host a virtual CPU
// may stand still.
//
// Spin locks are held by a CPU: ring 0 is not preempted, and an interrupt handler releases what it
// takes. Locks that sleep are held by a task (kernel/process/sleep_check.c); they come before all
// spin locks.
//
// `graph_lock` guards the graph: a bare word, taken with interrupts off.
#include "kernel/machine/lock_check.h"

#ifdef LOCK_CHECKS

#include "kernel/driver/log.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/symbols.h"
#include "kernel/machine/timer.h"
#include "kernel/process/task.h"
#include "lib/spinlock.h"
#include <asm/processor-flags.h>

#define HELD_MAX 16
#define SECOND   1000000000ul

struct held {
	struct spinlock *lock;
	uint64_t since; // clock_monotonic()
	uintptr_t caller;
	bool irqs_on_seen; // it has been held with interrupts on
};

// Each CPU's own.
static struct cpu_locks {
	unsigned count;
	unsigned interrupts; // handlers that run, one inside of the other
	struct held held[HELD_MAX];
} cpu_locks[MAX_CPUS];

static struct lock_graph graph;
static bool graph_lock;
static bool off; // a report is being made, or the tables are full
static bool long_hold_told;
static uint64_t held_limit = SECOND, wait_limit = 60 * SECOND; // ns

static struct cpu_locks *mine(void)
{
	return &cpu_locks[this_cpu()->number];
}

static bool is_off(void)
{
	return __atomic_load_n(&off, __ATOMIC_RELAXED);
}

// ---- reports ----
// Whoever is first makes the report; others go on unchecked until the machine has stopped.
bool lock_report_begin(void)
{
	if (__atomic_exchange_n(&off, true, __ATOMIC_SEQ_CST))
		return false;
	log_break_lock(); // it may be among those held
	return true;
}

static void log_callers(const uintptr_t callers[LOCK_CALLERS])
{
	char name[80];

	for (unsigned i = 0; i < LOCK_CALLERS && callers[i]; i++)
		log_line("  %s", symbol_describe(callers[i], name, sizeof(name)));
}

static void log_path(const uint8_t *path, unsigned length)
{
	for (unsigned i = 0; i + 1 < length; i++) {
		const struct lock_class *from = &graph.classes[path[i]];
		const struct lock_class *to = &graph.classes[path[i + 1]];
		const struct lock_edge *edge = lock_graph_edge(&graph, path[i], path[i + 1]);

		log_line("locks: %s (%s) was taken with %s (%s) held by:", to->name, to->file,
			 from->name, from->file);
		if (edge)
			log_callers(edge->callers);
	}
}

// A handler that comes now would find what is held half written.
static uint64_t interrupts_off(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static void interrupts_restore(uint64_t flags)
{
	if (flags & X86_EFLAGS_IF)
		__asm__ volatile("sti" : : : "memory");
}

// ---- the graph ----
static uint64_t lock_graph_begin(void)
{
	struct spin spin = {0};
	uint64_t flags = interrupts_off();

	while (__atomic_test_and_set(&graph_lock, __ATOMIC_ACQUIRE))
		spin_wait(&spin);
	return flags;
}

static void lock_graph_end(uint64_t flags)
{
	__atomic_clear(&graph_lock, __ATOMIC_RELEASE);
	interrupts_restore(flags);
}

int lock_class_of(struct lock_check *check, const char *name, const char *file)
{
	uint64_t flags;
	int class;

	if (check->class)
		return check->class - 1;
	flags = lock_graph_begin();
	if (!check->name) {
		check->name = name;
		check->file = file;
	}
	class = lock_graph_class(&graph, check->name, check->file);
	check->class = (uint8_t)(class + 1);
	lock_graph_end(flags);
	if (class < 0 && lock_report_begin())
		log_line("locks: more than %u kinds: no more checks", LOCK_CLASSES);
	return class;
}

// Who called the function whose frame this is, and so on. The last frame of a stack leads to
// whatever ring 3 had in rbp.
static void collect_callers(uintptr_t frame, uintptr_t callers[LOCK_CALLERS])
{
	const struct task *task = cpu_current_task();
	unsigned count = 0;

	while (count < LOCK_CALLERS) {
		const uintptr_t *words = (const uintptr_t *)frame;
		uintptr_t next = words[0];

		callers[count++] = words[1];
		if (next <= frame || next - frame > KERNEL_STACK_SIZE ||
		    (task && task->stack && next > task_stack_top(task) - 2 * sizeof(*words)))
			break;
		frame = next;
	}
	while (count < LOCK_CALLERS)
		callers[count++] = 0;
}

static void report_unsafe(const uint8_t *path, unsigned length)
{
	const struct lock_class *first = &graph.classes[path[0]];
	const struct lock_class *last = &graph.classes[path[length - 1]];

	if (!lock_report_begin())
		return;
	log_path(path, length);
	if (length == 1)
		panic("locks: %s (%s) is held with interrupts on, and taken by their handlers",
		      first->name, first->file);
	panic("locks: %s (%s), which interrupt handlers take, waits for %s (%s), which is held "
	      "with interrupts on",
	      first->name, first->file, last->name, last->file);
}

static void add_use(unsigned class, uint8_t use)
{
	uint8_t path[LOCK_CLASSES];
	unsigned length;
	uint64_t flags;

	if (__atomic_load_n(&graph.classes[class].uses, __ATOMIC_RELAXED) & use)
		return;
	flags = lock_graph_begin();
	__atomic_or_fetch(&graph.classes[class].uses, use, __ATOMIC_RELAXED);
	length = lock_graph_unsafe_path(&graph, class, path);
	lock_graph_end(flags);
	if (length)
		report_unsafe(path, length);
}

static void report_circle(const uint8_t *path, unsigned length,
			  const uintptr_t callers[LOCK_CALLERS])
{
	const struct lock_class *to = &graph.classes[path[0]];
	const struct lock_class *from = &graph.classes[path[length - 1]];

	if (!lock_report_begin())
		return;
	log_path(path, length);
	log_line("locks: %s (%s) is being taken with %s (%s) held by:", to->name, to->file,
		 from->name, from->file);
	log_callers(callers);
	panic("locks: %s (%s) and %s (%s) are taken in either order", from->name, from->file,
	      to->name, to->file);
}

void lock_order_add(unsigned from, unsigned to, uintptr_t frame)
{
	uint8_t path[LOCK_CLASSES];
	uintptr_t callers[LOCK_CALLERS];
	unsigned circle, unsafe = 0;
	bool full = false;
	uint64_t flags;

	if (lock_graph_has_edge(&graph, from, to) || is_off())
		return;
	collect_callers(frame, callers);
	flags = lock_graph_begin();
	circle = lock_graph_path(&graph, to, from, path);
	if (!circle) {
		full = !lock_graph_add_edge(&graph, from, to, callers);
		unsafe = lock_graph_unsafe_path(&graph, to, path);
	}
	lock_graph_end(flags);
	if (circle)
		report_circle(path, circle, callers);
	if (unsafe)
		report_unsafe(path, unsafe);
	if (full && lock_report_begin())
		log_line("locks: no room for more than %u pairs: no more checks", LOCK_EDGES);
}

// ---- one lock ----
static struct held *find_held(struct cpu_locks *locks, const struct spinlock *lock)
{
	for (unsigned i = locks->count; i-- > 0;) {
		if (locks->held[i].lock == lock)
			return &locks->held[i];
	}
	return NULL;
}

// Before waiting for it: what this adds to the order.
static void check_order(struct cpu_locks *locks, const struct spinlock *lock, unsigned class,
			unsigned how, uintptr_t frame)
{
	for (unsigned i = 0; i < locks->count; i++) {
		unsigned before = locks->held[i].lock->check.class - 1u;

		if (before != class) {
			lock_order_add(before, class, frame);
			continue;
		}
		if (!(how & LOCK_SECOND) && lock_report_begin())
			panic("locks: two of %s (%s) are held, %p and %p", lock->check.name,
			      lock->check.file, (void *)locks->held[i].lock, (const void *)lock);
	}
	if (!locks->interrupts)
		sleep_locks_order(class, frame);
}

static void remember(struct cpu_locks *locks, struct spinlock *lock, unsigned class,
		     uintptr_t caller)
{
	struct held *held;
	uint64_t flags;

	if (locks->count == HELD_MAX) {
		if (lock_report_begin())
			panic("locks: more than %u are held", HELD_MAX);
		return;
	}
	flags = interrupts_off();
	held = &locks->held[locks->count++];
	*held = (struct held){.lock = lock,
			      .since = clock_monotonic(),
			      .caller = caller,
			      .irqs_on_seen = flags & X86_EFLAGS_IF};
	lock->check.owner = (uint8_t)(this_cpu()->number + 1);
	interrupts_restore(flags);
	if (flags & X86_EFLAGS_IF)
		add_use(class, LOCK_INTERRUPTS_ON);
}

// Bounded: a deadlock that no rule has foreseen ends in a report too.
static void wait_for(struct spinlock *lock)
{
	uint64_t since = clock_monotonic();
	struct spin spin = {0};

	while (!(spin_trylock)(lock)) {
		spin_wait(&spin);
		if (clock_monotonic() - since < wait_limit || is_off())
			continue;
		if (lock_report_begin())
			panic("locks: %s (%s) is not released by CPU %u", lock->check.name,
			      lock->check.file, lock->check.owner - 1u);
	}
}

void lock_check_init(struct spinlock *lock, const char *name, const char *file)
{
	*lock = (struct spinlock){.check = {.name = name, .file = file}};
}

void lock_check_take(struct spinlock *lock, const char *name, const char *file, unsigned how)
{
	struct cpu_locks *locks = mine();
	int class;

	if (is_off()) {
		(spin_lock)(lock);
		return;
	}
	class = lock_class_of(&lock->check, name, file);
	if (class >= 0) {
		if (find_held(locks, lock) && lock_report_begin())
			panic("locks: %s (%s) is taken again by its holder", lock->check.name,
			      lock->check.file);
		check_order(locks, lock, (unsigned)class, how,
			    (uintptr_t)__builtin_frame_address(0));
		if (locks->interrupts || how & LOCK_SAVING)
			add_use((unsigned)class, LOCK_IN_INTERRUPT);
	}
	wait_for(lock);
	if (class >= 0 && !is_off())
		remember(locks, lock, (unsigned)class, (uintptr_t)__builtin_return_address(0));
}

bool lock_check_try(struct spinlock *lock, const char *name, const char *file)
{
	int class;

	if (!(spin_trylock)(lock))
		return false;
	if (is_off())
		return true;
	class = lock_class_of(&lock->check, name, file);
	if (class >= 0)
		remember(mine(), lock, (unsigned)class, (uintptr_t)__builtin_return_address(0));
	return true;
}

// Told after the release: the log takes locks itself.
static void tell_long_hold(const struct spinlock *lock, const struct held *held)
{
	uint64_t duration = clock_monotonic() - held->since;
	char caller[80];

	if (duration < held_limit || __atomic_exchange_n(&long_hold_told, true, __ATOMIC_RELAXED))
		return;
	log_line("locks: %s (%s) was held for %lu ms by %s", lock->check.name, lock->check.file,
		 duration / 1000000, symbol_describe(held->caller, caller, sizeof(caller)));
}

static void report_release(const struct spinlock *lock)
{
	const char *name = lock->check.name ? lock->check.name : "a lock never taken";

	if (!lock_report_begin())
		return;
	if (!__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
		panic("locks: %s is released, but nobody holds it", name);
	panic("locks: %s is released by CPU %u, but held by CPU %u", name, this_cpu()->number,
	      lock->check.owner - 1u);
}

void lock_check_release(struct spinlock *lock)
{
	struct cpu_locks *locks = mine();
	struct held *held = find_held(locks, lock), was;
	uint64_t flags;

	if (!held && !is_off())
		report_release(lock);
	if (!held) {
		(spin_unlock)(lock);
		return;
	}
	flags = interrupts_off();
	was = *held;
	locks->count--;
	for (; held < &locks->held[locks->count]; held++)
		*held = held[1];
	lock->check.owner = 0;
	interrupts_restore(flags);
	(spin_unlock)(lock);
	// Not from the midst of other locks: the log's order is none of theirs.
	if (!locks->count && !is_off())
		tell_long_hold(lock, &was);
}

// ---- where no lock may be held ----
void lock_check_interrupts_on(void)
{
	struct cpu_locks *locks = mine();

	for (unsigned i = 0; i < locks->count && !is_off(); i++) {
		if (locks->held[i].irqs_on_seen)
			continue;
		locks->held[i].irqs_on_seen = true;
		add_use(locks->held[i].lock->check.class - 1u, LOCK_INTERRUPTS_ON);
	}
}

void lock_check_interrupt(bool begins)
{
	struct cpu_locks *locks = mine();

	if (begins)
		locks->interrupts++;
	else
		locks->interrupts--;
}

static void check_none_held(const char *what)
{
	const struct cpu_locks *locks = mine();
	const struct spinlock *lock;

	if (!locks->count || is_off() || !lock_report_begin())
		return;
	lock = locks->held[locks->count - 1].lock;
	panic("locks: %s with %s (%s) held", what, lock->check.name, lock->check.file);
}

void lock_check_may_sleep(void)
{
	check_none_held("a task may sleep");
	if (mine()->interrupts && !is_off() && lock_report_begin())
		panic("locks: an interrupt handler may sleep");
}

void lock_check_leaves_kernel(void)
{
	check_none_held("ring 3 goes on");
	sleep_locks_check_none();
}

void lock_check_set_limits(uint64_t held, uint64_t wait)
{
	held_limit = held;
	wait_limit = wait;
}

#endif
