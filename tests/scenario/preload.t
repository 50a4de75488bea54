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
# By name: somebody may commit between the two runs.
COMMIT = subprocess.run(["git", "rev-parse", "HEAD"], cwd=harness.ROOT, check=False,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL).stdout.decode().strip() or "HEAD"
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's name of a tree without files
RUNS = [["/usr/bin/python3", "-c", PYTHON], ["sqlite3", ":memory:", SQL],
        ["perl", "-e", "my %h = map { $_ => 'x' x ($_ % 99) } 1 .. 50000; print scalar %h"],
        ["git", "log", "--oneline", "-n", "20", COMMIT], ["git", "diff", "--stat", EMPTY, COMMIT],
        ["sort", os.path.join(harness.ROOT, "Makefile")],
        ["gcc", "-O2", "-I.", "-S", "-o", "-", "lib/avl.c"]]


def fork_handlers(tap, library):
    """Also with the debug allocator, which has a lock of its own."""
    directory = os.path.join(harness.BUILD, "tests", "preload")
    os.makedirs(directory, exist_ok=True)
    source = os.path.join(harness.ROOT, "tests", "preload", "fork_handlers.c")
    other, program = os.path.join(directory, "libhandlers.so"), os.path.join(directory, "forks")
    subprocess.run(["gcc", "-O1", "-DLIBRARY", "-fPIC", "-shared", "-pthread", "-o", other, source],
                   check=True, timeout=120)
    subprocess.run(["gcc", "-O1", "-pthread", "-o", program, source, other], check=True,
                   timeout=120)
    for words in ("", "redzone,fill"):
        environment = dict(os.environ, LD_PRELOAD=library, MALLOC_DEBUG=words)
        try:
            done = subprocess.run([program], env=environment, cwd=harness.ROOT, timeout=300,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
            status, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired:
            status, output = "hangs", b""
        tap.ok(status == 0 and output == b"40 of 40\n",
               f"fork, with handlers of a library that allocate, MALLOC_DEBUG={words}",
               f"{status} {output!r}")


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
            done = subprocess.run(run, cwd=harness.ROOT, env=dict(os.environ, **extra), timeout=300,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            results.append((done.returncode, done.stdout))
        tap.ok(results[0] == results[1], f"{name} with our malloc",
               harness.Result(*results[1], b"").describe())
    if shutil.which("gcc"):
        fork_handlers(tap, library)
    return tap.done()


sys.exit(main())
