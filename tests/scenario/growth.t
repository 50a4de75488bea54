#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a memory operation costs hardly grows with the number of VMAs and with the memory that is
touched: at most threefold from 10 VMAs to 60,000 and from 1 MiB to 256. (A search through all
of them would cost thousands of times as much.) Counted in guest instructions; `make bench-growth`
draws the same."""
import csv
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

MOST = 3


def main():
    tap = harness.Tap()
    if os.path.basename(harness.BUILD) == "debug":
        tap.skip("a debug build fills and checks freed memory, which costs")
        return tap.done()
    try:
        done = subprocess.run([os.path.join(harness.ROOT, "tools", "growth"), "--rows", "--build",
                               harness.BUILD, "--vmas", "10,60000", "--resident", "1,256"],
                              stdin=subprocess.DEVNULL, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)
    except subprocess.TimeoutExpired:
        tap.ok(False, "every operation was measured", "it took too long: something grows")
        return tap.done()
    costs = {}
    for dimension, size, name, median, _ in csv.reader(done.stdout.decode().splitlines()):
        costs.setdefault((dimension, name), {})[int(size)] = int(median)
    tap.ok(len(costs) >= 20, "every operation was measured", done.stderr.decode())
    for (dimension, name), by_size in costs.items():
        small, large = by_size[min(by_size)], by_size[max(by_size)]
        tap.ok(large <= MOST * small, f"{dimension}: {name} costs at most {MOST} times as much",
               f"{by_size}")
    return tap.done()


sys.exit(main())
