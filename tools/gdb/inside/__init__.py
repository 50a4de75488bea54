# SPDX-License-Identifier: MIT
"""The kernel's memory, seen from gdb while the machine stands still. `help mm` lists the commands.

memory.py      bytes of the guest, remembered until it runs on
kernel.py      the kernel's variables and structures, by its debug information; its CPUs
page_table.py  walks, entries, the names of bits
frames.py      the table of frames, buddy lists, who owns a frame
space.py       processes, threads, address spaces, VMAs, files
reverse.py     who maps a frame
programs.py    symbols of ring-3 programs
heap.py        the heap of lib/libc's malloc in a program
audit.py       everything recounted
command.py     what all commands share: arguments, completion, errors
show_*.py      the commands

Nothing here calls a function of the kernel or writes to it, so it works at any breakpoint: what is
half-made is shown as it is. Structures are decoded by their DWARF types, in a build of any
optimisation."""
