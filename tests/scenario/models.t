#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Promela models in tests/model: each holds in every interleaving, every statement is
reached, and each of the bugs that it names (`// bugs: A B`) makes spin find an error. A model that
proves nothing would be noticed by that. `// also: C` names variants that must hold too, `C+A` is
bug A in one of them.

A reader finds the code behind each step: in a section whose head names files (`// ---- a/b.c ----`)
each inline is called as its function there, or the comment above it says which (`name()`). What is
written with parentheses in any comment is a function of a file that the model names.

Without arguments: all models, two at a time. With names: those. For the steps of a shortest run
into an error:  tests/scenario/models.t --steps shootdown NO_BARRIER"""
import collections
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

MODELS = os.path.join(harness.ROOT, "tests", "model")
DEPTH = 400000
CC = shutil.which("clang") or "gcc"  # the former is twice as fast, which is most of the time
LIMIT = 240


def run(*command, directory):
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, timeout=LIMIT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


class Search:
    """All interleavings of one model, as one of its variants, with one of its bugs or none: errors
    (None: there was no search), states, the first error, lines not reached, and all that spin and
    the search said."""

    def __init__(self, model, variant, bug, directory, *flags):
        self.errors = self.states = None
        self.first = ""
        self.unreached = set()
        defines = [f"-D{name}" for name in variant + bug]
        # Statements that are merged are in no table.
        run("spin", *defines, "-o3", "-a", model, directory=directory)
        statements = self.statements(directory)
        status, self.said = run("spin", *defines, "-a", model, directory=directory)
        if status:
            return
        # A bug is found at once; going through everything is worth a better compilation.
        status, output = run(CC, "-O0" if bug else "-O1", "-w", "-DSAFETY", "-DCOLLAPSE",
                             *flags, "-o", "pan", "pan.c", directory=directory)
        self.said += output
        if status:
            return
        _, output = run("./pan", f"-m{DEPTH}", directory=directory)
        self.said += output
        self.read(output, statements)

    def statements(self, directory):
        """How often each line of the model is there: what is written once may be several times."""
        try:
            with open(os.path.join(directory, "pan.m"), encoding="utf-8") as file:
                return collections.Counter(re.findall(r"STATE \d+ - .*?:(\d+) - ", file.read()))
        except FileNotFoundError:
            return collections.Counter()

    def read(self, output, statements):
        found = re.search(r"errors: (\d+)\n *(\d+) states, stored", output)
        if not found or "max search depth too small" in output or "out of memory" in output:
            return
        self.errors, self.states = int(found[1]), int(found[2])
        first = re.search(r"^pan:1: (.*?) \(at depth", output, re.M)
        self.first = first[1] if first else ""
        # It need not be reached everywhere.
        missed = re.findall(r':(\d+), state \d+, "(.*)"', output)
        times = collections.Counter(line for line, _ in missed)
        self.unreached = {f"{line}: {text}" for line, text in missed
                          if text != "-end-" and times[line] >= statements[line]}


def search(job):
    with tempfile.TemporaryDirectory(prefix="faultline-") as directory:
        return Search(*job, directory)


def named(model, what):
    with open(model, encoding="utf-8") as file:
        return " ".join(re.findall(rf"^// {what}: (.*)$", file.read(), re.M)).split()


def sources_in(comment):
    """Paths of the files that a comment names; `b.c` after `x/a.c` is in x too."""
    directory, found = "", []
    for path in re.findall(r"[\w/]+\.(?:c|h|asm)\b", comment):
        directory = os.path.dirname(path) or directory
        found.append(os.path.join(directory, os.path.basename(path)))
    return found


def is_called_in(name, sources):
    for source in sources:
        with open(os.path.join(harness.ROOT, source), encoding="utf-8") as file:
            if re.search(rf"\b{name}\(", file.read()):
                return True
    return False


def strayed(model):
    """What the model says of the code that is not so (any longer)."""
    with open(model, encoding="utf-8") as file:
        lines = file.read().split("\n")
    comments = [re.search(r"//.*|$", line)[0] for line in lines]
    sources = sources_in("\n".join(comments))
    missing = [source for source in sources
               if not os.path.exists(os.path.join(harness.ROOT, source))]
    if missing:
        return [f"there is no {source}" for source in missing]
    wrong = [f"{name}() is in no file that is named" for comment in comments
             for name in re.findall(r"(\w+)\(\w*\)", comment) if not is_called_in(name, sources)]
    section, above = [], ""
    for line, comment in zip(lines, comments):
        if comment.startswith("// ----"):
            section = sources_in(comment)
        inline = re.match(r"inline (\w+)\(", line)
        names = [inline[1]] + re.findall(r"(\w+)\(\w*\)", above) if inline and section else []
        if names and not any(is_called_in(name, section) for name in names):
            wrong.append(f"what is {names[0]}() in {' '.join(section)}?")
        above = above + comment if line.startswith("//") else ""
    return wrong


def jobs_of(model):
    """(model, variant, bug), the latter two as lists of at most one word."""
    yield model, [], []
    for variant in named(model, "also"):
        yield model, [variant], []
    for bug in named(model, "bugs"):
        *variant, bug = bug.split("+")
        yield model, variant, [bug]


def report(tap, model, variant, bug, result):
    name = "+".join([os.path.basename(model).removesuffix(".pml")] + variant)
    if bug:
        tap.ok(result.errors, f"{name}: {bug[0]} is found: {result.first}", result.said)
        return
    tap.ok(result.errors == 0, f"{name} holds in all of {result.states} states", result.said)
    if variant:  # which may leave out what the model itself shows
        return
    tap.ok(not result.unreached, f"{name}: every statement is reached",
           "\n".join(sorted(result.unreached)))
    tap.ok(named(model, "bugs"), f"{name} names bugs")
    wrong = strayed(model)
    tap.ok(not wrong, f"{name}: the functions it names are there", "\n".join(wrong))


def steps(name, bug):
    model = os.path.join(MODELS, name + ".pml")
    *variant, bug = bug.split("+")
    with tempfile.TemporaryDirectory(prefix="faultline-") as directory:
        result = Search(model, variant, [bug], directory, "-DBFS")
        if not result.errors:
            print(result.said)
            return 1
        trail, = glob.glob("*.trail", root_dir=directory)
        print(run("spin", *[f"-D{word}" for word in variant + [bug]], "-k", trail, "-t", "-p", "-g", "-l", model,
                  directory=directory)[1])
    return 0


def main(names):
    if names[:1] == ["--steps"]:
        return steps(*names[1:])
    tap = harness.Tap()
    for tool in ("spin", CC):
        if not tap.ok(shutil.which(tool), f"{os.path.basename(tool)} is there", "run `make deps`"):
            return tap.done()
    models = sorted(glob.glob(os.path.join(MODELS, "*.pml")))
    jobs = [job for model in models for job in jobs_of(model)
            if not names or os.path.basename(model).removesuffix(".pml") in names]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for job, result in zip(jobs, pool.map(search, jobs)):
            report(tap, *job, result)
    return tap.done()


sys.exit(main(sys.argv[1:]))
