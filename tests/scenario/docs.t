#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The documents show what their commands print, and name files that are there."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

DOCUMENTS = ["docs/tour.md", "README.md"]
FILE = re.compile(r"\b(?:boot|kernel|mm|lib|user|tests|tools)/[\w/]+\.(?:c|h|asm|py)\b")
WRONG = """```console
$ tools/run --quiet --initrd build/initrd.cpio /bin/tour --list
N1.1   Ring 0 and ring 3
```
"""


def check(path):
    done = subprocess.run(["tools/docs", "--check", "--build", harness.BUILD, path],
                          cwd=harness.ROOT, check=False, stdin=subprocess.DEVNULL, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return harness.Result(done.returncode, done.stdout, b"")


def blocks(tap, path):
    result = check(path)
    reports = re.split(rb"^(?=(?:not )?ok )", result.output, flags=re.M)[1:]
    for report in reports:
        title = report.splitlines()[0].decode().split(" ", 1)[1]
        tap.ok(report.startswith(b"ok"), title.removeprefix("ok "),
               report.decode() + "if that is how it should be: make docs")
    tap.ok(reports and result.status == 0, f"{path} is up to date", result.describe())


def files(tap, path):
    with open(os.path.join(harness.ROOT, path), encoding="utf-8") as file:
        names = set(FILE.findall(file.read()))
    missing = [name for name in names if not os.path.exists(os.path.join(harness.ROOT, name))]
    tap.ok(names and not missing, f"{path} names files that exist", " ".join(missing))


def can_fail(tap):
    path = harness.built("wrong.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(WRONG)
    result = check(path)
    tap.ok(result.status == 1 and b"not ok" in result.output,
           "a document that shows something else is found", result.describe())


def main():
    if os.path.basename(harness.BUILD) == "debug":
        print("1..0 # SKIP costs are those of the usual build")
        return 0
    tap = harness.Tap()
    for path in DOCUMENTS:
        blocks(tap, path)
        files(tap, path)
    can_fail(tap)
    return tap.done()


sys.exit(main())
