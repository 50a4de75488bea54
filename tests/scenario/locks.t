#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A debug kernel reports each mistake with locks (tests/ring0/locks.c), with the cause and status
70, and has nothing to report about programs that run."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

DIRECTORY = os.path.join(os.environ.get("BUILD", "build"), "debug")

FIRST = r"&first \(tests/ring0/locks.c\)"
SECOND = r"&second \(tests/ring0/locks.c\)"
# Name of the ring-0 test: what its report must say.
REPORTS = {
    "lock_order": [
        rf"panic: locks: {SECOND} and {FIRST} are taken in either order",
        rf"locks: {SECOND} was taken with {FIRST} held by:\n(  .*\n)*  one_way\+",
        rf"locks: {FIRST} is being taken with {SECOND} held by:\n(  .*\n)*  other_way\+"],
    "lock_order_of_three": [
        rf"locks: {SECOND} was taken with {FIRST} held by",
        rf"locks: &third .* was taken with {SECOND} held by",
        rf"panic: locks: &third .* and {FIRST} are taken in either order"],
    "lock_order_of_tried": [
        rf"panic: locks: {FIRST} and {SECOND} are taken in either order"],
    "lock_taken_again": [rf"panic: locks: {FIRST} is taken again by its holder"],
    "lock_two_of_a_kind": [r"panic: locks: two of &pair\[i\] .* are held"],
    "lock_interrupts_on": [
        rf"panic: locks: {FIRST} is held with interrupts on, and taken by their handlers"],
    "lock_interrupts_enabled": [
        rf"panic: locks: {FIRST} is held with interrupts on, and taken by their handlers"],
    "lock_interrupts_between": [
        rf"panic: locks: {FIRST}, which interrupt handlers take, waits for {SECOND}, which is "
        "held with interrupts on"],
    "lock_in_a_handler": [
        rf"panic: locks: {FIRST} is (held with interrupts on|taken again)"],
    "lock_handler_sleeps": [r"panic: locks: an interrupt handler may sleep"],
    "lock_held_in_schedule": [rf"panic: locks: a task may sleep with {FIRST} held"],
    "lock_held_over_a_user_copy": [
        rf"panic: locks: a task may sleep with {FIRST} held", r"copy_from_user"],
    "lock_held_over_a_sleep_lock": [rf"panic: locks: a task may sleep with {FIRST} held"],
    "lock_released_by_nobody": [r"panic: locks: &first is released, but nobody holds it"],
    "lock_released_by_another_cpu": [
        r"panic: locks: &first is released by CPU 1, but held by CPU 0"],
    "lock_too_many_held": [r"panic: locks: more than \d+ are held"],
    "lock_never_released": [rf"panic: locks: {FIRST} is not released"],
    "lock_held_in_ring3": [rf"panic: locks: ring 3 goes on with {FIRST} held"],
    "sleep_lock_held_in_ring3": [r"panic: locks: ring 3 goes on with &outer .* held"],
    "sleep_lock_order": [r"panic: locks: &inner .* and &outer .* are taken in either order"],
    "sleep_lock_taken_again": [r"panic: locks: &outer .* is taken again by its holder"],
    "sleep_lock_released_by_nobody": [
        r"panic: locks: &outer .* is released by a task that does not hold it"],
    "sleep_lock_too_many_held": [r"panic: locks: a task holds more than \d+ that sleep"],
}
# What is only told in the log.
NOTES = {
    "lock_held_long": rf"locks: {FIRST} was held for \d+ ms by lock_held_long",
    "lock_too_many_kinds": r"locks: more than \d+ kinds: no more checks",
}
CHECKS = ["kernel/machine/lock_check.c", "kernel/process/sleep_check.c"]
PROGRAMS = ["tests/ring3/threads_futex.c", "tests/ring3/cpus_processes.c"]


def run(command, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(command, cwd=harness.ROOT, env=dict(environment, **variables),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=300,
                          stderr=subprocess.STDOUT, check=False)
    return harness.Result(done.returncode, done.stdout, b"")


def boot(name):
    result = harness.boot(f"test={name}", kernel=f"{DIRECTORY}/kernel-test.elf")
    return result, result.errors.replace(b"\r", b"").decode(errors="replace")


def checks():
    """The text of each report that the checks can end in, as an expression."""
    for source in CHECKS:
        with open(os.path.join(harness.ROOT, source), encoding="utf-8") as file:
            text = re.sub(r'"\s*"', "", file.read())
        for message in re.findall(r'panic\("(.*?)"', text):
            yield re.sub(r"%l?[a-z]", ".*", re.escape(message).replace("\\%", "%"))


def main():
    tap = harness.Tap()
    programs = [f"{DIRECTORY}/tests/ring3/{os.path.basename(test)[:-2]}" for test in PROGRAMS]
    programs += [f"{program}.glibc" for program in programs if "/threads_" in program]
    said = harness.make_debug(f"{DIRECTORY}/kernel-test.elf", "all", *programs)
    tap.ok(said is None, "the kernel builds with DEBUG=1", said or "")
    logs = ""
    for name, expected in REPORTS.items():
        result, log = boot(name)
        missing = [part for part in expected if not re.search(part, log, re.M)]
        tap.ok(result.status == 70 and not missing, name, f"missing: {missing}\n{log}")
        logs += log
    for name, note in NOTES.items():
        result, log = boot(name)
        tap.ok(result.status == 0 and re.search(note, log), name, log)
    unseen = [check for check in checks() if not re.search(check, logs)]
    tap.ok(list(checks()) and not unseen, "each check was seen to fire", "\n".join(unseen))
    for test in PROGRAMS:
        result = run(["tests/execute", test], BUILD=DIRECTORY)
        tap.ok(result.status == 0, f"{test} in a debug kernel", result.describe())
    return tap.done()


sys.exit(main())
