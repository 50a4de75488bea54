#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mm-heap beside malloc's own figures, mm-trace beside what the program did; and all commands in
the midst of things."""
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from gdb_session import Session, contains

BLOCK = "mm-heap 2 blocks[100]+7"
COMMANDS = ["mm-trace", "program-stop libc_heap", "mm-heap 2", "tbreak stand_still", "continue",
            "mm-heap 2", BLOCK, "mm-heap 2 0x10000", "mm-trace 80", "mm-trace 0", "mm-trace 10 10",
            "mm-heap 99", "continue"]
# Functions in which something is half done.
PLACES = ["page_slot_walk", "mm_fork", "page_share", "vma_free", "page_root_free",
          "process_unlink", "mm_audit"]
EVERYTHING = ["mm-ps", "mm-vmas 2", "mm-walk $sp", "mm-walk 0x400000", "mm-frame $sp", "mm-buddy",
              "mm-heap 2", "mm-audit", "mm-vmas 3", "mm-heap 3"]


def heap(tap, session):
    told = {words[0]: words[1:] for words in map(str.split, session.output.splitlines())}
    shown = session.of("mm-heap 2", 1)
    rows = {row[1]: [row[2], row[3]] for row in re.finditer(
        r"^  (used|cached|free|mapped) +(\d+) +(\d+)", shown, re.M)}
    same = all(rows.get(name) == told.get(name) for name in ("cached", "free", "mapped"))
    tap.ok(session.status == 0 and same and told["mapped"][0] == "1",
           "mm-heap counts cached, free and mapped blocks as mallinfo2 does",
           f"{rows}\n{told}\n{session.describe()}")
    contains(tap, shown, f": {told['arena'][0]} bytes in 1 segment", "and as many bytes in all")
    used = int(told["used"][0])
    tap.ok(int(rows["used"][1]) == used - 16, "those in use are the rest, less the segment's ends",
           f"{rows} {used}")
    address, size = int(told["block"][0], 16), int(told["block"][1])
    contains(tap, session.of(BLOCK), f"byte 7 of it, a block at {address:#x} with {size} bytes, "
             "used", "an address's block")
    contains(tap, session.of("mm-heap 2 0x10000"), "is in no block", "or none")
    contains(tap, session.of("mm-heap 2"), "nothing was allocated", "before the first malloc")
    area(tap, shown, int(told["arena"][0]))


def area(tap, shown, arena):
    found = re.search(r"^brk: 0x\w+-0x\w+, (\d+) pages, (\d+) of them resident\n"
                      r"((?:  +0x\w+ [.#sz]+\n)+)", shown, re.M)
    marks = "".join(re.findall(r"0x\w+ ([.#sz]+)", found[3])) if found else ""
    tap.ok(found and len(marks) == int(found[1]) >= arena // 4096 and
           marks.count("#") == int(found[2]) > 0, "brk's area, page by page", shown)


def trace(tap, session):
    mapping = session.output.split("mapping ")[1].split()[0]
    wanted = [rf"mmap +12345 bytes: {mapping}\n",
              rf"fault +write at {mapping}, answered: demand-zero \(\d+ ticks\)\n",
              rf"munmap +12345 bytes at {mapping}: 0\n"]
    lines = session.of("mm-trace 80")
    tap.ok(re.search(".*".join(wanted), lines, re.S), "mm-trace has what the program did, in order",
           lines)
    times = [int(each) for each in re.findall(r"^ *(-?\d+) CPU", lines, re.M)]
    tap.ok(len(times) == 80 and times == sorted(times) and times[-1] == 0, "80 records, by time",
           times)
    for command, nth in (("mm-trace", 0), ("mm-trace 0", 0), ("mm-trace 10 10", 0),
                         ("mm-heap 99", 0)):
        text = session.of(command, nth)
        tap.ok(text.startswith("error: ") and text.count("\n") == 1, f"{command}: refused", text)


def in_the_midst(tap):
    commands = ["program-stop tour"]
    for place in PLACES:
        commands += [f"tbreak {place}", "continue", *EVERYTHING, "delete"]
    session = Session(commands + ["continue"], "/bin/tour", "N2.11",
                      options=("--cpus", "2", "--initrd", harness.built("initrd.cpio")))
    stops = len(re.findall(r"Temporary breakpoint \d+, ", session.text))
    tap.ok(stops >= len(PLACES) - 1, f"stopped in the midst of {stops} things", session.text[-3000:])
    broken = re.findall(r".*(?:Python|Traceback|Error occurred).*", session.text)
    tap.ok(not broken, "no command is at a loss there", "\n".join(broken) + session.text[-6000:])
    audits = re.findall(r"^\d+ facts, \d+ wrong$", session.text, re.M)
    tap.ok(len(audits) >= stops, "and mm-audit comes to its end each time",
           f"{len(audits)} of {stops}")


def second_program(tap):
    """One that another program starts: its symbols take the place of the first one's."""
    session = Session(["program-stop cow", "break write_to", "continue", "mm-heap 2", "delete",
                       "continue"], "/bin/memmap", "--text", "--run", "/bin/cow",
                      options=("--initrd", harness.built("initrd.cpio")))
    tap.ok("Python Exception" not in session.text and
           "user/cow.c" in session.of("continue") and "malloc of process 2" in
           session.of("mm-heap 2"), "a program that another one starts, and the other's heap",
           session.describe())


def main():
    tap = harness.Tap()
    if not shutil.which("gdb"):
        tap.skip("gdb is not installed: run make deps")
        return tap.done()
    session = Session(COMMANDS, harness.built("tests", "scenario", "libc_heap"),
                      options=("--append", "trace"))
    if tap.ok(session.output.count("\n") == 7, "the program runs, and goes on to its end",
              session.describe()):
        heap(tap, session)
        trace(tap, session)
    in_the_midst(tap)
    second_program(tap)
    return tap.done()


sys.exit(main())
