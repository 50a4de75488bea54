#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""user/malloc-steps: the five steps of one malloc come in their order, each from the trace, and the
map's line changes in the third only, its memory in the fourth and fifth."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

STEP = re.compile(r"^(\d)\. .*\n((?:    .*\n|  holds: .*\n)*)", re.M)
LINE = re.compile(r"^    map (?:before|after): +(.*?)(?:, (\d+) of memory)?$", re.M)


def steps(*arguments):
    result = harness.run("/bin/malloc-steps", *arguments, options=[
        "--icount", "--initrd", harness.built("initrd.cpio")])
    text = result.output.decode(errors="replace")
    return result, {int(number): body for number, body in STEP.findall(text)}


def five_steps(tap, name, call, *arguments):
    result, found = steps(*arguments)
    tap.ok(result.status == 0 and list(found) == [1, 2, 3, 4, 5],
           f"{name}: five steps, and every check holds", result.describe())
    if len(found) != 5:
        return
    lines = {number: LINE.findall(body) for number, body in found.items()}
    changed = [number for number, (before, after) in lines.items() if before[0] != after[0]]
    filled = [number for number, (before, after) in lines.items()
              if int(after[1] or 0) > int(before[1] or 0)]
    tap.ok(changed == [3], f"{name}: addresses come in the third step only", str(lines))
    tap.ok(filled == [4, 5], f"{name}: memory comes with the headers and the first touch",
           str(lines))
    tap.ok(f"system call {call}(" in found[2] and "page fault: write" in found[5],
           f"{name}: {call} in the second step, a fault in the fifth", result.describe())


def main():
    tap = harness.Tap()
    five_steps(tap, "a block of the heap", "brk")
    five_steps(tap, "a large block", "mmap", "3000000")
    result, _ = steps("none")
    tap.ok(result.status == 2 and b"usage" in result.errors, "a size that is none is refused",
           result.describe())
    return tap.done()


sys.exit(main())
