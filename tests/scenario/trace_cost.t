#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the trace costs where nobody looks: one instruction for each site passed, against a kernel
that is compiled without the sites (untraced in tools/build/mutants.mk). How many sites an
operation passes is what it records when all is recorded."""
import collections
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
from tracefile import records
from tracefile.header import EVENTS

PROGRAM = harness.built("tests", "scenario", "sites")
AT_LEAST = 11  # operations
MARK, SYSCALL = EVENTS["MARK"], EVENTS["SYSCALL"]
# Each the only record, or the last one, of a site.
SITES = {EVENTS[name] for name in (
    "FAULT", "FRAME_ALLOC", "FRAME_FREE", "TABLE_ALLOC", "TABLE_FREE", "VMA", "FORK", "TASK",
    "EXIT", "SWITCH", "SIGNAL", "SYSCALL")}


def ticks(tap, title, **options):
    """{operation: fewest instructions}"""
    done = harness.run(PROGRAM, **options)
    found = {words[0]: int(words[1]) for words in map(str.split, done.output.decode().splitlines())}
    tap.ok(done.status == 0 and len(found) >= AT_LEAST, f"{title}: the program ran",
           done.describe())
    return found


def sites_passed(path):
    """[usual number of sites] of each operation in order: what lies between two marks, but for the
    call that writes the second one. (A tick in between adds some, or leaves out a switch.)"""
    passed, count, inside = collections.defaultdict(collections.Counter), collections.Counter(), 0
    for record in records.read(path):
        if record.event == MARK:
            if inside:
                passed[inside][sum(count[event] for event in SITES) - 1] += 1
            inside, count = record.a, collections.Counter()
        count[record.event] += 1
    return [passed[number].most_common(1)[0][0] for number in sorted(passed)]


def main():
    tap = harness.Tap()
    # One more for so many: a site moves what comes after it, and the NOPs that align a loop are
    # passed, too. Clang chooses otherwise what it inlines where there are sites.
    allowance = 3 if harness.with_clang() else 40
    with tempfile.TemporaryDirectory(prefix="trace-cost-") as directory:
        path = os.path.join(directory, "trace")
        ticks(tap, "traced", options=["--icount", "--trace", path])
        passed = sites_passed(path)
    with_sites = ticks(tap, "with the sites", options=["--icount"])
    without = ticks(tap, "without", options=["--icount"],
                    kernel=harness.built("untraced", "kernel.elf"))
    tap.ok(len(passed) == len(with_sites), "every operation was traced", passed)
    tap.ok(with_sites["getppid"] > without["getppid"], "the other kernel has no sites")
    for (name, cost), sites in zip(with_sites.items(), passed):
        more = cost - without[name]
        tap.ok(more <= sites + sites // allowance, f"{name}: an instruction for each site passed",
               f"{sites} sites, {more} more instructions than {without[name]}")
        tap.note(f"{name}: {sites} sites, {more} instructions on top of {without[name]}")
    return tap.done()


sys.exit(main())
