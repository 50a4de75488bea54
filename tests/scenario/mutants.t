#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each known bug (lib/mutant.h) must be caught by some test: bugs of mm/ by the unit tests, others
by tests that boot a kernel. The first failure is enough, if that test passes without the bug.
Bugs called tlb_NAME spoil nothing in QEMU: `make test-bochs` looks for those, and only those, and
sees that the test that catches one in Bochs does not in QEMU.
Names as arguments: only those. Two at a time, as everything here is."""
import concurrent.futures
import functools
import glob
import os
import re
import signal
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

BUILD = os.environ.get("BUILD", "build")
AT_LEAST = 12
# These look at everything, so they come first.
FIRST = ["test_failures", "test_fault", "test_space", "test_model", "test_frame"]
BOOT_FIRST = ["registers", "signals", "brk", "preemption"]
# Known to catch one that the first ones do not.
LIKELY = {"no_shootdown": "threads_shootdown", "shootdown_not_awaited": "threads_shootdown",
          "excused_not_flushed": "threads_shootdown",
          "file_end_not_zeroed": "devices", "pipe_frees_newest": "pipes"}
BOOT_LIMIT = "25"  # seconds: a kernel with a bug may hang
UNIT_LIMIT = 30    # and so may a unit test, which takes a few
TEST_LIMIT = 200   # the others have a limit for each of their boots


def run(*command, **variables):
    """A process of its own, also when it is a make: not a part of the make that runs us."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(command, cwd=harness.ROOT, env=dict(environment, **variables),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=300,
                          stderr=subprocess.STDOUT, check=False)


def make(*targets):
    return run("make", "-s", "--no-print-directory", f"BUILD={BUILD}", *targets)


def stem(path):
    return os.path.basename(path)[:-2]


def tests(pattern, first):
    """Files that match, those named in `first` before the others."""
    found = glob.glob(pattern, root_dir=harness.ROOT)
    order = {name: i for i, name in enumerate(first)}
    return sorted(found, key=lambda path: (order.get(stem(path), len(first)), path))


def unit_tests(sources=()):
    """Those that test mm/ and need no files beside it; or those that name all `sources` as such."""
    for test in tests("tests/unit/test_*.c", FIRST):
        with open(os.path.join(harness.ROOT, test), encoding="utf-8") as file:
            text = file.read()
        linked = " ".join(re.findall(r"^// link:(.*)$", text, re.M)).split()
        if set(sources) <= set(linked) if sources else '"mm/' in text and not linked:
            yield test


def for_bochs(name):
    return name.startswith("tlb_")


def end(running):
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def first_failure(test, directory, **variables):
    """The name of what failed, or None. The first failure ends the test; so does time, which is a
    failure too: a test of this kind takes seconds."""
    environment = dict(os.environ, BUILD=directory, LIMIT=BOOT_LIMIT, **variables)
    with subprocess.Popen(["tests/execute", test], cwd=harness.ROOT, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, errors="replace",
                          stderr=subprocess.DEVNULL, start_new_session=True) as running:
        limit = UNIT_LIMIT if test.startswith("tests/unit/") else TEST_LIMIT
        clock = threading.Timer(limit, end, [running])
        clock.start()
        try:
            for line in running.stdout:
                found = re.match(r"not ok \d+ - (.*)$", line)
                if found:
                    end(running)
                    return f"{test}: {found[1]}"
        finally:
            clock.cancel()
    return None if running.returncode == 0 else test


@functools.lru_cache(maxsize=None)
def passes_without(test):
    return first_failure(test, BUILD) is None


def caught_by_unit_test(directory, found):
    for test in found:
        program = f"{directory}/tests/unit/{stem(test)}"
        built = make(program)
        if built.returncode:
            return None, built.stdout.decode(errors="replace")
        failure = first_failure(test, directory)
        if failure and passes_without(test):
            return failure, ""
    return None, "no unit test failed"


def caught_by_boot(directory, likely):
    built = make(f"{directory}/kernel.elf", f"{directory}/kernel-test.elf",
                 f"{directory}/tests/ring3")
    if built.returncode:
        return None, built.stdout.decode(errors="replace")
    for test in tests("tests/ring0/ring0.c", []) + tests("tests/ring3/*.c", likely + BOOT_FIRST):
        failure = first_failure(test, directory)
        if failure and passes_without(test):
            elsewhere = harness.BOCHS and first_failure(test, directory, MACHINE="qemu")
            return None if elsewhere else failure, "it is caught in QEMU too"
    return None, "no test that boots failed"


def catcher(name, sources):
    directory = f"{BUILD}/mutants/{name}"
    likely = [LIKELY[name]] if name in LIKELY else []
    if for_bochs(name):
        return caught_by_boot(directory, likely)
    if all(source.startswith("mm/") for source in sources):
        return caught_by_unit_test(directory, unit_tests())
    linking = list(unit_tests(sources))
    return caught_by_unit_test(directory, linking) if linking else caught_by_boot(directory, likely)


def build_without():
    """What all share, by one make alone."""
    return make(*[f"{BUILD}/tests/unit/{stem(test)}" for test in unit_tests()],
                f"{BUILD}/kernel.elf", f"{BUILD}/kernel-test.elf")


def main():
    tap = harness.Tap()
    bugs = {}
    built = build_without()
    tap.ok(built.returncode == 0, "everything builds without them",
           built.stdout.decode(errors="replace"))
    for use in make("mutants").stdout.decode().split():
        name, source = use.split(":")
        bugs.setdefault(name, []).append(source)
    names = [name for name in sorted(bugs) if for_bochs(name) == harness.BOCHS
             and (name in sys.argv[1:] or len(sys.argv) == 1)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda name: catcher(name, bugs[name]), names)
        for name, (caught, why) in zip(names, results):
            tap.ok(caught, f"{name} is caught" + (f" by {caught}" if caught else ""), why)
    in_mm = sum(uses[0].startswith("mm/") for uses in bugs.values())
    tap.ok(in_mm >= AT_LEAST, f"there are at least {AT_LEAST} in mm", f"{in_mm}")
    if not harness.BOCHS:
        tap.note("make test-bochs looks for: " + " ".join(filter(for_bochs, sorted(bugs))))
    return tap.done()


sys.exit(main())
