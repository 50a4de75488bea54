#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boot option strace: names, strings, flags, results and errors in strace(1)'s notation."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

# What the program (tests/scenario/fail_nth.c, which says nothing when it is "counted") calls.
WANTED = [
    (rb'open\("/proc/self/fail-nth", O_RDWR\|O_LARGEFILE\) = 3', "a path, a flag, a descriptor"),
    (rb'pread64\(3, "0\\n", 15, 0\) = 2', "bytes that were read"),
    (rb'pwrite64\(3, "0", 1, 0\) = 1', "bytes that were written"),
    (rb"arch_prctl\(ARCH_SET_FS, 0x[0-9a-f]+\) = 0", "an option by name, an address"),
    (rb"exit_group\(2\) = \?", "the end"),
]


def main():
    tap = harness.Tap()
    program = harness.built("tests", "scenario", "fail_nth")
    result = harness.run(program, "counted", options=["--append", "strace"])
    calls = [line[4:] for line in result.errors.replace(b"\r", b"").splitlines()
             if line.startswith(b"[2] ")]
    for pattern, name in WANTED:
        tap.ok(any(re.fullmatch(pattern, call) for call in calls), name, result.describe())
    tap.ok(all(re.fullmatch(rb"\w+\(.*\) = (\?|-?\d+|0x[0-9a-f]+|-1 E\w+)", call)
               for call in calls), "each line is a call and its result", result.describe())
    result = harness.run(program, "counted")
    tap.ok(b"exit_group" not in result.errors, "without the option there is none of it")
    return tap.done()


sys.exit(main())
