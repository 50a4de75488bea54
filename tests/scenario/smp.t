#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several CPUs: all of them start, however the kernel was booted; programs that several tasks or
threads make of run on four of them, with the whole of memory recounted in between; and eight of
them share one of the host's without wasting it."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

COUNTS = {1: [], 2: [], 3: [], 8: [], 64: ["--memory", "1G"]}
WAYS = {"the ISO": ["--iso"], "UEFI": ["--uefi"], "-cpu qemu64": ["--cpu", "qemu64"]}
AUDIT = ["--cpus", "4", "--append", "audit=997"]
PROGRAMS = [("threads_memory", ["2"]), ("threads_shootdown", []), ("threads_storm", []),
            ("threads_process", []), ("fork_storm", []), ("fork_tree", []), ("pipes", []),
            ("signals", []), ("job_control", [])]


def cpus_start(tap):
    program = harness.built("tests", "scenario", "ends")
    ways = [(f"{count} CPUs", count, more) for count, more in COUNTS.items()]
    ways += [(f"2 CPUs, {name}", 2, more) for name, more in WAYS.items()]
    for label, count, more in ways:
        result = harness.run(program, "cpus", options=["--cpus", str(count), *more], limit=120)
        tap.ok(result.status == count % 256, f"{label}: a program counts them", result.describe())
        logged = re.search(rb"cpus: (\d+) of (\d+) run", result.errors)
        if count > 1:
            tap.ok(logged and int(logged[1]) == int(logged[2]) == count, f"{label}: the log",
                   result.describe())


def programs_run(tap):
    for name, arguments in PROGRAMS:
        result = harness.run(harness.built("tests", "ring3", name), *arguments, options=AUDIT,
                             limit=180)
        lines = re.findall(rb"^not ok.*$", result.output, re.M)
        tap.ok(result.status == 0 and not lines and b" 0 wrong" in result.errors,
               f"{name} on 4 CPUs", result.describe())


# A CPU that spins until its time slice of the host is over makes minutes of it.
def share_one(tap):
    if not hasattr(os, "sched_setaffinity"):
        tap.skip("8 CPUs on one of the host: this host binds no process to a CPU")
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    for name in ("threads_many", "cpus_processes"):
        result = harness.run(harness.built("tests", "ring3", name), options=["--cpus", "8"])
        tap.ok(result.status == 0, f"{name}: 8 CPUs on one of the host", result.describe())
    os.sched_setaffinity(0, before)


def memory_runs_out(tap):
    options = ["--cpus", "4", "--memory", "64M", "--append", "sysctl.vm.overcommit_memory=1"]
    result = harness.run(harness.built("tests", "scenario", "shortage"), options=options, limit=180)
    tap.ok(result.status == 0 and b" 0 wrong" in result.errors, "no memory is left, on 4 CPUs",
           result.describe())


def main():
    tap = harness.Tap()
    cpus_start(tap)
    programs_run(tap)
    share_one(tap)
    memory_runs_out(tap)
    return tap.done()


sys.exit(main())
