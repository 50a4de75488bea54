#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each way for the kernel to die leaves a report with the cause, and status 70; nothing reboots."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

REGISTERS = rb"^rip [0-9a-f]{16}  .*\n(.*\n)*r13 "

# Name of the ring-0 test: what its report must say.
REPORTS = {
    "panic_null_pointer": [
        rb"kernel fault: page fault: read from 0x10, page not present \(error code 0x0\)",
        REGISTERS, rb"page-table walk of 0x10:\n  PML4\[  0\]",
        rb"called from:\n  read_through_null.*\n  panic_null_pointer\+.*\n  ring0_test_main\+"],
    "panic_stack_overflow": [
        rb"kernel fault: double fault", rb"kernel stack overflow: 0xffffc9", REGISTERS,
        rb"PT  \[.*not present", rb"recurse.*\n  \.\.\. and \d+ times more\n"],
    "panic_text_write": [
        rb"page fault: write to 0xffffffff80.*, page is read-only \(error code 0x3\)",
        rb"PT  \[.*read-only", rb"panic_text_write\+"],
    "panic_nested": [
        rb"kernel fault: page fault: read from 0x10",
        rb"another fault while reporting: general protection",
        rb"  at (log_task|kernel_fault)\+",  # the first may be inlined in the second
        rb"the first one was: page fault: read from 0x10, page not present"],
    "panic_broken_invariant": [
        rb"panic: the sum of 2 and 2 is 5\n", rb"called from:\n  panic_broken_invariant\+"],
    "panic_jump_to_nowhere": [
        rb"page fault: execution of 0x0", rb"called from:\n  0x0\n  panic_jump_to_nowhere\+"],
    "panic_reserved_bit": [
        rb"page fault: execution of 0x7f[0-9a-f]*, reserved bit set in a page-table entry",
        REGISTERS, rb"PT  \[.*user"],
    "panic_nmi_at_the_border": [
        rb"kernel fault: non-maskable interrupt", rb"running: idle \(task 0\)", REGISTERS],
    "panic_invalid_instruction": [rb"kernel fault: invalid instruction", REGISTERS],
}


# The others stop: one report, nobody's lines in between.
SEVERAL = ["panic_null_pointer", "panic_nested", "panic_broken_invariant"]


def main():
    tap = harness.Tap()
    runs = [(name, name, []) for name in REPORTS]
    runs += [(name, f"{name} on one of 4 CPUs", ["--cpus", "4"]) for name in SEVERAL]
    for name, label, options in runs:
        result = harness.boot(f"test={name}", options=options,
                              kernel=harness.built("kernel-test.elf"))
        expected = REPORTS[name]
        log = result.errors.replace(b"\r", b"")
        missing = [part for part in expected + [rb"^faultline: stopped$"]
                   if not re.search(part, log, re.M)]
        once = len(re.findall(rb"^faultline: stopped$", log, re.M)) == 1
        tap.ok(result.status == 70 and not missing and once, label,
               f"missing: {missing}\n{result.describe()}")
    return tap.done()


sys.exit(main())
