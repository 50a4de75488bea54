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
	copy->references = 1;
}

static bool needs_table(const struct signal_action *action)
{
	return action->handler > (uintptr_t)SIG_IGN || action->flags || action->mask;
}

static void store(struct process *process, int signal, const struct signal_action *action)
{
	struct process_signals *signals = &process->signals;
	uint64_t bit = signal_bit(signal);

	signals->ignored &= ~bit;
	signals->caught &= ~bit;
	if (action->handler == (uintptr_t)SIG_IGN)
		signals->ignored |= bit;
	else if (action->handler != (uintptr_t)SIG_DFL)
		signals->caught |= bit;
	if (signals->actions)
		signals->actions->action[signal - 1] = *action;
	// What is pending and would now be ignored is forgotten, POSIX says.
	if (signals->ignored & bit ||
	    (!(signals->caught & bit) && signal_default(signal) == DEFAULT_IGNORE))
		signal_discard(process, bit);
}

// Whether the action can only be stored in another table. process_lock held, or a guess.
static bool must_replace(const struct process_signals *signals, const struct signal_action *action)
{
	return signals->actions ? signals->actions->references > 1 : needs_table(action);
}

void signal_action_read(int signal, struct signal_action *action)
{
	uint64_t flags = spin_lock_irqsave(&process_lock);

	*action = signal_action_get(current_process(), signal);
	spin_unlock_irqrestore(&process_lock, flags);
}

int signal_action_set(int signal, const struct signal_action *action, struct signal_action *old)
{
	struct process *process = current_process();
	struct process_signals *signals = &process->signals;
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
	*old = signal_action_get(process, signal);
	unused = own;
	if (own && must_replace(signals, action)) {
		actions_copy(own, signals->actions);
		unused = signals->actions;
		signals->actions = own;
		if (unused && --unused->references)
			unused = NULL;
	}
	store(process, signal, action);
	spin_unlock_irqrestore(&process_lock, flags);
	kfree(unused);
	return 0;
}
