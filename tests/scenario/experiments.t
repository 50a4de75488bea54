#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The experiments (user/experiment). Each fails by itself when one of its checks does not hold; here
the figures that it gives away are checked once more, from outside. Names on the command line: those
experiments only."""
import csv
import os
import re
import runpy
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
import plots

PAGE = 4  # KiB
TOOL = os.path.join(harness.ROOT, "tools", "experiments")


same_line = runpy.run_path(os.path.join(harness.ROOT, "tools", "docs"))["same_line"]


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


def brk(tap, table):
    phases = [table.of(phase=name) for name in ("brk up", "touched", "brk down", "brk up again",
                                                "touched again")]
    ends = [(rows[-1]["heap_kib"], rows[-1]["rss_kib"]) for rows in phases]
    tap.ok(ends == [(4096, 0), (4096, 4096), (0, 0), (4096, 0), (4096, 4096)],
           "brk: addresses follow brk, memory follows touching", ends)
    tap.ok(table.rows[-1]["minflt"] == 2 * 4096 // PAGE, "brk: a fault for each page, twice",
           table.rows[-1])


def tables(tap, table):
    layouts, processes = table.of(part="layout"), table.of(part="process")
    distance = {"dense": 1, "one page in 2 MiB": 512, "one page in 1 GiB": 512 ** 2,
             "one page in 512 GiB": 512 ** 3}

    def needed(row):
        """Tables below the root: at each level as many as have one of the pages below them."""
        numbers = [page * distance[row["name"]] for page in range(row["pages"])]
        return sum(len({number // 512 ** level for number in numbers}) for level in (1, 2, 3))
    wrong = [row for row in layouts if row["tables_kib"] != PAGE * needed(row)]
    tap.ok({row["name"] for row in layouts} == set(distance) and not wrong,
           "tables: as many as the addresses need", wrong)
    tap.ok(all(row["flat_kib"] == -(-row["span_kib"] // 512) for row in layouts),
           "tables: a flat one has 8 bytes for each page of the range", layouts)
    tap.ok(len(processes) >= 2 and all(16 <= row["tables_kib"] < 1024 and
                                       row["flat_kib"] == 2 ** 28 for row in processes),
           "tables: those of real processes are small", processes)


def fragmentation(tap, table):
    def frames(part):
        return [row["value"] for row in table.of(part=part)]

    def pieces(numbers):
        return 1 + sum(now != was + 1 for was, now in zip(numbers, numbers[1:]))
    fresh, aged = frames("pages-fresh"), frames("pages-aged")
    tap.ok(len(fresh) == len(aged) == len(set(aged)) == 2048, "fragmentation: a frame for each page",
           f"{len(fresh)} {len(aged)} {len(set(aged))}")
    tap.ok(pieces(fresh) < 128 and pieces(aged) > 1024,
           "fragmentation: few pieces on the fresh machine, many on the aged one",
           f"{pieces(fresh)} {pieces(aged)}")
    blocks = frames("blocks-aged")
    tap.ok(len(blocks) == 11 and not any(blocks[8:]) and blocks[0] > 2048,
           "fragmentation: no free block of 1 MiB or more was there for it", blocks)


def one_address(tap, table):
    pages = {}
    for row in table.rows:
        pages.setdefault(row["address"], []).append(row)
    marked = [rows for rows in pages.values() if any(row["text"] != "-" for row in rows)]
    tap.ok(len(marked) == 1 and len({row["frame"] for row in marked[0]}) == 3 and
           len({row["text"] for row in marked[0]}) == 3 and
           len({row["pid"] for row in marked[0]}) == 3,
           "one-address: one page, three processes, three frames, three contents", marked)
    code = [rows for rows in pages.values() if not any(row["writable"] for row in rows)]
    tap.ok(code and all(len(rows) == 3 and len({row["frame"] for row in rows}) == 1
                        for rows in code), "one-address: code is in one frame for all", code)


def isolation(tap, table):
    tap.ok(len(table.rows) == 12 and not any(row["reached"] for row in table.rows),
           "isolation: twelve attempts, none of which reached anything", table.rows)
    answers = [row["answer"] for row in table.rows]
    tap.ok(answers.count("ended by SIGSEGV") == 3 and answers[-1] == "every byte is 0",
           "isolation: three were ended, and a frame is cleared before it changes hands", answers)


def table_limit(tap, table):
    for part in "processes", "addresses":
        rows = table.of(part=part)
        tap.ok(rows[-1]["tables_kib"] - rows[0]["tables_kib"] > 48 * 1024 and
               rows[-1]["free_kib"] < 1024, f"table-limit: {part} take the memory as tables",
               rows[-1])
    tap.ok(len({row["rss_kib"] for row in table.of(part="addresses")}) == 1,
           "table-limit: RSS shows nothing of it", table.rows[-1])
    tap.ok(all(now["vmpte_kib"] - was["vmpte_kib"] >= 1024
               for was, now in zip(rows, rows[1:])), "table-limit: VmPTE does", rows[-1])


EXPERIMENTS = {
    "brk": brk, "vsz-rss": vsz_rss, "exhaustion": exhaustion, "tables": tables,
    "fragmentation": fragmentation, "one-address": one_address, "isolation": isolation,
    "table-limit": table_limit,
}
REPEATED = "exhaustion"


def words(path):
    """What a picture says."""
    with open(path, encoding="utf-8") as file:
        return set(re.findall(r"<tspan[^>]*>([^<]*)", file.read()))


def missing(some, others):
    return [text for text in some if not any(same_line(text, other) for other in others)]


def picture(tap, name, rows):
    """It can be drawn, and docs/pictures has one that says the same, as tools/docs has it."""
    shown = words(os.path.join(harness.ROOT, "docs", "pictures", name + ".svg"))
    with tempfile.TemporaryDirectory() as directory:
        table, drawn = (os.path.join(directory, name + end) for end in (".csv", ".svg"))
        with open(table, "wb") as file:
            file.write(rows)
        if not tap.ok(plots.draw(name, table, drawn), f"{name}: the picture is drawn"):
            return
        now = words(drawn)
    wrong = missing(shown, now) + missing(now, shown)
    tap.ok(len(now) > 3 and not wrong, f"{name}: docs/pictures shows it as it is",
           f"{wrong}\nif that is how it should be: make docs")


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
    result = harness.run("/bin/experiment", "fragmentation", "isolation",
                         options=options + ["--cpus", "2"])
    tap.ok(result.status == 0, "two of them in a machine as it usually is", result.describe())
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
            if plots.installed():
                picture(tap, name, done.stdout)
            else:
                tap.skip(f"{name}: no picture: gnuplot is not installed")
        if name == REPEATED:
            tap.same(tool("--rows", name).stdout, done.stdout, f"{name}: a second run, byte by byte")
    if not sys.argv[1:]:
        by_itself(tap)
    return tap.done()


sys.exit(main())
