#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The documents show what their commands print, and name files, functions and places in other
documents that are there."""
import glob
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

FILE = re.compile(r"\b(?:boot|kernel|mm|lib|user|tests|tools)/[\w/]+\.(?:c|h|asm|py)\b")
# As the tour and the documents write it: `mm/fault.c`: `decide()`, or mm/fault.c: decide().
FUNCTION = re.compile(r"\b((?:boot|kernel|mm|lib|user)/[\w/]+\.[ch])`?: `?(\w+)\(\)")
LINK = re.compile(r"\]\(([^)\s:]*)\)")  # those to the web have a colon
HEADING = re.compile(r"^#+ (.*)$", re.M)
SHOWN = re.compile(r"^```.*?^```$", re.M | re.S)
WRONG = """```console
$ tools/run --quiet --initrd build/initrd.cpio /bin/tour --list
N1.1   Ring 0 and ring 3
```
"""


def check(*paths):
    done = subprocess.run(["tools/docs", "--check", "--build", harness.BUILD, *paths],
                          cwd=harness.ROOT, check=False, stdin=subprocess.DEVNULL, timeout=500,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return harness.Result(done.returncode, done.stdout, b"")


def blocks(tap, paths):
    result = check(*paths)
    reports = re.split(rb"^(?=(?:not )?ok )", result.output, flags=re.M)[1:]
    for report in reports:
        title = report.splitlines()[0].decode().split(" ", 1)[1]
        tap.ok(report.startswith(b"ok"), title.removeprefix("ok "),
               report.decode() + "if that is how it should be: make docs")
    tap.ok(reports and result.status == 0, "the documents show what their commands print",
           result.describe())


def text_of(path):
    with open(os.path.join(harness.ROOT, path), encoding="utf-8") as file:
        return file.read()


def files(tap, path):
    text = text_of(path)
    missing = [name for name in sorted(set(FILE.findall(text)))
               if not os.path.exists(os.path.join(harness.ROOT, name))]
    missing += [f"{name}: {function}()" for name, function in sorted(set(FUNCTION.findall(text)))
                if name not in missing and not re.search(rf"\b{function}\(", text_of(name))]
    tap.ok(not missing, f"{path} names files and functions that exist", " ".join(missing))


def anchors(path):
    """The names under which a viewer knows the headings of a document."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            for heading in HEADING.findall(SHOWN.sub("", text_of(path)))}


def links(tap, path):
    broken = []
    for target in sorted(set(LINK.findall(SHOWN.sub("", text_of(path))))):
        name, _, place = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if not os.path.exists(os.path.join(harness.ROOT, there)):
            broken.append(target)
        elif place and place not in anchors(there):
            broken.append(target)
    tap.ok(not broken, f"{path} links to what is there", " ".join(broken))


def editions(tap):
    """The Korean ones go with the others: the same commands, headings and pictures."""
    for name, other in (("docs/tour.md", "docs/ko/tour.md"), ("README.md", "docs/ko/README.md")):
        shapes = [(re.findall(r"^\$ .*$", text, re.M),
                   [line.split(" ")[0] for line in re.findall(r"^#+", SHOWN.sub("", text), re.M)],
                   [os.path.basename(place) for place in re.findall(r"!\[.*?\]\((.*?)\)", text)])
                  for text in (text_of(name), text_of(other))]
        tap.ok(shapes[0] == shapes[1], f"{other} shows what {name} shows", str(shapes))


def can_fail(tap):
    path = harness.built("wrong.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(WRONG)
    result = check(path)
    tap.ok(result.status == 1 and b"not ok" in result.output,
           "a document that shows something else is found", result.describe())


def main():
    if os.path.basename(harness.BUILD) == "debug" or os.environ.get("LLVM"):
        print("1..0 # SKIP costs, and who called whom, are those of the usual build")
        return 0
    tap = harness.Tap()
    documents = [path for pattern in ("*.md", "docs/*.md", "docs/ko/*.md")
                 for path in sorted(glob.glob(pattern, root_dir=harness.ROOT))]
    blocks(tap, documents)
    for path in documents:
        files(tap, path)
        links(tap, path)
    editions(tap)
    can_fail(tap)
    return tap.done()


sys.exit(main())
