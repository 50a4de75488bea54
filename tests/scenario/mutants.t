#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each known bug (lib/mutant.h) must be caught by some test: bugs of mm/ by the unit tests, others
by tests that boot a kernel. The first failure is enough, if that test passes without the bug; but
a bug in the table of docs/testing.md that leaves translations behind must be seen at each place
that the table gives it. One kernel has them all: each boot chooses one.
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
LIKELY = {
    "no_shootdown": "threads_shootdown", "space_without_cpu": "threads_shootdown",
    "flush_first_only": "threads_shootdown", "large_flush_forgotten": "threads_shootdown",
    "referenced_without_flush": "threads_shootdown", "tracked_without_flush": "threads_shootdown",
    "shootdown_not_awaited": "threads_shootdown", "excused_not_flushed": "threads_shootdown",
    "file_end_not_zeroed": "devices", "pipe_frees_newest": "pipes",
    "fault_code_wrong": "fault_signals", "queued_signals_merge": "signal_send",
    "restart_ignored": "signal_restart", "signal_stack_unused": "signal_stack",
    "continue_keeps_stops": "signals", "thread_signal_to_process": "threads_process",
    "signal_in_turn": "threads_signals",
    "clones_waited_for": "clone_flags", "stop_reported_twice": "job_control",
    "alarm_left_lost": "timers", "disarmed_timer_signals": "timers_short",
    "overruns_uncounted": "timers_short", "timers_absolute": "timers_short",
    "futex_bits_ignored": "threads_futex", "requeue_unchecked": "threads_futex",
    "wake_op_wakes_always": "threads_futex", "pi_death_untold": "threads_pi",
    "robust_death_untold": "threads_pi", "tid_cleared_by_bytes": "threads_tid_word", "kept_sockets_passed": "socket_messages",
}
LIKELY.update(dict.fromkeys(["child_faults_lost", "end_code_wrong", "ignored_child_stays",
                             "nowait_takes", "sigchld_lost", "wait_ignores_group"], "waiting"))
STALE = "threads_shootdown"
# Debug kernels tell these: tests/scenario/translations.t.
TOLD = ["freed_before_flush", "space_freed_in_use", "table_freed_before_flush"]
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


def first_failure(test, bug=None, **variables):
    """The name of what failed, or None. The first failure ends the test; so does time, which is a
    failure too: a test of this kind takes seconds."""
    environment = dict(os.environ, BUILD=BUILD, LIMIT=BOOT_LIMIT, **variables)
    if bug:
        environment.update(MUTANT=bug)
        if not test.startswith("tests/unit/"):
            environment.update(BUILD=f"{BUILD}/mutants")
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
    return first_failure(test) is None


def caught_by_unit_test(name, found):
    for test in found:
        failure = first_failure(test, name)
        if failure and passes_without(test):
            return failure, ""
    return None, "no unit test failed"


def caught_by_boot(name):
    likely = LIKELY.get(name, "").split()
    for test in tests("tests/ring0/ring0.c", []) * (not likely) + \
            tests("tests/ring3/*.c", likely + BOOT_FIRST):
        failure = first_failure(test, name)
        # The suite itself tells of a likely one that fails anyway.
        if failure and (stem(test) in likely or passes_without(test)):
            elsewhere = harness.BOCHS and first_failure(test, name, MACHINE="qemu")
            return None if elsewhere else failure, "it is caught in QEMU too"
    return None, "no test that boots failed"


def catcher(name, sources):
    if for_bochs(name):
        return caught_by_boot(name)
    if name not in LIKELY and all(source.startswith("mm/") for source in sources):
        return caught_by_unit_test(name, unit_tests())
    linking = list(unit_tests(sources))
    return caught_by_unit_test(name, linking) if linking else caught_by_boot(name)


def left_behind():
    """{bug: checks of STALE that must fail}, from the table of docs/testing.md."""
    with open(os.path.join(harness.ROOT, "docs/testing.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| (.*) \| `(\w+)` \| (.*) \|$", file.read(), re.M)
    return {name: [f"{check}, seen by {who}" for check in checks.split("; ")
                   for who in witnesses.split("; ")] for checks, name, witnesses in rows}


def overlooked(name, checks):
    """Those that pass with the bug. One boot shows all."""
    done = harness.run(harness.built("tests", "ring3", STALE),
                       options=["--cpus", "2", "--append", f"mutant={name}"],
                       kernel=harness.built("mutants", "kernel.elf"))
    failed = re.findall(r"^not ok \d+ - (.*)$", done.output.decode(errors="replace"), re.M)
    return [check for check in checks if check not in failed]


def build():
    """All that is needed, by one make alone."""
    return make(*[f"{BUILD}/tests/unit/{stem(test)}" for test in unit_tests()],
                f"{BUILD}/kernel.elf", f"{BUILD}/kernel-test.elf", f"{BUILD}/mutants/kernel.elf",
                f"{BUILD}/mutants/kernel-test.elf", f"{BUILD}/mutants/tests/ring3")


def look_for(tap, bugs):
    """Two at a time."""
    table = {} if harness.BOCHS else {name: checks for name, checks in left_behind().items()
                                      if name in bugs}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        passed = pool.map(overlooked, table, table.values())
        # Those of mm/ by the unit tests as well.
        bugs = {name: uses for name, uses in bugs.items()
                if name not in table or LIKELY.get(name) != STALE}
        results = pool.map(catcher, bugs, bugs.values())
        for name, checks in zip(table, passed):
            tap.ok(not checks, f"{name} is seen at {len(table[name])} places", "\n".join(checks))
        for name, (caught, why) in zip(bugs, results):
            tap.ok(caught, f"{name} is caught" + (f" by {caught}" if caught else ""), why)


def main():
    tap = harness.Tap()
    bugs = {}
    built = build()
    tap.ok(built.returncode == 0, "everything builds", built.stdout.decode(errors="replace"))
    for use in make("mutants").stdout.decode().split():
        name, source = use.split(":")
        bugs.setdefault(name, []).append(source)
    unknown = set(left_behind()) - set(bugs)
    tap.ok(not unknown, "the table of docs/testing.md names bugs", " ".join(unknown))
    in_mm = sum(uses[0].startswith("mm/") for uses in bugs.values())
    tap.ok(in_mm >= AT_LEAST, f"there are at least {AT_LEAST} in mm", f"{in_mm}")
    if not harness.BOCHS:
        tap.note("make test-bochs looks for: " + " ".join(filter(for_bochs, sorted(bugs))))
    look_for(tap, {name: bugs[name] for name in sorted(bugs) if for_bochs(name) == harness.BOCHS
                   and name not in TOLD and (name in sys.argv[1:] or len(sys.argv) == 1)})
    return tap.done()


sys.exit(main())
