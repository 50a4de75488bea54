#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guided tour, straight through and with a reader at a terminal, and the prompt after it. The
figures are checked by the stations themselves; here it counts that all were visited and held."""
import os
import pty
import re
import select
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

STATIONS = ["N1.1", "N1.3", "N1.4", "N1.5", "N2.4", "N2.6", "N2.9", "N2.11", "N2.15"]
OPTIONS = ["--initrd", harness.built("initrd.cpio")]
PROMPT = b"faultline>"


def straight_through(tap):
    result = harness.run("/bin/init", options=OPTIONS)
    tap.ok(result.status == 0, "without a terminal the tour runs through: status 0",
           result.describe())
    for station in STATIONS:
        found = re.search(rb"^--- %s: [1-9]\d* checks, 0 failed ---$" % station.encode(),
                          result.output, re.M)
        tap.ok(found, f"{station}: every check held", result.output.decode(errors="replace"))
    tap.ok(b"DOES NOT HOLD" not in result.output and b"\033" not in result.output,
           "no check failed, and no colour where there is no terminal")
    tap.ok(PROMPT not in result.output, "no prompt where nobody sits")
    tap.ok(re.search(rb"^faultline: audit: [1-9]\d* facts, 0 wrong", result.errors, re.M),
           "the audit at the end is clean", result.describe())
    tap.ok(not re.search(rb"frames: (anonymous|page-table) ", result.errors),
           "no frame of a process stayed behind", result.describe())


def single(tap):
    result = harness.run("/bin/tour", "n1.3", options=OPTIONS)
    tap.ok(result.status == 0 and result.output.count(b"\n=== ") == 1, "one station by its name",
           result.describe())
    result = harness.run("/bin/tour", "--list", options=OPTIONS)
    tap.ok([line.split()[0].decode() for line in result.output.splitlines()] == STATIONS,
           "--list names all of them", result.describe())
    result = harness.run("/bin/tour", "N9.9", options=OPTIONS)
    tap.ok(result.status == 2, "no such station: status 2", result.describe())


def out_of_memory(tap):
    """Without the memory that a station needs, it must fail and say so, not pass."""
    result = harness.run("/bin/tour", "N1.5", options=OPTIONS + ["--memory", "16M"])
    tap.ok(result.status != 0 and b"0 failed" not in result.output,
           "a station that cannot do its thing does not pass",
           result.describe())


class Session:
    """A reader at a pseudo-terminal."""

    def __init__(self):
        self.shown = b""
        self.read_up_to = 0
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            run = os.path.join(harness.ROOT, "tools", "run")
            os.environ["TERM"] = "xterm"
            os.execv(run, [run, "--kernel", harness.built("kernel.elf"), "--timeout",
                           str(harness.LIMIT), "--quiet"] + OPTIONS + ["--init", "/bin/init"])

    def wait(self, text):
        """Reads until `text` shows; what came up to there since the last time, or None."""
        limit = time.monotonic() + harness.LIMIT
        while text not in self.shown[self.read_up_to:] and time.monotonic() < limit:
            if self.terminal in select.select([self.terminal], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.terminal, 65536)
                except OSError:  # the other end is closed
                    return None
        at = self.shown.find(text, self.read_up_to)
        if at < 0:
            return None
        began, self.read_up_to = self.read_up_to, at + len(text)
        return self.shown[began:at]

    def type(self, keys, then=PROMPT):
        os.write(self.terminal, keys)
        return self.wait(then)

    def end(self):
        self.wait(b"nothing more is awaited")
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


def at_a_terminal(tap):
    session = Session()
    first = session.wait(b"go on") or b""
    tap.ok(b"N1.1: " in first and b"N1.3: " not in first and b"\033[" in first,
           "after a station the tour waits, in colour", session.shown)
    tap.ok(b"N1.3: " in (session.type(b"\r", b"go on") or b""), "Enter goes on", session.shown)
    tap.ok(b"N1.4: " in (session.type(b" ", b"go on") or b""), "so does the space bar",
           session.shown)
    left = session.type(b"q")
    tap.ok(left is not None and b"===" not in left, "q leads to the prompt", session.shown)
    return session


def at_the_prompt(tap, session):
    listed = session.type(b"help\r") or b""
    user = os.path.join(harness.ROOT, "user")
    sources = [name for name in os.listdir(user) if name.endswith(".c") or
               os.path.exists(os.path.join(user, name, "main.c"))]
    missing = [name for name in sources if name.removesuffix(".c").encode() not in listed]
    tap.ok(not missing, "help lists every program", f"{missing}: {listed}")
    for command, wanted in [(b"frames", b"page-table"), (b"audit", b", 0 wrong"),
                            (b"maps", b"/bin/maps"), (b"maps 1", b"/bin/init"),
                            (b"walk", b"references: "), (b"faults", b"demand-zero"),
                            (b"trace maps", b"page fault"), (b"tour N2.4", b"N2.4: "),
                            (b"walk zero", b"exit status 2"), (b"none", b"no program none")]:
        tap.contains(session.type(command + b"\r") or b"", wanted,
                     f"{command.decode()} at the prompt")
    session.type(b"tour\r", b"go on")
    session.type(b"\x03")
    tap.contains(session.type(b"auditt\x7f\r") or b"", b", 0 wrong",
                 "Ctrl-C leaves the tour, and lines can be edited again")
    session.type(b"exit\r", b"\n")
    status = session.end()
    tap.ok(status == 0, "exit ends it all with status 0", f"status {status}: {session.shown}")


def main():
    tap = harness.Tap()
    straight_through(tap)
    single(tap)
    out_of_memory(tap)
    if harness.terminals():
        at_the_prompt(tap, at_a_terminal(tap))
    else:
        tap.skip("at a terminal: no pseudo-terminals here")
    return tap.done()


sys.exit(main())
