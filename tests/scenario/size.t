#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kernel is meant to be read: the README's first lines say how long it is, and that is true;
mm/ stays within what it promises, and so do lines, functions and files."""
import glob
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

MM_MAX = 8000   # lines of code
FILE_MAX = 700  # lines, comments included
LONGER = {"lib/libc/malloc.c": 1000}  # one file, because it is read as one
LINE_MAX = 100  # columns, a tab being eight
SHORT = 40      # lines of a function: nine in ten
LONG = 60       # all of them
COMMENT = re.compile(r"^\s*($|//|/?\*|;)")


def sources(*rooms):
    names = []
    for room in rooms:
        for ending in ("c", "h", "asm"):
            names += glob.glob(f"{room}/**/*.{ending}", root_dir=harness.ROOT, recursive=True)
    return sorted(names)


def lines(name):
    with open(os.path.join(harness.ROOT, name), encoding="utf-8") as file:
        return file.read().splitlines()


def code_lines(names):
    return sum(not COMMENT.match(line) for name in names for line in lines(name))


def function_lengths(name):
    """From the line after a function's opening brace to the one before its closing brace."""
    begin = None
    for number, line in enumerate(lines(name)):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            yield number - begin - 1, f"{name}:{begin + 1}"
            begin = None


def near(stated, counted):
    return abs(stated - counted) <= 0.1 * counted


def main():
    tap = harness.Tap()
    mm, kernel = code_lines(sources("mm")), code_lines(sources("boot", "kernel", "mm"))
    found = re.search(r"`mm/` is ([\d,]+) lines of\s+code, the whole kernel\s+([\d,]+)",
                      "\n".join(lines("README.md")))
    stated = [int(figure.replace(",", "")) for figure in found.groups()] if found else [0, 0]
    tap.ok(near(stated[0], mm) and near(stated[1], kernel),
           "README.md states how long mm/ and the kernel are", f"counted {mm} and {kernel}")
    tap.ok(mm <= MM_MAX, f"mm/ has at most {MM_MAX} lines of code", f"it has {mm}")
    everything = sources("boot", "kernel", "mm", "lib", "user", "tests")
    lengths = [length for name in everything if name.endswith(".c")
               for length in function_lengths(name)]
    short = sum(length <= SHORT for length, _ in lengths)
    tap.ok(short >= 0.9 * len(lengths), f"nine functions in ten are under {SHORT} lines",
           f"{short} of {len(lengths)}")
    tap.ok(all(length <= LONG for length, _ in lengths), f"no function is over {LONG} lines",
           "\n".join(place for length, place in lengths if length > LONG))
    long_files = [name for name in everything if len(lines(name)) > LONGER.get(name, FILE_MAX)]
    tap.ok(not long_files, f"no file is over {FILE_MAX} lines", "\n".join(long_files))
    wide = [f"{name}:{number + 1}" for name in everything
            for number, line in enumerate(lines(name)) if len(line.expandtabs(8)) >= LINE_MAX + 1]
    tap.ok(not wide, f"no line is over {LINE_MAX} columns", "\n".join(wide))
    return tap.done()


sys.exit(main())
