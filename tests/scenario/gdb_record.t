#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make gdb-record`: a run is recorded, runs again exactly, and gdb steps backwards in it through a
page fault to who wrote the page-table entry. Only QEMU 7.2 is known to do it."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from gdb_session import Recorded, contains
from launch import replay

LIMIT = 120
COMMANDS = ["program-stop cow", "set variable $page = &page[0]",
            "break write_to if value == 'C'", "continue", "stepi", "reverse-stepi", "stepi",
            "stepi", "delete", "continue", "tbreak fork_vma", "reverse-continue",
            "mm-break-fault $page 3", "continue", "tbreak process_exit", "continue",
            "mm-who-wrote $page 3", "mm-walk $page 3", "mm-who-wrote $page 3"]


def recording(tap, directory):
    """Both runs without gdb: the same output, to the byte."""
    program = harness.built("user", "cow")
    first = harness.launch(["--record", directory, program])
    second = subprocess.run([os.path.join(harness.ROOT, "tools", "run"), "--replay", directory,
                             "--timeout", str(harness.LIMIT)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                            timeout=harness.LIMIT + 30)
    tap.ok(first.status == 0 and b"still reads 'P'" in first.output, "a run is recorded",
           first.describe())
    tap.same(second.stdout, first.output, "run again it prints the same")
    tap.ok(second.returncode == 0 and second.stderr == first.errors, "and logs the same",
           second.stderr.decode(errors="replace"))


def refusals(tap, directory):
    for options, part in ((["--replay", directory + "/none"], b"is no recording"),
                          (["--record", directory, "--cpus", "2"], b"is for one processor"),
                          (["--record", directory, "--iso"], b"does not go with --iso")):
        program = [] if "--replay" in options else [harness.built("user", "cow")]
        done = harness.launch(options + program)
        tap.ok(done.status == 125 and part in done.errors and done.errors.count(b"\n") == 1,
               f"{' '.join(options[::2])}: refused in one line", done.describe())


def through_the_fault(tap, session):
    contains(tap, session.of("stepi"), "page_fault_entry", "a step over the store: the fault")
    # What faulted was not executed, so one step back leads to the instruction before it.
    back = session.of("reverse-stepi")
    tap.ok("user/cow.c" in back and "*byte = value" not in back, "a step back: before it", back)
    contains(tap, session.of("stepi", 1), "*byte = value", "forwards: the store again")
    contains(tap, session.of("stepi", 2), "page_fault_entry", "and the fault again")
    contains(tap, session.of("continue", 1), "The recording ends here", "it stops at its end")
    contains(tap, session.of("reverse-continue"), "fork_vma", "and goes back from there")
    contains(tap, session.of("continue", 2), "write, process 3 (cow)",
             "mm-break-fault in a recording")


def who_wrote(tap, session):
    first, second = (session.of("mm-who-wrote $page 3", at) for at in range(2))
    tap.ok(re.search(r"^map_instead, mm/fault\.c:\d+:\n    \S", first, re.M)
           and "#1  copy (" in first and "page_fault_entry" in first,
           "mm-who-wrote: the copy wrote the entry", first)
    before = re.findall(r"^PT .*", first, re.M)
    tap.ok(len(before) == 2 and "writable" in before[0] and "read-only" in before[1],
           "it was writable after and read-only before", first)
    contains(tap, session.of("mm-walk $page 3"), before[-1] if before else "?",
             "and there the machine stands: the entry is the one from before")
    tap.ok("share_entries" in second and "mm_fork" in second,
           "asked again: fork had written the one before", second)


def main():
    tap = harness.Tap()
    if not shutil.which("gdb"):
        tap.skip("gdb is not installed: run make deps")
        return tap.done()
    warnings = replay.untried()
    if warnings:
        tap.skip(warnings[0])
        return tap.done()
    with tempfile.TemporaryDirectory(prefix="faultline-") as directory:
        recording(tap, directory)
        refusals(tap, directory)
        session = Recorded(COMMANDS, "--again", "--directory", directory, limit=LIMIT)
    through_the_fault(tap, session)
    who_wrote(tap, session)
    tap.note(f"all of gdb's:\n{session.text}" if tap.failed else "")
    return tap.done()


sys.exit(main())
