#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""user/pools: what memory pools cost beside malloc, and how often threads wait for each other."""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


def rows(part):
    """name: (instructions, futex waits or None)"""
    found = re.findall(rb"^(\w[\w ,]*?) {2,}(\d+)(?: +(\d+))? +#", part, re.M)
    return {name.decode(): (int(cost), int(waits) if waits else None)
            for name, cost, waits in found}


def anywhere(tap):
    """Each header by itself, in what people's programs are written in."""
    for compiler in ("cc -x c -std=c99 -Wall -Wextra",
                     "cc -x c -std=c11 -pedantic -Wall", "c++ -x c++ -std=c++17"):
        words, checked = compiler.split(), ["-Werror", "-I.", "-fsyntax-only"]
        if not shutil.which(words[0]):
            tap.skip(f"{compiler}: not here")
            continue
        for header in sorted(glob.glob("lib/pool*.h", root_dir=harness.ROOT)):
            done = subprocess.run([*words, *checked, "-include", header, "-"],
                                  cwd=harness.ROOT, input=b"int main(void) { return 0; }\n",
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            tap.ok(done.returncode == 0, f"{header} with {compiler}",
                   done.stdout.decode(errors="replace"))


def main():
    tap = harness.Tap()
    anywhere(tap)
    result = harness.run("/bin/pools", limit=60, options=[
        "--icount", "--cpus", "4", "--initrd", harness.built("initrd.cpio")])
    tap.ok(result.status == 0, "pools runs on four CPUs", result.describe())
    alone, _, together = result.output.partition(b"4 threads, 4 CPUs")
    one, many = rows(alone), rows(together)
    complete = len(one) == 4 and len(many) == 3
    tap.ok(complete, "both tables are whole", result.describe())
    if complete:
        local, locked = many["pool per thread"], many["one pool, one lock"]
        tap.ok(one["arena"][0] < one["pool per thread"][0] < one["malloc"][0] and
               one["object pool"][0] < one["malloc"][0], "alone, who knows more pays less",
               result.describe())
        tap.ok(local[0] <= one["pool per thread"][0] + 5,
               "a pool per thread costs with four threads what it costs with one",
               result.describe())
        tap.ok(locked[0] > local[0] * 3 // 2, "one lock for all costs more", result.describe())
        tap.ok(locked[1] > local[1] == 0, "and threads wait for it, as the kernel counts",
               result.describe())
        tap.ok(one["malloc"][0] <= 100, "malloc and free of 64 bytes: 100 instructions",
               result.describe())
    return tap.done()


sys.exit(main())
