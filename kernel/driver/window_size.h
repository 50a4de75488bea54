// SPDX-License-Identifier: MIT
//
// How large the terminal's window is, as it changes: COM2, on which tools/run writes a line
// "ROWSxCOLUMNS" each time. What it was at the start is in the boot option winsize.
#pragma once

#include <asm/termios.h>

// Starts to listen, if there is a COM2.
void window_size_start(void);

// kernel/file/tty_control.c: the terminal has this size now; its foreground process group hears
// of a change (SIGWINCH). Any context, no lock held that comes after the terminal's.
void tty_resize(const struct winsize *size);
