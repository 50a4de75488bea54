// SPDX-License-Identifier: MIT
//
// The terminal's control calls: settings, window size, foreground process group. Left out:
// modem lines, break, pseudo-terminals, and the old struct termio.
#include "kernel/driver/window_size.h"
#include "kernel/file/tty_internal.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/user_copy.h"
#include "lib/string.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/siginfo.h>

#define QUEUE_INPUT 0 // TCFLSH: TCIFLUSH, TCOFLUSH, TCIOFLUSH
#define QUEUE_BOTH  2

static bool is_ours(const struct tty_owner *owner)
{
	return owner->session && current_process()->session == owner->session;
}

// ---- settings ----
static long get_settings(uintptr_t argument)
{
	struct termios settings;
	uint64_t flags = spin_lock_irqsave(&tty.lock);

	settings = tty.line.settings;
	spin_unlock_irqrestore(&tty.lock, flags);
	return copy_to_user(argument, &settings, sizeof(settings));
}

// Output is never pending: TCSETSW differs from TCSETS in nothing.
static long set_settings(uintptr_t argument, bool flush)
{
	struct termios settings;
	uint64_t flags;
	int result = tty_check_background(SIGTTOU);

	if (result)
		return result;
	if (copy_from_user(&settings, argument, sizeof(settings)))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty.lock);
	if (flush)
		line_flush(&tty.line);
	line_set(&tty.line, &settings);
	spin_unlock_irqrestore(&tty.lock, flags);
	wake_all(&tty.readable);
	wake_all(&tty.started);
	return 0;
}

static long flush_queue(uintptr_t which)
{
	uint64_t flags;

	if (which > QUEUE_BOTH)
		return -EINVAL;
	if (which == QUEUE_INPUT || which == QUEUE_BOTH) {
		flags = spin_lock_irqsave(&tty.lock);
		line_flush(&tty.line);
		spin_unlock_irqrestore(&tty.lock, flags);
	}
	return 0;
}

static long input_queued(uintptr_t argument)
{
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	int count = (int)line_available(&tty.line);

	spin_unlock_irqrestore(&tty.lock, flags);
	return copy_to_user(argument, &count, sizeof(count));
}

// ---- window size ----
static long get_size(uintptr_t argument)
{
	struct winsize size;
	uint64_t flags = spin_lock_irqsave(&tty.lock);

	size = tty.size;
	spin_unlock_irqrestore(&tty.lock, flags);
	return copy_to_user(argument, &size, sizeof(size));
}

void tty_resize(const struct winsize *size)
{
	struct signal_info info = {.signal = SIGWINCH, .code = SI_KERNEL};
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	int group = memcmp(size, &tty.size, sizeof(*size)) ? tty.foreground : 0;

	tty.size = *size;
	spin_unlock_irqrestore(&tty.lock, flags);
	if (group)
		signal_send_group(group, &info);
}

static long set_size(uintptr_t argument)
{
	struct winsize size;

	if (copy_from_user(&size, argument, sizeof(size)))
		return -EFAULT;
	tty_resize(&size);
	return 0;
}

// ---- job control ----
static long get_number(const struct tty_owner *owner, int number, uintptr_t argument)
{
	if (!is_ours(owner))
		return -ENOTTY;
	return copy_to_user(argument, &number, sizeof(number));
}

// Gives the terminal to a group of `session`, if it still is that session's.
static long give_to(int session, int group)
{
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	long result = tty.session == session ? 0 : -ENOTTY;

	if (result == 0)
		tty.foreground = group;
	spin_unlock_irqrestore(&tty.lock, flags);
	return result;
}

static long set_foreground(const struct tty_owner *owner, uintptr_t argument)
{
	int group, session;
	long result;

	if (!is_ours(owner))
		return -ENOTTY;
	result = tty_check_background(SIGTTOU);
	if (result)
		return result;
	if (copy_from_user(&group, argument, sizeof(group)))
		return -EFAULT;
	if (group < 0)
		return -EINVAL;
	session = process_session_of_group(group);
	if (session < 0)
		return session;
	return session == owner->session ? give_to(session, group) : -EPERM;
}

// A session leader without a terminal takes this one if nobody has it.
static long take_terminal(uintptr_t steal)
{
	struct process *process = current_process();
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	long result = 0;

	if (process->session != tty.session) {
		if (process->session != process->pid || (tty.session && steal != 1)) {
			result = -EPERM;
		} else {
			tty.session = process->session;
			tty.foreground = process->group;
		}
	}
	spin_unlock_irqrestore(&tty.lock, flags);
	return result;
}

static long leave_terminal(const struct tty_owner *owner)
{
	if (!is_ours(owner))
		return -ENOTTY;
	if (current_process()->session == current_process()->pid)
		tty_session_ended(owner->session);
	return 0;
}

static long job_ioctl(unsigned command, uintptr_t argument)
{
	struct tty_owner owner = tty_owner();

	switch (command) {
	case TIOCGPGRP:
		return get_number(&owner, owner.foreground, argument);
	case TIOCSPGRP:
		return set_foreground(&owner, argument);
	case TIOCGSID:
		return get_number(&owner, owner.session, argument);
	case TIOCSCTTY:
		return take_terminal(argument);
	case TIOCNOTTY:
		return leave_terminal(&owner);
	default:
		return -ENOTTY;
	}
}

long tty_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	int zero = 0;

	(void)file;
	switch (command) {
	case TCGETS:
		return get_settings(argument);
	case TCSETS:
	case TCSETSW:
		return set_settings(argument, false);
	case TCSETSF:
		return set_settings(argument, true);
	case TIOCGWINSZ:
		return get_size(argument);
	case TIOCSWINSZ:
		return set_size(argument);
	case TCFLSH:
		return flush_queue(argument);
	case TCSBRK: // break, or wait for output: nothing is ever pending
	case TCSBRKP:
	case TCXONC:
		return 0;
	case FIONREAD:
		return input_queued(argument);
	case TIOCOUTQ:
		return copy_to_user(argument, &zero, sizeof(zero));
	default:
		return job_ioctl(command, argument);
	}
}
