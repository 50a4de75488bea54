#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The eight bugs: what happens, who notices it, and at which line; on the kernel by /bin/bugs, and
on Linux as ordinary programs under LD_PRELOAD. The lines that must be named are those whose comment
says so in the source."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

WAYS = {"bare": None, "debug": "all", "guard": "guard,align=1,quarantine", "watch": "watch"}
ABORTED, SEGMENT = -6, -11  # as subprocess has them

# What is caught in which way: by whom (words of the program's verdict), and whether the line of the
# access is named. None: nothing is. Otherwise what the program prints is what happened.
EXPECTED = {
    "returned_address": {
        "bare": ("after another call: (?!90)", 0), "debug": ("after another call: (?!90)", 0),
        "guard": ("after another call: (?!90)", 0), "watch": ("returned stack address", ABORTED)},
    "pointer_arithmetic": {
        "bare": ("neighbour after: +.*[?]", 0), "debug": ("heap (over|under)run", ABORTED),
        "guard": ("heap overrun: write to a guard page", SEGMENT),
        "watch": ("heap overrun: write of 4 bytes", ABORTED)},
    "bad_pointer code": {
        "bare": ("", SEGMENT), "debug": ("bad pointer: write.*\n.* code of main", SEGMENT),
        "guard": ("bad pointer: write.*\n.* code of main", SEGMENT),
        "watch": ("uninitialised memory: read of 8", SEGMENT)},
    "bad_pointer stack": {
        "bare": ("was 1000 and is 42", 0), "debug": ("was 1000 and is 42", 0),
        "guard": ("was 1000 and is 42", 0), "watch": ("uninitialised memory: read of 8", 0)},
    "bad_pointer heap": {
        "bare": ("were 5000 and are 42", 0), "debug": ("were 5000 and are 42", 0),
        "guard": ("were 5000 and are 42", 0), "watch": ("uninitialised memory: read of 8", 0)},
    "uninitialised": {
        "bare": ("2 nodes, sum 21", 0), "debug": ("uninitialised memory: what it holds", SEGMENT),
        "guard": ("1 nodes, sum 1", 0), "watch": ("uninitialised memory: read of 8", 0)},
    "use_after_free": {
        "bare": ("holds 100\nLee has paid 500 and has -1", 0),
        "debug": ("use after free: 8 bytes written into a freed block", ABORTED),
        "guard": ("use after free: read of a freed block", SEGMENT),
        "watch": ("use after free: read of 8 bytes of a freed block", ABORTED)},
    "heap_overrun": {
        "bare": ("after:  \"\"\nmalloc: block", ABORTED), "debug": ("heap overrun: 3\\d bytes", ABORTED),
        "guard": ("heap overrun: write to a guard page", SEGMENT),
        "watch": ("heap overrun: write of 4 bytes", ABORTED)},
    "stack_buffer": {
        "bare": ("role: (?!guest)", SEGMENT), "debug": ("bad pointer", SEGMENT),
        "guard": ("bad pointer", SEGMENT), "watch": ("stack overflow: write", ABORTED)},
    "stack_recursion": {
        "bare": ("a list: 3", SEGMENT), "debug": ("stack overflow: write.*beyond", SEGMENT),
        "guard": ("stack overflow: write.*beyond", SEGMENT)},
    "leak": {
        "bare": ("grown by a megabyte", 0), "debug": ("1000000 bytes in 1000 blocks lost", 0),
        "guard": ("grown by a megabyte", 0)},
}
# Where the access itself is caught, by its line: "// the bug" there.
NAMED = {(bug, "watch") for bug in EXPECTED if "watch" in EXPECTED[bug]} | {
    ("pointer_arithmetic", "guard"), ("use_after_free", "guard"), ("heap_overrun", "guard"),
    ("bad_pointer code", "debug"), ("bad_pointer code", "guard"), ("leak", "debug")}
# Where the mistake shows in another line than the one that makes it.
ELSEWHERE = {"returned_address": "before = *best", "uninitialised": "at = at->next",
             "pointer_arithmetic": "*at = i * i"}


def marked_lines(bug):
    name = bug.split()[0]
    with open(os.path.join(harness.ROOT, "user", "bugs", name + ".c"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    mark = ELSEWHERE.get(name, "// the bug")
    return {number for number, line in enumerate(lines, 1) if mark in line}


def judge(tap, where, bug, way, text, status):
    words, ending = EXPECTED[bug][way]
    tap.ok(re.search(words, text) and status == ending, f"{where}: {bug}, {way}",
           f"status {status} for {ending}, {words!r} in:\n{text}")
    if (bug, way) in NAMED:
        place = text.partition("accessed in")[2] or text.partition("allocated by")[2]
        lines = {int(line) for line in re.findall(r"user/bugs/\w+\.c:(\d+)", place)}
        tap.ok(lines & marked_lines(bug), f"{where}: {bug}, {way}: the line is named",
               f"{lines} for {marked_lines(bug)} in:\n{text}")


def in_kernel(tap):
    result = harness.run("/bin/bugs", "all", options=["--initrd", harness.built("system.cpio")])
    tap.ok(result.status == 0, "/bin/bugs all", result.describe())
    text = result.output.decode(errors="replace")
    parts = re.split(r"^--- (\w+), (\w+): .*\n", text, flags=re.M)[1:]
    seen = {(parts[i], parts[i + 1]): parts[i + 2] for i in range(0, len(parts), 3)}
    for bug, ways in EXPECTED.items():
        for way in ways:
            part = seen.pop((bug.replace(" ", "_"), way), "")
            ended = re.search(r"ended (?:by signal|with exit status) (\d+)", part)
            status = int(ended[1]) if ended else None
            judge(tap, "here", bug, way, part, -status if "by signal" in part else status)
    protector = seen.pop(("stack_buffer", "protector"), "")
    tap.ok("caught by the stack protector, at user/bugs/stack_buffer.c:16" in protector,
           "here: stack_buffer, protector", protector)
    tap.ok(not seen, "nothing else ran", str(list(seen)))


def on_linux(tap):
    library = os.path.relpath(harness.built("libfaultline-malloc.so"), harness.ROOT)
    directory = os.path.join(harness.BUILD, "tests", "bugs")
    os.makedirs(directory, exist_ok=True)
    for bug, ways in EXPECTED.items():
        name, *arguments = bug.split()
        program = os.path.join(directory, name)
        # With the heap at small addresses, of a program that has its place, one number in a hundred
        # runs would be taken for a pointer that keeps a block from being lost.
        subprocess.run(["gcc", "-g", "-O0", "-w", "-fno-stack-protector", "-fpie", "-pie", "-o",
                        program, f"user/bugs/{name}.c"], cwd=harness.ROOT, check=True, timeout=60)
        for way in ways:
            environment = dict(os.environ, LD_PRELOAD=library)
            environment.pop("MALLOC_DEBUG", None)
            if WAYS[way]:
                environment["MALLOC_DEBUG"] = WAYS[way]
            done = subprocess.run([program] + arguments, cwd=harness.ROOT, env=environment,
                                  input=b"42\n", stdout=subprocess.PIPE, timeout=60,
                                  stderr=subprocess.STDOUT, check=False)
            judge(tap, "Linux", bug, way, done.stdout.decode(errors="replace"), done.returncode)


def main():
    tap = harness.Tap()
    in_kernel(tap)
    if os.path.exists(harness.built("libfaultline-malloc.so")) and not harness.BOCHS:
        on_linux(tap)
    else:
        tap.skip("on Linux: libfaultline-malloc.so is not built")
    return tap.done()


sys.exit(main())
