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


def without_a_program(tap):
    result = harness.boot("init=/nothing")
    tap.ok(result.status == 127, "a first program that is missing: 127", result.describe())
    tap.contains(result.errors, b" facts, 0 wrong", "and the audit finds nothing wrong")


def while_starting(tap):
    """The boot option counts from the first program's exec on."""
    program = harness.built("tests", "scenario", "fail_nth")
    result = harness.run(program, "counted", options=["--append", "fail-nth=1"])
    tap.ok(result.status == 127, "no memory for the arguments: not run without them",
           result.describe())
    for nth in (3, 10, 20, 30, 45):
        result = harness.run(program, "counted", options=["--append", f"fail-nth={nth}"])
        tap.ok(result.status in (0, 2, 4, 127, 137) and b" facts, 0 wrong" in result.errors,
               f"fail-nth={nth} while the first program starts", result.describe())


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
    without_a_program(tap)
    while_starting(tap)
    return tap.done()


sys.exit(main())
