#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The unit tests of mm/ once more with CONFIG_DEBUG: red zones, and poison in freed memory, find
what happens to look right without them."""
import glob
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

DIRECTORY = os.path.join(os.environ.get("BUILD", "build"), "debug")


def tests_of_mm():
    for source in sorted(glob.glob("tests/unit/test_*.c", root_dir=harness.ROOT)):
        with open(os.path.join(harness.ROOT, source), encoding="utf-8") as file:
            if '"mm/' in file.read():
                yield source


def run(command, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(command, cwd=harness.ROOT, env=dict(environment, **variables),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=200,
                          stderr=subprocess.STDOUT, check=False)
    return harness.Result(done.returncode, done.stdout, b"")


def main():
    tap = harness.Tap()
    tests = list(tests_of_mm())
    programs = [f"{DIRECTORY}/{test[:-2]}" for test in tests]
    said = harness.make_debug(*programs)
    tap.ok(said is None, "the unit tests build with DEBUG=1", said or "")
    for test in tests:
        result = run(["tests/execute", test], BUILD=DIRECTORY)
        tap.ok(result.status == 0, f"{test} in a debug build", result.describe())
    return tap.done()


sys.exit(main())
