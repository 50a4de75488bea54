#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The experiments (user/experiment). Each fails by itself when one of its checks does not hold; here
the figures that it gives away are checked once more, from outside. Names on the command line: those
experiments only."""
import csv
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

PAGE = 4  # KiB
TOOL = os.path.join(harness.ROOT, "tools", "experiments")


def tool(*arguments):
    return subprocess.run([TOOL, "--build", harness.BUILD, *arguments], check=False, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Table:
    """An experiment's figures: rows of numbers and words by column name."""

    def __init__(self, text):
        self.rows = [{name: int(value) if value.isdigit() else value
                      for name, value in row.items()}
                     for row in csv.DictReader(text.decode().splitlines())]

    def of(self, **wanted):
        return [row for row in self.rows
                if all(row[name] == value for name, value in wanted.items())]


def vsz_rss(tap, table):
    rows = table.rows
    pairs = list(zip(rows, rows[1:]))
    tap.ok(len(rows) == 200 and all(row["rss_kib"] <= row["vsz_kib"] for row in rows),
           "vsz-rss: RSS is never above VSZ", rows)
    growing = [(was, now) for was, now in pairs if now["rss_kib"] > was["rss_kib"]]
    tap.ok(len(growing) == 100 and all(
        now["rss_kib"] - was["rss_kib"] == PAGE * (now["minflt"] - was["minflt"]) == 1024
        for was, now in growing), "vsz-rss: RSS grows by 4 KiB for each fault, exactly", growing)
    tap.ok(all(now["minflt"] == was["minflt"] for was, now in pairs
               if now["rss_kib"] <= was["rss_kib"]), "vsz-rss: and no fault comes without", rows)
    tap.ok({row["faults_per_s"] for row in rows} == {0, 2560} and
           all(row["majflt"] == 0 for row in rows), "vsz-rss: 2560 minor faults a second, or none",
           rows)
    tap.ok(rows[-1]["kernel_demand_zero"] - rows[0]["kernel_demand_zero"] == 25600 and
           rows[-1]["kernel_anonymous_frames"] == rows[0]["kernel_anonymous_frames"],
           "vsz-rss: the kernel's own counters say the same", [rows[0], rows[-1]])


def exhaustion(tap, table):
    addresses, limit, frames = (table.of(part=part) for part in ("addresses", "limit", "frames"))
    tap.ok(2 ** 37 - 2048 < addresses[-1]["vsz_kib"] < 2 ** 37,
           "exhaustion: all of 47 bits can be reserved", addresses[-1])
    tap.ok(limit[-1]["vsz_kib"] <= 256 * 1024 < limit[-1]["vsz_kib"] + 16 * 1024,
           "exhaustion: RLIMIT_AS stops at the last step below it", limit[-1])
    for name, rows in ("addresses", addresses), ("limit", limit):
        tap.ok(len({row["rss_kib"] for row in rows}) == 1 and
               rows[0]["free_kib"] - rows[-1]["free_kib"] < 1024,
               f"exhaustion: running out of {name} takes no memory", [rows[0], rows[-1]])
    tap.ok(all(now["rss_kib"] - was["rss_kib"] == 1024 for was, now in zip(frames, frames[1:])) and
           frames[-1]["free_kib"] < 1100 and len({row["vsz_kib"] for row in frames[1:]}) == 1,
           "exhaustion: touching takes all of it, and VSZ stands still", frames[-1])


EXPERIMENTS = {"vsz-rss": vsz_rss, "exhaustion": exhaustion}
REPEATED = "exhaustion"


def by_itself(tap):
    """At the prompt, without the tool."""
    options = ["--initrd", harness.built("initrd.cpio")]
    result = harness.run("/bin/experiment", "--list", options=options)
    listed = [line.split()[0].decode() for line in result.output.splitlines()]
    names = [line.split()[0] for line in tool("--list").stdout.decode().splitlines()]
    tap.ok(listed == names, "program and tool know the same experiments", f"{listed} {names}")
    tap.ok(names == list(EXPERIMENTS), "and this test checks them all", names)
    result = harness.run("/bin/experiment", "none", options=options)
    tap.ok(result.status == 2 and b"--list" in result.errors, "no such experiment: status 2",
           result.describe())
    result = harness.run("/bin/experiment", "vsz-rss", options=options + ["--memory", "64M",
                                                                          "--icount"])
    tap.ok(result.status == 1 and b"DOES NOT HOLD" in result.output,
           "an experiment that cannot do its thing does not pass", result.describe())


def main():
    tap = harness.Tap()
    for name in sys.argv[1:] or EXPERIMENTS:
        done = tool("--rows", name)
        if tap.ok(done.returncode == 0 and done.stdout, f"{name}: every check holds",
                  done.stderr.decode(errors="replace")):
            EXPERIMENTS[name](tap, Table(done.stdout))
        if name == REPEATED:
            tap.same(tool("--rows", name).stdout, done.stdout, f"{name}: a second run, byte by byte")
    if not sys.argv[1:]:
        by_itself(tap)
    return tap.done()


sys.exit(main())
