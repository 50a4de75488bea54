#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A debug kernel remembers what each processor may translate (kernel/machine/translation_check.c).
Programs run without a report, and each of these known bugs is told at once: the harm that they do
shows only where a frame finds its next owner in time."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

DIRECTORY = os.path.join(os.environ.get("BUILD", "build"), "debug")
PROGRAMS = ["threads_shootdown", "fork_storm"]
# Each with a program that shows it.
BUGS = {"freed_before_flush": "threads_shootdown", "space_freed_in_use": "fork_storm",
        "table_freed_before_flush": "threads_shootdown"}


def run(kernel, program, *words):
    options = ["--cpus", "2"] + [part for word in words for part in ("--append", word)]
    return harness.run(harness.built("tests", "ring3", program), options=options, limit=60,
                       kernel=os.path.join(harness.ROOT, DIRECTORY, kernel))


def main():
    tap = harness.Tap()
    said = harness.make_debug(f"{DIRECTORY}/kernel.elf", f"{DIRECTORY}/mutants/kernel.elf")
    tap.ok(said is None, "debug kernels build, with known bugs and without", said or "")
    for program in PROGRAMS:
        result = run("kernel.elf", program)
        tap.ok(result.status == 0, f"{program}: nothing to report", result.describe())
    for bug, program in BUGS.items():
        result = run("mutants/kernel.elf", program, f"mutant={bug}")
        told = b"panic: translations: " in result.errors
        tap.ok(result.status == 70 and told, f"{bug} is told", result.describe())
    return tap.done()


sys.exit(main())
