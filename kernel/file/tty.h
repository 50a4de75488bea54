// SPDX-License-Identifier: MIT
//
// The console: COM1 as a terminal with a line discipline, or as plain streams of bytes when the
// reader's end is not a terminal (stdin=framed, console=raw); a debug console as the stream for
// stderr.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct file;
struct inode;

// Once, before the first process: reads the options, starts to listen on COM1.
int tty_start(void);

// Opens the terminal (/dev/tty, /dev/console). 0 or -errno.
int tty_open(struct inode *inode, unsigned flags, struct file **file);
// Opens the standard stream 0, 1 or 2 as the boot options say.
int tty_open_standard(unsigned descriptor, struct file **file);

// The terminal's foreground process group if it is this session's terminal, else 0.
int tty_foreground_of(int session);
// The leader of this session exits: nobody has the terminal any more, and the foreground group is
// told (SIGHUP).
void tty_session_ended(int session);
