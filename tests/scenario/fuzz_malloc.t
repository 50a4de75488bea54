#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""malloc and the pools under libFuzzer, ASan and UBSan: what was once found to be worth trying, and
some thousands of programs made from it. `make fuzz-malloc` and `make fuzz-pools` go on for longer."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

RUNS = 4000


def fuzz(tap, name):
    program = os.path.abspath(harness.built("tests", "fuzz", name))
    corpus = os.path.join(harness.ROOT, "tests", "fuzz", name, "corpus")
    if not os.path.exists(program):
        tap.skip(f"tests/fuzz/{name} is not built: it needs clang")
        return
    with tempfile.TemporaryDirectory(prefix="faultline-") as directory:
        for title, words in (("the corpus", ["-runs=0", corpus]),
                             (f"{RUNS} more", [f"-runs={RUNS}", "-max_len=600", directory, corpus])):
            done = subprocess.run([program] + words, cwd=directory, check=False, timeout=120,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            tap.ok(done.returncode == 0, f"{name} under libFuzzer: {title}",
                   done.stdout.decode(errors="replace")[-2000:])


def main():
    tap = harness.Tap()
    fuzz(tap, "malloc")
    fuzz(tap, "pools")
    return tap.done()


sys.exit(main())
