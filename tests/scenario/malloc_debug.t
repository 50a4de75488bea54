#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""MALLOC_DEBUG: every kind of report, on Linux under LD_PRELOAD and on the kernel with the small C
library; what is right passes under every option; leaks are counted to the byte."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

SOURCE = "tests/malloc_debug/mistakes.c"
ABORTED, SEGMENT = -6, -11

# Name of the mistake, options, what is said, ending, marks of lines that must be named.
MISTAKES = [
    ("double_free", "all", "double free", ABORTED, "noticed allocated freed"),
    ("interior", "redzone", "invalid pointer given to free\n.*byte 8 of a block of 20", ABORTED,
     "noticed allocated"),
    ("foreign", "all", "invalid pointer given to free\n.*on the stack", ABORTED, "noticed"),
    ("by_realloc", "quarantine", "use after free: the block is freed", ABORTED,
     "noticed allocated freed"),
    ("next_of_freed", "all", "invalid pointer given to free\n.*hint:.*freed memory", ABORTED,
     "noticed"),
    ("written_gone", "watch", "returned stack address: write of 1 byte", ABORTED, "accessed"),
    ("overrun", "all", "overrun: 1 byte written.*0x78\n.*first byte behind a block of 13", ABORTED,
     "noticed allocated"),
    ("overrun", "guard,align=1", "overrun: write to a guard page", SEGMENT, "accessed allocated"),
    ("overrun", "guard", "overrun: 1 byte written.*\n.*\n.*align=1", ABORTED, "noticed allocated"),
    ("overrun", "watch", "overrun: write of 1 byte", ABORTED, "accessed allocated"),
    ("underrun", "redzone=16", "underrun: 1 byte written.*\n.*1 byte before a block", ABORTED,
     "noticed allocated"),
    ("underrun", "watch", "underrun: write of 1 byte", ABORTED, "accessed allocated"),
    ("written_after", "quarantine=1M", "1 byte written into a freed block.*\n.*byte 40 of", ABORTED,
     "allocated freed"),
    ("written_after", "guard,quarantine", "use after free: write to a freed block", SEGMENT,
     "accessed allocated freed"),
    ("squeezed_out", "quarantine=1M", "byte 99 of.*\n.*\n.*left the quarantine", ABORTED,
     "allocated freed"),
    ("large", "all", "overrun: write to a guard page", SEGMENT, "accessed allocated"),
    ("large_freed", "all", "use after free: read of a freed block", SEGMENT,
     "accessed allocated freed"),
    ("read_behind", "guard", "overrun: read of a guard page", SEGMENT, "accessed allocated"),
    ("read_behind", "watch", "overrun: read of 4 bytes behind", ABORTED, "accessed allocated"),
    ("aligned", "redzone", "overrun: 1 byte", ABORTED, "noticed"),
    ("aligned", "guard=60-60,align=1", "overrun: 1 byte", ABORTED, "noticed"),
    ("cleared", "all", "overrun: 1 byte.*behind a block of 100 bytes", ABORTED, "noticed"),
    ("cleared", "guard", "sum 0\n.*overrun: write to a guard page", SEGMENT, "accessed"),
    ("described", "all", "byte 3 of a block of 40", 0, "allocated freed"),
    ("exhausted", "all", "1 1 1\n10\n", 0, ""),
    ("exhausted", "guard", "1 1 1\n10\n", 0, ""),
    ("forked", "quarantine", "double free", 0, "noticed allocated"),
]
RIGHT = ["all", "redzone=100,fill", "guard,align=16,quarantine", "quarantine=10K,fill,leaks",
         "guard=100-5000,stacks=1", "guard,redzone,fill,quarantine"]


def build(directory, name, *options):
    program = os.path.join(directory, name)
    subprocess.run(["gcc", "-g", "-w", "-fno-builtin", "-pthread", *options, "-o", program,
                    f"tests/malloc_debug/{name.split('.')[0]}.c"],
                   cwd=harness.ROOT, check=True, timeout=60)
    return program


def marks(*wanted):
    with open(os.path.join(harness.ROOT, SOURCE), encoding="utf-8") as file:
        lines = file.readlines()
    return {mark: {number for number, line in enumerate(lines, 1)
                   if re.search(r"// .*\b" + mark + r"\b", line)} for mark in wanted}


