#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""user/malloc-steps: the five steps of one malloc come in their order, each from the trace, and the
map's line changes in the third only, its memory in the fourth and fifth. user/heap: malloc's heap,
drawn; the letters add up to what stands below them."""
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


def drawn(tap):
    """Pictures of (bytes a letter, letters by kind, totals by kind)"""
    result = harness.run("/bin/heap", options=["--icount", "--initrd",
                                               harness.built("initrd.cpio")])
    tap.ok(result.status == 0, "heap draws malloc's heap, and every check holds", result.describe())
    pictures = re.findall(r"one letter is (\d+) bytes\n((?: +[0-9a-f]+  [-#c.]+\n)+)    (#.*)\n",
                          result.output.decode(errors="replace"))
    tap.ok(len(pictures) == 5, "five moments", result.describe())
    for number, (scale, rows, totals) in enumerate(pictures, 1):
        letters = "".join(re.findall(r"[-#c.]+$", rows, re.M))
        sums = [int(n) for n in re.findall(r": (\d+) bytes", totals)]
        off = [abs(letters.count(letter) * int(scale) - total)
               for letter, total in zip("#c-.", sums)]
        tap.ok(len(sums) == 4 and max(off) <= sum(sums) // 8, f"picture {number}: as many letters "
               "as bytes, about", f"{off} {sums}")
    kinds = [[int(n) > 0 for n in re.findall(r": (\d+) bytes", totals)]
             for _, _, totals in pictures]
    tap.ok([moment[1] for moment in kinds] == [False, True, True, True, False] and
           [moment[0] for moment in kinds] == [True, True, True, False, False],
           "used, then cached, then given back", str(kinds))


def main():
    tap = harness.Tap()
    five_steps(tap, "a block of the heap", "brk")
    five_steps(tap, "a large block", "mmap", "3000000")
    drawn(tap)
    small = steps("1000")[0]
    tap.ok(small.status == 0 and b"holds: no fault at " in small.output,
           "a block so small that its header's page is its own", small.describe())
    result, _ = steps("none")
    tap.ok(result.status == 2 and b"usage" in result.errors, "a size that is none is refused",
           result.describe())
    return tap.done()


sys.exit(main())
