# SPDX-License-Identifier: MIT
"""The parts of tools/run: a program of the host, which the kernel is booted for.

options.py   what can be asked for
archive.py   the initrd: cpio archives in the `newc` form, written and read
program.py   the program and its files, as an initrd
machine.py   QEMU's command line
bochs.py     the same machine in Bochs, for --bochs
replay.py    a run recorded and run again, for --record and --replay
channels.py  bytes between the host's stdin, stdout, stderr and the guest's serial ports
verdict.py   the exit status, from the kernel's log

Everything that goes wrong before or beside the kernel is a LaunchError: one line, status 125.
"""


class LaunchError(Exception):
    """An error of the launcher's own, or of what it was asked for."""
