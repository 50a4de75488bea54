#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/run --trace and tools/trace: what the records add up to equals what the kernel counts
itself, on one CPU and on two; nothing is lost; every form of output says the same."""
import collections
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
from tracefile import decisions, records
from tracefile.header import ENUMS, EVENTS, KINDS, RESULTS
from tracefile.world import World, follow

PROGRAM = harness.built("tests", "scenario", "traced")
TRACE = os.path.join(harness.ROOT, "tools", "trace")
E = type("E", (), EVENTS)
KIND_NAMES = {"anon": "anonymous", "stack": "kernel-stack", "page-table": "page-table"}


def traced(directory, name, *arguments, options=()):
    path = os.path.join(directory, name)
    done = harness.run(PROGRAM, *arguments, options=["--trace", path, *options])
    return path, done


def tool(*arguments, **more):
    done = subprocess.run([TRACE, *arguments], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def counters(text):
    return {words[0]: int(words[1]) for words in map(str.split, text.splitlines())
            if len(words) == 2 and re.fullmatch(r"-?\d+", words[1])}


def between_marks(seen):
    """What lies between the program's two marks: sums of the records."""
    counts, inside = collections.Counter(), False
    for record in seen:
        if record.event == E.MARK:
            inside = record.a == 1
            continue
        if not inside:
            continue
        counts[record.event] += 1
        if record.event == E.FAULT:
            counts["fault_" + RESULTS[record.c]] += 1
        elif record.event == E.FRAME_ALLOC:
            counts["frames " + KINDS[record.c]] += 1 << record.b
        elif record.event == E.FRAME_FREE:
            counts["frames " + KINDS[record.c]] -= 1 << record.b
    return counts


def totals(tap, directory, cpus):
    """The records' sums against /proc/vmstat, the counters and the audit's frames."""
    path, done = traced(directory, f"cpus-{cpus}", options=["--icount", "--cpus", str(cpus)])
    title = f"{cpus} CPU{'s' if cpus > 1 else ''}"
    before, _, after = done.output.decode().partition("--\n")
    before, after = counters(before), counters(after)
    if not tap.ok(done.status == 0 and len(after) > 40, f"{title}: the program ran", done.describe()):
        return path
    seen = records.read(path)
    sums = between_marks(seen)
    change = {name: value - before.get(name, 0) for name, value in after.items()}
    pairs = [("pgfault", sums[E.FAULT]), ("forks", sums[E.TASK]), ("exits", 1),
             ("nr_tlb_remote_flush", sums[E.SHOOTDOWN])]
    pairs += [("fault_" + result, sums["fault_" + result]) for result in RESULTS.values()]
    pairs += [(KIND_NAMES.get(kind, kind), sums["frames " + kind])
              for kind in ("anon", "file", "page-table", "stack")]
    for name, number in pairs:
        tap.ok(change.get(name) == number, f"{title}: {name} as counted by the kernel",
               f"counter {change.get(name)}, records {number}")
    tap.ok(not any(record.event == E.LOST for record in seen), f"{title}: nothing lost")
    return path


def main():
    tap = harness.Tap()
    with tempfile.TemporaryDirectory(prefix="trace-") as directory:
        one = totals(tap, directory, 1)
        totals(tap, directory, 2)
    return tap.done()


sys.exit(main())
