#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every allocation in fork, exec, faults, brk, mmap, pipes and signals fails once: errors are
reported, nothing leaks, nothing stops the kernel."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


def main():
    tap = harness.Tap()
    result = harness.run(harness.built("tests", "scenario", "fail_nth"))
    lines = re.findall(rb"^((?:not )?ok) \d+ - (.*)$", result.output, re.M)
    for verdict, name in lines:
        tap.ok(verdict == b"ok", name.decode(), result.describe())
    tap.ok(len(lines) >= 10 and result.status == 0, "the walk came to its end", result.describe())
    tap.contains(result.errors, b" facts, 0 wrong", "the audit finds nothing wrong")
    changed = re.findall(rb"frames: (\S+) [+-]\d+ since", result.errors)
    tap.ok(set(changed) <= {b"free", b"slab"}, "no frame is left behind but slabs kept for later",
           result.describe())
    return tap.done()


sys.exit(main())
