// SPDX-License-Identifier: MIT
//
// What a process does about each signal: defaults, and rt_sigaction's table, which exists only
// once a process has set something in it.
#include "kernel/process/signal_action.h"

#include "kernel/machine/irq.h"
#include "kernel/process/lifetime.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/signal.h>
#include <linux/errno.h>

enum signal_default signal_default(int signal)
{
	switch (signal) {
	case SIGCHLD:
	case SIGURG:
	case SIGWINCH:
		return DEFAULT_IGNORE;
	case SIGCONT:
		return DEFAULT_CONTINUE;
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return DEFAULT_STOP;
	default:
		return DEFAULT_TERMINATE;
	}
}

struct signal_action signal_action_get(const struct process *process, int signal)
{
	const struct process_signals *signals = &process->signals;
	struct signal_action action = {0};

	if (signals->actions)
		action = signals->actions->action[signal - 1];
	// The masks are the process's own; the table may be shared with its parent and children.
	if (signals->ignored & signal_bit(signal))
		action.handler = (uintptr_t)SIG_IGN;
	else if (!(signals->caught & signal_bit(signal)))
		action.handler = (uintptr_t)SIG_DFL;
	return action;
}

// A table of a process's own, with what it had so far. A signal that is ignored is so in the mask
// only; the table can be missing then.
static void actions_copy(struct signal_actions *copy, const struct signal_actions *old)
{
	if (old)
		memcpy(copy->action, old->action, sizeof(copy->action));
	else
		memset(copy->action, 0, sizeof(copy->action));
}

static bool needs_table(const struct signal_action *action)
{
	return action->handler > (uintptr_t)SIG_IGN || action->flags || action->mask;
}

static void set_masks(struct process_signals *signals, uint64_t bit, uint64_t handler)
{
	signals->ignored &= ~bit;
	signals->caught &= ~bit;
	if (handler == (uintptr_t)SIG_IGN)
		signals->ignored |= bit;
	else if (handler != (uintptr_t)SIG_DFL)
		signals->caught |= bit;
}

static struct process *owner_of(struct process_signals *signals)
{
	return container_of(signals, struct process, signals);
}

void signal_action_reset(struct process *process, int signal)
{
	struct process_signals *signals;

	set_masks(&process->signals, signal_bit(signal), (uintptr_t)SIG_DFL);
	list_for_each_entry (signals, &process->signals.sharers, sharers)
		set_masks(signals, signal_bit(signal), (uintptr_t)SIG_DFL);
}

static void store(struct process_signals *signals, int signal, const struct signal_action *action)
{
	uint64_t bit = signal_bit(signal);

	set_masks(signals, bit, action->handler);
	if (signals->actions)
		signals->actions->action[signal - 1] = *action;
	// What is pending and would now be ignored is forgotten, POSIX says.
	if (signals->ignored & bit ||
	    (!(signals->caught & bit) && signal_default(signal) == DEFAULT_IGNORE))
		signal_discard(owner_of(signals), bit);
}

static uint32_t sharer_count(const struct process_signals *signals)
{
	const struct process_signals *other;
	uint32_t count = 1;

	list_for_each_entry (other, &signals->sharers, sharers)
		count++;
	return count;
}

// Whether the action can only be stored in another table. process_lock held.
static bool must_replace(const struct process_signals *signals, const struct signal_action *action)
{
	return signals->actions ? signals->actions->references > sharer_count(signals)
				: needs_table(action);
}

// `own` becomes the table of the process, and of those it shares its actions with. The old one
// when nobody has it any more.
static struct signal_actions *replace_table(struct process_signals *signals,
					    struct signal_actions *own)
{
	struct signal_actions *old = signals->actions;
	struct process_signals *other;

	actions_copy(own, old);
	own->references = sharer_count(signals);
	signals->actions = own;
	list_for_each_entry (other, &signals->sharers, sharers)
		other->actions = own;
	if (!old)
		return NULL;
	old->references -= own->references;
	return old->references ? NULL : old;
}

void signal_action_read(int signal, struct signal_action *action)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	*action = signal_action_get(current_process(), signal);
	spin_unlock_irqrestore(&process_lock, flags);
}

int signal_action_set(int signal, const struct signal_action *action, struct signal_action *old)
{
	struct process_signals *signals = &current_process()->signals, *other;
	struct signal_actions *own = NULL, *unused;
	uint64_t flags = spin_lock_irqsave(&process_lock);

	// Nobody allocates under the lock, and without it another thread may be faster.
	while (!own && must_replace(signals, action)) {
		spin_unlock_irqrestore(&process_lock, flags);
		own = kmalloc(sizeof(*own));
		if (!own)
			return -ENOMEM;
		flags = spin_lock_irqsave(&process_lock);
	}
	*old = signal_action_get(owner_of(signals), signal);
	unused = own;
	if (own && must_replace(signals, action))
		unused = replace_table(signals, own);
	store(signals, signal, action);
	list_for_each_entry (other, &signals->sharers, sharers)
		store(other, signal, action);
	spin_unlock_irqrestore(&process_lock, flags);
	kfree(unused);
	return 0;
}
