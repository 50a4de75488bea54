#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The mmap family at random beside Linux (tests/fuzz/mmap_family.py), with few seeds. And a kernel
with a known bug: sequences differ on it, and one is shrunk to the few steps that show it."""
import io
import os
import platform
import re
import subprocess
import sys

sys.dont_write_bytecode = True
TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [TESTS, os.path.join(TESTS, "fuzz")]
import harness
import mmap_family

SEEDS = range(1, 101)
STEPS = 80
MUTANT_SEEDS = range(1, 21)
MUTANT = "split_keeps_offset"


def build(target):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(["make", "-s", f"BUILD={os.path.relpath(harness.BUILD, harness.ROOT)}",
                           target], cwd=harness.ROOT, env=environment, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def same_as_linux(tap):
    out = io.StringIO()
    kernel = mmap_family.Kernel([])
    failed = mmap_family.check(list(SEEDS), STEPS, kernel, 2, out)
    tap.ok(not failed, f"{len(SEEDS)} sequences of {STEPS} steps as on Linux", out.getvalue())
    tap.ok(kernel.boots == 1 or failed, "in one boot", f"{kernel.boots} boots")


def shrinks(tap):
    image = harness.built("mutants", "kernel.elf")
    made = build(os.path.relpath(image, harness.ROOT))
    if not tap.ok(made.returncode == 0, "the kernel with known bugs", made.stdout.decode()):
        return
    out = io.StringIO()
    kernel = mmap_family.Kernel(["--append", f"mutant={MUTANT}"], image)
    failed = mmap_family.check(list(MUTANT_SEEDS), STEPS, kernel, 1, out)
    tap.ok(failed, f"sequences differ on it: {len(failed)} of {len(MUTANT_SEEDS)}")
    steps = re.findall(r"^    (?:Linux: )?(\d+) ", out.getvalue(), re.M)
    tap.ok(0 < len(steps) <= 6, f"one is shrunk to {len(steps)} steps", out.getvalue())
    tap.ok("repeat with: " in out.getvalue(), "and how to repeat it is printed")


def main():
    tap = harness.Tap()
    if platform.machine() != "x86_64":
        tap.skip("no Linux here that could run the same program")
        return tap.done()
    same_as_linux(tap)
    shrinks(tap)
    return tap.done()


sys.exit(main())
