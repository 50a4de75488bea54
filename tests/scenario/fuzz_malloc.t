#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""malloc under libFuzzer, ASan and UBSan: what was once found to be worth trying, and some thousands
of programs made from it. `make fuzz-malloc` goes on for longer."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

CORPUS = os.path.join(harness.ROOT, "tests", "fuzz", "malloc", "corpus")
RUNS = 4000


def main():
    tap = harness.Tap()
    program = os.path.abspath(harness.built("tests", "fuzz", "malloc"))
    if not os.path.exists(program):
        print("1..0 # SKIP tests/fuzz/malloc is not built: it needs clang")
        return 0
    with tempfile.TemporaryDirectory(prefix="faultline-") as directory:
        for title, words in (("the corpus", ["-runs=0", CORPUS]),
                             (f"{RUNS} more", [f"-runs={RUNS}", "-max_len=600", directory, CORPUS])):
            done = subprocess.run([program] + words, cwd=directory, check=False, timeout=120,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            tap.ok(done.returncode == 0, f"malloc under libFuzzer: {title}",
                   done.stdout.decode(errors="replace")[-2000:])
    return tap.done()


sys.exit(main())
