#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Memory maps of every shape, honest or not: the kernel runs a program in each, and its audit,
which launching checks, finds nothing wrong."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

# What it shows; the machine's RAM; memory=LIST; least and most KiB of RAM that may be counted.
MAPS = [
    ("8 MiB in all", "8M", "", 7000, 8192),
    ("32 MiB", "32M", "", 32000, 32768),
    ("5 GiB, with the hole below 4 GiB", "5G", "", 5242000, 5242880),
    ("holes of every size", "64M", "1M-9M,10M-10244k,12M-20M,20484k-20488k,32M-33M,40M-64M",
     40000, 43000),
    ("ends that are not at pages", "32M", "1M-0x1ffdfff,0x800-0x9f001", 31000, 32768),
    ("pieces that overlap and repeat", "64M", "1M-48M,1M-48M,2M-3M,47M-56M,0-600k,100k-500k",
     56000, 57900),
    ("reserved pieces within usable ones", "64M", "0-64M,!16M-17M,!17M-18M,!30000k-30001k",
     61000, 63500),
    ("RAM that is not there", "32M", "1M-512M", 28000, 32768),
    ("RAM that is not there above 4 GiB", "64M", "1M-60M,4G-40G", 58000, 61000),
    ("more low memory than exists", "48M", "0-40M", 39000, 40960),
    ("backwards and out of reach", "64M", "1M-60M,0x400000000000-0x800000000000", 58000, 61000),
    ("a dozen little pieces", "64M",
     ",".join(["1M-24M"] + [f"{25 * 1024 + 64 * n}k-{25 * 1024 + 64 * n + 4}k" for n in range(12)]),
     23000, 25000),
]


def main():
    tap = harness.Tap()
    program = harness.built("tests", "scenario", "ends")
    for name, memory, ranges, least, most in MAPS:
        options = ["--memory", memory] + (["--append", "memory=" + ranges] if ranges else [])
        result = harness.run(program, "exit", "7", options=options)
        found = re.search(rb"^memory: (\d+) KiB of RAM", result.errors, re.M)
        counted = int(found[1]) if found else 0
        tap.ok(result.status == 7 and least <= counted <= most, name,
               f"{counted} KiB counted\n{result.describe()}")
    result = harness.run(program, "exit", "7", options=["--append", "memory=5M-1M"])
    tap.ok(result.status == 7 and b"boot option memory" in result.errors,
           "a list that makes no sense is refused", result.describe())
    return tap.done()


sys.exit(main())
