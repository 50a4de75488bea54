// SPDX-License-Identifier: MIT
//
// What tty.c and tty_control.c share: the one terminal.
#pragma once

#include "kernel/file/file.h"
#include "kernel/file/line_discipline.h"
#include "kernel/process/sleep_lock.h"
#include "kernel/file/tty.h"
#include "kernel/process/process.h"
#include "lib/spinlock.h"
#include <asm/signal.h>
#include <asm/termios.h>

struct tty {
	// Taken with interrupts off, after a driver's input lock, before process_lock: guards all
	// that is not said to be otherwise.
	struct spinlock lock;
	struct line line;
	struct wait_queue readable; // woken by input
	struct wait_queue started;  // woken when output goes on after ^S
	struct sleep_lock reader;   // one read at a time; outermost
	struct sleep_lock writer;   // one write at a time; outermost
	struct winsize size;
	int session;    // whose controlling terminal it is; 0: nobody's
	int foreground; // its foreground process group; 0: none
};

extern struct tty tty;

// Who has the terminal, at this moment.
struct tty_owner {
	int session, foreground;
};
struct tty_owner tty_owner(void);

// A process in the background is told so: 0 (go on), -EIO, or -ERESTARTSYS after the signal.
int tty_check_background(int signal);

long tty_ioctl(struct file *file, unsigned command, uintptr_t argument);
