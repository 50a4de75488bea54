#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each known bug (lib/mutant.h) must be caught by some test: the unit tests first, as they are
quick, then those that boot a kernel. The first failure is enough."""
import glob
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

BUILD = os.environ.get("BUILD", "build")


def make(*arguments):
    """stdout, or None when it failed. A make of its own, not a part of the one that runs us."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(["make", "-s", "--no-print-directory", f"BUILD={BUILD}", *arguments],
                          cwd=harness.ROOT, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=False, timeout=200)
    return done.stdout.decode() if done.returncode == 0 else None


def sources(pattern):
    return sorted(glob.glob(pattern, root_dir=harness.ROOT))


def unit_tests():
    """Those that test mm/ and need no files beside it."""
    for source in sources("tests/unit/test_*.c"):
        with open(os.path.join(harness.ROOT, source), encoding="utf-8") as file:
            text = file.read()
        if '"mm/' in text and "// link:" not in text:
            yield source


def fails(test, directory):
    environment = dict(os.environ, BUILD=directory)
    done = subprocess.run(["tests/execute", test], cwd=harness.ROOT, env=environment, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=300,
                          stderr=subprocess.DEVNULL)
    return done.returncode != 0


def catcher(tap, name):
    """The first test that fails with this bug in, or None."""
    directory = f"{BUILD}/mutants/{name}"
    for test in unit_tests():
        program = f"{directory}/tests/unit/{os.path.basename(test)[:-2]}"
        if make(program) is None:
            tap.note(f"{program} does not build")
        elif fails(test, directory):
            return test
    needs = [f"{directory}/kernel.elf", f"{directory}/tests/ring3"]
    ring0 = sources("tests/ring0/ring0.c")
    if make(*needs, *([f"{directory}/kernel-test.elf"] if ring0 else [])) is None:
        tap.note(f"{directory}/kernel.elf does not build")
        return None
    for test in ring0 + sources("tests/ring3/*.c"):
        if fails(test, directory):
            return test
    return None


def main():
    tap = harness.Tap()
    names = (make("mutants") or "").split()
    for name in names:
        caught = catcher(tap, name)
        tap.ok(caught, f"{name} is caught" + (f" by {caught}" if caught else ""))
    tap.ok(len(names) >= 10, "there are at least ten mutants", f"{len(names)}")
    return tap.done()


sys.exit(main())
