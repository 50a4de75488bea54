#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What malloc costs, against the goals of tools/bench-malloc: shorter than `make bench-malloc`, and
without the other allocators."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

ROWS = 10


def main():
    tap = harness.Tap()
    if not os.path.exists(harness.built("tests/bench/malloc")):
        print("1..0 # SKIP tests/bench/malloc is not built: the machine is not x86-64")
        return 0
    if os.path.basename(harness.BUILD) == "debug":
        print("1..0 # SKIP a debug build fills and checks freed memory, which costs")
        return 0
    done = subprocess.run([os.path.join(harness.ROOT, "tools", "bench-malloc"), "--build",
                           harness.built(""), "--ours", "--scale", "4"], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    rows = re.findall(r"^(.{44}) *([\d.,]+) +([\d.,]+)(  over)?$", done.stdout.decode(), re.M)
    tap.ok(done.returncode == 0 and len(rows) == ROWS, f"{ROWS} patterns are measured",
           done.stdout.decode())
    for title, goal, figure, over in rows:
        tap.ok(not over, f"{title.strip()}: at most {goal}", f"it is {figure}")
    return tap.done()


sys.exit(main())
