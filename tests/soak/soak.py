#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the programs that use threads (tests/ring3/threads_*.c, built with musl and with glibc) many
times on several processors, until one fails or hangs: locks and wake-ups that are lost once in a
thousand times. Memory is recounted at the end of each boot. Shows the command that repeats a
failure, and stops there. `make soak RUNS=100`"""
import argparse
import glob
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from progress import Progress

AGAIN = harness.built("tests", "soak", "again")


def programs(names):
    """(path, its `run:` options but the number of processors) of each program."""
    for source in sorted(glob.glob(os.path.join(harness.ROOT, "tests", "ring3", "threads_*.c"))):
        name = os.path.basename(source)[:-2]
        with open(source, encoding="utf-8") as file:
            found = re.search(r"^// run: *(.*)$", file.read(), re.M)
        words = found[1].split() if found else []
        if "--cpus" in words:
            at = words.index("--cpus")
            del words[at:at + 2]
        for built in (name, name + ".glibc"):
            if not names or built in names:
                yield harness.built("tests", "ring3", built), words


def boot(program, words, cpus, count, seconds):
    """One boot in which the program runs `count` times: how many of them ended well, and, if
    not all, what there is to see."""
    name = os.path.basename(program)
    options = ["--cpus", str(cpus), "--file", f"{program}:/soak/{name}"] + words
    arguments = [str(count), str(seconds), f"/soak/{name}"]
    result = harness.run(AGAIN, *arguments, options=options, limit=60 + count * seconds)
    done = len(re.findall(rb"(?m)^again: \d+$", result.output))
    well = result.status == 0 and done == count and b" facts, 0 wrong" in result.errors
    command = " ".join(["tools/run"] + options + [AGAIN] + arguments)
    return done, None if well else f"{command}\n{result.describe()}"


def soak(program, words, cpus, arguments):
    """Whether it ended well every time."""
    name, done, started = os.path.basename(program), 0, time.monotonic()
    while done < arguments.runs:
        count = min(arguments.boot, arguments.runs - done)
        with Progress(f"{name} on {cpus} CPUs: {done} of {arguments.runs}"):
            well, wrong = boot(program, words, cpus, count, arguments.seconds)
        done += well
        if wrong:
            print(f"{name} on {cpus} CPUs: {done} runs ended well, then:\n{wrong}")
            return False
    print(f"{name} on {cpus} CPUs: {done} runs ended well, {time.monotonic() - started:.0f} s",
          flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", help="threads_NAME or threads_NAME.glibc; all")
    parser.add_argument("--runs", type=int, default=100, help="of each program (100)")
    parser.add_argument("--boot", type=int, default=20, help="runs in one boot (20)")
    parser.add_argument("--cpus", default="2,4", help="numbers of processors (2,4)")
    parser.add_argument("--seconds", type=int, default=120, help="a run that takes more hangs")
    arguments = parser.parse_args()
    chosen = list(programs(arguments.programs))
    if not chosen:
        parser.error("no such program")
    for cpus in arguments.cpus.split(","):
        for program, words in chosen:
            if not soak(program, words, int(cpus), arguments):
                return 1
    return 0


sys.exit(main())
