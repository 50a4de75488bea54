#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The build remakes what a change touches, and nothing else. Nothing is compiled here: make is
asked what it would do (-n), as if a file had changed (-W) or with another flag."""
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

BUILD = os.environ.get("BUILD", "build")


def would_compile(*arguments):
    """The sources that `make all` would compile, assemble or link now."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(["make", "-n", f"BUILD={BUILD}", *arguments, "all"], cwd=harness.ROOT,
                          env=environment, stdout=subprocess.PIPE, check=True, timeout=60)
    said = re.findall(r"^printf '  %-7s %s\\n' '(\w+)' '([^' ]*)", done.stdout.decode(), re.M)
    return {name for kind, name in said if kind in ("CC", "NASM")}


def compiled_with(header):
    """The sources whose dependency files name that header: what the compiler really read."""
    names = set()
    for directory, _, files in os.walk(harness.built("obj")):
        for name in files:
            if not name.endswith(".d") or "/obj/unit" in directory:
                continue
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                words = file.read().replace("\\\n", " ").split()
            if header in words:
                names.add(words[1])
    return names


def main():
    tap = harness.Tap()
    tap.ok(not would_compile(), "nothing is remade when nothing changed", would_compile())
    for header in ("lib/avl.h", "lib/libc/include/string.h"):
        touched = would_compile("-W", header)
        expected = {name for name in compiled_with(header) if not name.startswith("tests/")}
        tap.ok(touched == expected and touched, f"{header}: what includes it, and only that",
               sorted(touched ^ expected))
    touched = would_compile("-W", "mm/buddy.c")
    tap.ok(touched == {"mm/buddy.c"}, "a source: that one", touched)
    everything = would_compile("DEBUG=" if os.environ.get("DEBUG") else "DEBUG=1")
    tap.ok(len(everything) > 40, "another flag: all of it", everything)
    with open(harness.built("compile_commands.json"), encoding="utf-8") as file:
        files = {entry["file"] for entry in json.load(file)}
    tap.ok({"mm/fault.c", "lib/libc/malloc.c"} <= files, "compile_commands.json knows the sources")
    return tap.done()


sys.exit(main())
