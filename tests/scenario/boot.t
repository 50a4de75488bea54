#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every way of booting brings the same kernel to the same program."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

WAYS = [("directly", []), ("from the ISO under BIOS", ["--iso"]),
        ("from the ISO under UEFI", ["--uefi"]), ("on -cpu qemu64", ["--cpu", "qemu64"]),
        ("with two processors", ["--cpus", "2"])]


def main():
    tap = harness.Tap()
    program = harness.built("tests", "scenario", "ends")
    for name, options in WAYS:
        result = harness.run(program, "exit", "7", options=options, limit=120)
        tap.ok(result.status == 7, f"boots {name}", result.describe())
        tap.ok(re.search(rb"^faultline", result.errors, re.I | re.M), f"{name}: the log is there",
               result.describe())
    return tap.done()


sys.exit(main())