def preloaded(program, words, *arguments):
    library = os.path.relpath(harness.built("libfaultline-malloc.so"), harness.ROOT)
    done = subprocess.run([program, *arguments], cwd=harness.ROOT, timeout=120, check=False,
                          env=dict(os.environ, LD_PRELOAD=library, MALLOC_DEBUG=words),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def here(program, words, *arguments):
    result = harness.run(program, *arguments, options=["--quiet", "--env", f"MALLOC_DEBUG={words}"])
    status = result.status if result.status < 128 else 128 - result.status
    return status, (result.output + result.errors).decode(errors="replace")


def judge(tap, where, case, got):
    name, words, said, ending, wanted = case
    status, text = got
    tap.ok(re.search(said, text, re.S) and status == ending,
           f"{where}: {name}, {words}", f"status {status} for {ending}, {said!r} in:\n{text}")
    named = {int(line) for line in re.findall(r"mistakes\.c:(\d+)", text)}
    for mark, lines in marks(*wanted.split()).items():
        tap.ok(named & lines, f"{where}: {name}, {words}: where it was {mark}", text)


def check_leaks(tap, where, run, program):
    status, text = run(program, "leaks=all", "leaks")
    lost = re.findall(r"leak: (\d+) bytes? in (\d+) blocks? lost", text)
    tap.ok(sorted(lost) == sorted([("721", "7"), ("500", "1"), ("32", "1")]) and status == 0,
           f"{where}: what is lost, to the byte", text)
    total = re.search(r"leaks: (\d+) bytes in (\d+) blocks lost, (\d+) bytes? in", text)
    tap.ok(total and total.groups()[:2] == ("1253", "9"), f"{where}: the sum of it", text)
    tap.ok("5 bytes in 1 block still reachable" in text, f"{where}: what is kept", text)
    status, text = run(program, "leaks", "leaks")
    tap.ok("leak: 5 bytes" not in text, f"{where}: leaks alone does not list what is kept", text)
    tap.ok(run(program, "leaks=fail", "leaks")[0] == 23, f"{where}: leaks=fail: exit status 23")
    tap.ok(run(program, "leaks=fail", "exhausted")[0] == 0, f"{where}: nothing lost: status 0")


def check_options(tap, program):
    for words in ("nonsense", "redzone=", "redzone=x", "guard=9-3", "align=3", "stacks=0",
                  "leaks=some", "fill=1", "quarantine=99999999999G"):
        status, text = preloaded(program, words, "exhausted")
        tap.ok(f'"{words}" is ignored' in text and text.count("MALLOC_DEBUG") == 1 and status == 0,
               f"{words}: one clear line", text)
    for words in ("", "0", ",,"):
        status, text = preloaded(program, words, "double_free")
        tap.ok("malloc: block" in text and "MALLOC_DEBUG" not in text,
               f"{words!r}: off, only malloc's own check", text)


def check_right(tap, threads, malloc, wanted):
    for words in RIGHT:
        status, text = preloaded(threads, words)
        tap.ok(status == 0 and "0 bytes wrong, 0 children failed" in text
               and not re.search("MALLOC_DEBUG: (?!leaks?:)", text), f"threads, {words}", text)
    for options in (["-O0", "-fstack-protector-all"], ["-O2"]):
        status, text = preloaded(build(os.path.dirname(threads), "right", *options), "watch")
        tap.ok(status == 0 and "2.5 31 5 c 2 12\n" in text and "leaks: 0 bytes in 0 blocks lost"
               in text and not re.search("MALLOC_DEBUG: (?!leaks:)", text),
               f"nothing wrong, watch, {options[0]}", text)
    program = build(os.path.dirname(threads), "watched_threads", "-O2", "-pthread")
    status, text = preloaded(program, "watch")
    tap.ok(status == 0 and "nothing wrong\n" in text
           and not re.search("MALLOC_DEBUG: (?!leaks?:)", text), "nothing wrong, threads", text)
    status, text = preloaded(program, "watch", "overrun")
    tap.ok(status == ABORTED and "heap overrun: write of 1 byte" in text
           and "watched_threads.c:33" in text, "watch, a mistake of another thread", text)
    for words in RIGHT[:3]:
        status, text = preloaded(malloc, words)
        lines = [line for line in text.splitlines() if not re.match("MALLOC_DEBUG: leak|  ", line)]
        tap.ok(status == 0 and lines == wanted, f"libc_malloc, {words}", text[-2000:])


def main():
    if not os.path.exists(harness.built("libfaultline-malloc.so")) or harness.BOCHS:
        print("1..0 # SKIP libfaultline-malloc.so is not built")
        return 0
    tap = harness.Tap()
    directory = os.path.join(harness.BUILD, "tests", "malloc_debug")
    os.makedirs(directory, exist_ok=True)
    program = build(directory, "mistakes", "-O0")
    fast = build(directory, "mistakes.fast", "-O2", "-fno-optimize-sibling-calls")
    for case in MISTAKES:
        judge(tap, "Linux", case, preloaded(program, case[1], *case[:1]))
    for case in MISTAKES[:5]:
        judge(tap, "Linux, -O2", case, preloaded(fast, case[1], *case[:1]))
    check_leaks(tap, "Linux", preloaded, program)
    check_options(tap, program)
    own = os.path.join(directory, "mistakes.faultline")
    subprocess.run(["tools/cc", "-w", "-o", own, SOURCE], cwd=harness.ROOT, check=True, timeout=120,
                   env={**os.environ, "BUILD": os.path.relpath(harness.BUILD, harness.ROOT)})
    for case in MISTAKES:
        if case[0] in ("double_free", "overrun", "written_after", "large", "forked", "described"):
            judge(tap, "here", case, here(own, case[1], *case[:1]))
    check_leaks(tap, "here", here, own)
    malloc = os.path.join(directory, "libc_malloc")
    subprocess.run(["gcc", "-O1", "-w", "-o", malloc, "tests/ring3/libc_malloc.c"],
                   cwd=harness.ROOT, check=True, timeout=60)
    wanted = subprocess.run([malloc], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    check_right(tap, build(directory, "threads", "-O1"), malloc, wanted.decode().splitlines())
    return tap.done()


sys.exit(main())
