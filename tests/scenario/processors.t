#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kernel uses what a processor has, and says in one line what it cannot do without."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

ALL = "NX WP PGE 1-GiB-pages SMEP SMAP UMIP FSGSBASE XSAVE AVX"
USED = {
    "qemu64": "NX WP PGE",
    "max": ALL,
    "max,la57=off": ALL,
    "max,smap=off": ALL.replace(" SMAP", ""),
    "max,xsave=off,fsgsbase=off": ALL.replace(" FSGSBASE XSAVE AVX", ""),
}
REFUSED = {"qemu64,nx=off": rb"no NX", "qemu32": rb"no 64-bit long mode",
           "486": rb"no 64-bit long mode"}


def boot(model, words):
    return harness.boot(words, options=["--cpu", model], kernel=harness.built("kernel-test.elf"))


def main():
    tap = harness.Tap()
    for model, wanted in USED.items():
        result = boot(model, "test=all")
        log = result.errors.replace(b"\r", b"")
        tap.contains(log, f"processor features in use: {wanted}\n".encode(), f"{model}: features")
        tap.ok(result.status == 0 and not re.search(rb"^not ok", log, re.M),
               f"{model}: every ring-0 test", result.describe())
    for model, reason in REFUSED.items():
        result = boot(model, "test=all")
        lines = [line for line in result.errors.splitlines() if reason in line]
        tap.ok(result.status == 70 and lines, f"{model}: refused in one line", result.describe())
    return tap.done()


sys.exit(main())
