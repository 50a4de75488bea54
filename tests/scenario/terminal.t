#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/run at a terminal (a pseudo-terminal that this test plays the person of)."""
import os
import pty
import select
import socket
import struct
import sys
import termios
import time
import fcntl

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

ENDS = harness.built("tests", "scenario", "ends")
RUN = [os.path.join(harness.ROOT, "tools", "run"), "--kernel", harness.built("kernel.elf"),
       "--timeout", str(harness.LIMIT)]


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def session(arguments, keys=b"", after=b"console ready", steps=()):
    """(status, all that the terminal showed); types the keys once it shows `after`. `steps`: more
    that is done in turn, (after, what is called with the terminal)."""
    steps = [(after, lambda terminal: os.write(terminal, keys))] * bool(keys) + list(steps)
    child, terminal = pty.fork()
    if child == 0:
        resize(0, 33, 101)
        os.execv(RUN[0], RUN + arguments)
    shown, limit = b"", time.monotonic() + harness.LIMIT + 10
    while time.monotonic() < limit:
        if steps and steps[0][0] in shown:
            steps.pop(0)[1](terminal)
        if terminal in select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def window(tap):
    """The guest's terminal has our window's size also when that changes, and says so (SIGWINCH)."""
    def many(terminal):
        for rows in range(40, 0, -1):
            resize(terminal, rows, 7)

    status, shown = session([ENDS, "window"], steps=[
        (b"window 33x101\r\n", lambda terminal: resize(terminal, 50, 132)),
        (b"window 50x132\r\n", lambda terminal: resize(terminal, 24, 80)),
        (b"window 24x80\r\n", many)])
    tap.ok(status == 7 and b"window 1x7\r\n" in shown, "a window that is resized",
           f"status {status}: {shown}")


def main():
    if not harness.terminals():
        print("1..0 # SKIP no pseudo-terminals here")
        return 0
    tap = harness.Tap()
    status, shown = session([ENDS, "terminal"])
    tap.contains(shown, b"input 1 output 1 size 0: 33x101\r\n", "it is a terminal of our size")
    window(tap)
    status, shown = session([ENDS, "line"], b"helpo\x7f\x7flo\r")
    tap.contains(shown, b"got 6: hello\r\n", "keys are edited into a line, Enter ends it")
    status, shown = session([ENDS, "line"], b"\x04")
    tap.contains(shown, b"no line\r\n", "Ctrl-D is the end of the input")
    status, shown = session([ENDS, "loop"], b"\x03")
    tap.ok(status == 130, "Ctrl-C interrupts the program", f"status {status}: {shown}")
    status, shown = session([ENDS, "loop"], b"\x01x")
    tap.ok(status == 143, "Ctrl-A x leaves", f"status {status}: {shown}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    status, shown = session(["--gdb", "--gdb-port", str(port), ENDS, "loop"], b"\x03\x01x",
                            after=b"waits for gdb at port %d" % port)
    tap.ok(status == 143, "so it does while gdb is waited for, whatever else was typed",
           f"status {status}: {shown}")
    return tap.done()


sys.exit(main())
