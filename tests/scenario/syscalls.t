#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/syscalls.md has one line for each system call of the table and for those that are refused
on purpose; its grade is one of three, and its test is there and calls it."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

DOCUMENT = "docs/syscalls.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", re.M)
LINK = re.compile(r"\[\w+\]\(\.\./(tests/[\w/.]+)\)(?: by `(\w+)`)?")
GRADES = ("complete", "partial", "refused")


def read(name):
    with open(os.path.join(harness.ROOT, name), encoding="utf-8") as file:
        return file.read()


def table():
    return re.findall(r"^\tCALL(?:_AS)?\((\w+)", read("kernel/syscall/table.c"), re.M)


def mistakes(rows, calls):
    """What is wrong with the rows, one line each."""
    names = [row[0] for row in rows]
    for name in sorted(set(calls) - set(names)):
        yield f"{name}: in the kernel's table, but not in {DOCUMENT}"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: several lines"
    for name, grade, note, test in rows:
        if grade not in GRADES:
            yield f"{name}: {grade} is no grade"
        elif (grade == "refused") == (name in calls):
            yield f"{name}: {grade}, but {'' if name in calls else 'not '}in the kernel's table"
        if (grade == "complete") != (note == ""):
            yield f"{name}: {grade}, but what is missing is '{note}'"
        if grade == "refused" and not re.match(r"`E\w+`", note):
            yield f"{name}: refused, but how it answers is not said"
        yield from test_mistakes(name, test)


def test_mistakes(name, test):
    link = LINK.fullmatch(test)
    if not link:
        yield f"{name}: no test: {test}"
    elif not os.path.exists(os.path.join(harness.ROOT, link[1])):
        yield f"{name}: {link[1]} is not there"
    elif not re.search(rf"\b(SYS_)?{link[2] or name}\b", read(link[1])):
        yield f"{name}: {link[1]} does not call it"


def main():
    tap = harness.Tap()
    calls = table()
    rows = ROW.findall(read(DOCUMENT))
    wrong = list(mistakes(rows, calls))
    tap.ok(len(calls) > 100 and not wrong, f"{DOCUMENT} is what the kernel has", "\n".join(wrong))
    found = list(mistakes([("fork", "good", "", "none")] + rows[1:], calls + ["made_up"]))
    tap.ok(len(found) >= 3, "and a wrong line would be found", "\n".join(found))
    for name in ("README.md", "docs/limits.md"):
        tap.ok("syscalls.md" in read(name), f"{name} names it")
    return tap.done()


sys.exit(main())
