#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs of Linux with our malloc instead of theirs give what they give without it."""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

PYTHON = ("import json, threading; d = {i: str(i) * (i % 50) for i in range(20000)};"
          "t = [threading.Thread(target=lambda: json.loads(json.dumps(d))) for _ in range(4)];"
          "[x.start() for x in t]; [x.join() for x in t]; print(sum(map(len, d.values())))")
SQL = ("create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n "
       "limit 20000) insert into t select i, hex(i) from n; select sum(length(b)) from t;")
RUNS = [["/usr/bin/python3", "-c", PYTHON], ["sqlite3", ":memory:", SQL],
        ["perl", "-e", "my %h = map { $_ => 'x' x ($_ % 99) } 1 .. 50000; print scalar %h"],
        ["git", "log", "--oneline", "-n", "20"], ["git", "status", "--short", "-uno"],
        ["sort", os.path.join(harness.ROOT, "Makefile")],
        ["gcc", "-O2", "-I.", "-S", "-o", "-", "lib/avl.c"]]


def main():
    # LD_PRELOAD is a list, separated by spaces, which the way to here may have.
    library = os.path.relpath(harness.built("libfaultline-malloc.so"), harness.ROOT)
    if not os.path.exists(os.path.join(harness.ROOT, library)):
        print("1..0 # SKIP libfaultline-malloc.so is not built")
        return 0
    tap = harness.Tap()
    for run in RUNS:
        name = " ".join(run[:2])
        if not shutil.which(run[0]):
            tap.skip(f"{name}: not installed")
            continue
        results = []
        for extra in ({}, {"LD_PRELOAD": library}):
            done = subprocess.run(run, cwd=harness.ROOT, env=dict(os.environ, **extra), timeout=60,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            results.append((done.returncode, done.stdout))
        tap.ok(results[0] == results[1], f"{name} with our malloc",
               harness.Result(*results[1], b"").describe())
    return tap.done()


sys.exit(main())
