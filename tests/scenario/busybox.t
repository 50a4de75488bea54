#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's busybox, a program that nobody compiled for this kernel: the same output here as there,
and 10 MiB through it unharmed."""
import os
import random
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

TEXT = b"".join(b"%d %s\n" % (i * 7919 % 1000, b"word" * (i % 5)) for i in range(300))
RUNS = [("echo", "hello", "world"), ("cat",), ("seq", "1", "300"), ("wc",), ("md5sum",), ("sort",),
        ("sort", "-n"), ("expr", "6", "*", "7"), ("head", "-n", "3"), ("tr", "a-z", "A-Z"),
        ("false",), ("nonexistent-applet",)]
MEBIBYTES = 10


def same_here_as_there(tap, busybox):
    for run in RUNS:
        there = subprocess.run([busybox, *run], input=TEXT, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, check=False, timeout=30)
        here = harness.run(busybox, *run, stdin=TEXT)
        name = "busybox " + " ".join(run)
        tap.same(here.output, there.stdout, name)
        tap.ok(here.status == there.returncode, f"{name}: status {there.returncode}",
               here.describe())


def big(tap, busybox):
    """Random bytes, so that every value crosses the line; the seed is in the name."""
    seed = random.SystemRandom().randrange(1 << 32)
    data = random.Random(seed).randbytes(MEBIBYTES << 20)
    result = harness.run(busybox, "cat", stdin=data, limit=200)
    tap.ok(result.status == 0 and result.output == data,
           f"{MEBIBYTES} MiB through cat, byte for byte (seed {seed})",
           f"status {result.status}, {len(result.output)} bytes")


def slow_reader(tap, busybox):
    """The reader starts late and pauses: what it cannot take yet has to wait, not to vanish."""
    data = b"".join(b"%d\n" % i for i in range(300000))
    line = [os.path.join(harness.ROOT, "tools", "run"), "--quiet", "--timeout", "60", "--kernel",
            harness.built("kernel.elf"), busybox, "seq", "0", "299999"]
    got = b""
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        time.sleep(1.5)
        while piece := process.stdout.read(200000):
            got += piece
            time.sleep(0.1)
    tap.ok(got == data, "a slow reader gets everything", f"{len(got)} of {len(data)} bytes")


def main():
    busybox = shutil.which("busybox")
    if not busybox:
        print("1..0 # SKIP busybox is not installed (make deps)")
        return 0
    tap = harness.Tap()
    same_here_as_there(tap, busybox)
    big(tap, busybox)
    slow_reader(tap, busybox)
    return tap.done()


sys.exit(main())
