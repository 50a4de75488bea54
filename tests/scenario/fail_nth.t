#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every allocation of every system call fails once: errors are reported, nothing leaks, nothing
stops the kernel. Here those of processes, threads and memory; those of files and all others are in
tests/ring3/fail_*.c."""
import glob
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


def without_a_program(tap):
    result = harness.boot("init=/nothing")
    tap.ok(result.status == 127, "a first program that is missing: 127", result.describe())
    tap.contains(result.errors, b" facts, 0 wrong", "and the audit finds nothing wrong")


def while_starting(tap):
    """The boot option counts from the first program's exec on."""
    program = harness.built("tests", "scenario", "fail_nth")
    result = harness.run(program, "counted", options=["--append", "fail-nth=1"])
    tap.ok(result.status == 127, "no memory for the arguments: not run without them",
           result.describe())
    for nth in (3, 10, 20, 30, 45):
        result = harness.run(program, "counted", options=["--append", f"fail-nth={nth}"])
        tap.ok(result.status in (0, 2, 4, 127, 137) and b" facts, 0 wrong" in result.errors,
               f"fail-nth={nth} while the first program starts", result.describe())


# Without memory of their own, and not to be called in a row of calls.
DO_NOT_RETURN = {"exit", "exit_group", "pause", "rt_sigreturn", "rt_sigsuspend"}
# Functions of the C library that are called otherwise than the call behind them.
FUNCTIONS = {"pwrite64": "pwrite", "eventfd2": "eventfd", "signalfd4": "signalfd",
             "rt_sigaction": "sigaction", "prlimit64": "setrlimit", "epoll_pwait": "epoll_wait"}


def every_call(tap):
    sources = glob.glob("tests/ring3/fail_*.c") + glob.glob("tests/scenario/fail_nth*.c")
    text = "".join(read(name) for name in sources)
    called = set(re.findall(r"\b(?:SYS_|CALL\()?(\w+)[,()]", text)) | DO_NOT_RETURN
    calls = re.findall(r"^\tCALL(?:_AS)?\((\w+)", read("kernel/syscall/table.c"), re.M)
    missing = [name for name in calls if FUNCTIONS.get(name, name) not in called]
    tap.ok(len(calls) > 100 and not missing, "each system call is in a walk", str(missing))


def read(name):
    with open(os.path.join(harness.ROOT, name), encoding="utf-8") as file:
        return file.read()


def walk(tap, name):
    result = harness.run(harness.built("tests", "scenario", name))
    lines = re.findall(rb"^((?:not )?ok) \d+ - (.*)$", result.output, re.M)
    for verdict, what in lines:
        tap.ok(verdict == b"ok", what.decode(), result.describe())
    tap.ok(len(lines) >= 5 and result.status == 0, f"{name} came to its end", result.describe())
    tap.contains(result.errors, b" facts, 0 wrong", "the audit finds nothing wrong")
    changed = re.findall(rb"frames: (\S+) [+-]\d+ since", result.errors)
    tap.ok(set(changed) <= {b"free", b"slab"}, "no frame is left behind but slabs kept for later",
           result.describe())


def main():
    tap = harness.Tap()
    walk(tap, "fail_nth")
    walk(tap, "fail_nth_threads")
    every_call(tap)
    without_a_program(tap)
    while_starting(tap)
    return tap.done()


sys.exit(main())
