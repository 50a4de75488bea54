#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""MALLOC_TRACE and `tools/trace heap`: what a program did with its heap, counted by the program
itself and by the reader of its trace; on the kernel among the faults, on Linux from a file."""
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
from tracefile import heap, heap_picture, records
from tracefile.header import HEAP
from tracefile.world import World

PROGRAM = """
#include <stdlib.h>
#include <string.h>

static char *kept[10];

static char *keep(int i)
{
	return malloc(1000 + i); /* line 9 */
}

int main(void)
{
	char *large = malloc(500000), *grown = calloc(10, 10);

	for (int i = 0; i < 10; i++)
		kept[i] = keep(i);
	large[300000] = 1;
	grown = realloc(grown, 5000);
	for (int i = 0; i < 10; i += 2)
		free(kept[i]);
	free(large);
	free(grown);
	free(malloc(1ul << 60) ? 0 : kept[1]);
	return 0;
}
"""
LIVE = sum(1000 + i for i in (3, 5, 7, 9))
PEAK = 500000 + 5000 + sum(1000 + i for i in range(10))


def tool(*arguments):
    done = subprocess.run(["tools/trace", *arguments], cwd=harness.ROOT, check=False, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return harness.Result(done.returncode, done.stdout, done.stderr)


def looks_right(tap, where, path, line):
    world = World()
    found = heap.heaps(records.read(path), world)
    if not tap.ok(len(found) == 1, f"{where}: one process has a heap in the trace", str(found)):
        return None
    mine = next(iter(found.values()))
    counts = {name: mine.operations.get(HEAP[name], 0) for name in HEAP}
    tap.ok((counts["MALLOC"], counts["CALLOC"], counts["REALLOC"], counts["FREE"]) ==
           (12, 1, 1, 8) and mine.failed == 1 and mine.unknown == 0,
           f"{where}: every operation is there, the one that failed too", str(counts))
    tap.ok(mine.live == LIVE and len(mine.blocks) == 4 and mine.peak.live == PEAK,
           f"{where}: bytes at the end and at the peak",
           f"{mine.live} {len(mine.blocks)} {mine.peak.live}")
    given = sum(high - low for low, high in mine.extents)
    tap.ok(given == mine.held == sum(mine.grown) - sum(mine.shrunk) and mine.held >= LIVE,
           f"{where}: what the kernel gave is what is held", f"{given} {mine.held}")
    inside = all(any(low <= block.start and block.start + block.usable <= high
                     for low, high in mine.extents) for block in mine.blocks.values())
    tap.ok(inside, f"{where}: every block lies in it")
    report = tool("heap", path)
    place = re.search(rb"4,024 bytes in 4 blocks\n +.*\(.*kept\.c:(\d+)\)", report.output)
    tap.ok(report.status == 0 and place and int(place[1]) == line,
           f"{where}: the report names the line that was never freed", report.describe())
    return mine


def with_faults(tap, mine, path):
    totals, _ = heap_picture.classify(mine.snapshot(mine.last))
    tap.ok(mine.faults and sum(totals) == mine.held and
           totals[heap_picture.USED] + totals[heap_picture.FREE] <= len(mine.pages) * 4096,
           "the picture's kinds add up to what is held", str(totals))
    peak = mine.peak_snapshot
    sums, _ = heap_picture.classify(peak)
    tap.ok(400000 < sums[heap_picture.WAITING] < 500000,
           "a large block is mostly used and not touched", str(sums))
    drawn = tool("heap-picture", path)
    tap.ok(drawn.status == 0 and drawn.output.startswith(b"<svg") and
           b"never touched" in drawn.output, "and it is drawn", drawn.describe())


def main():
    tap = harness.Tap()
    with tempfile.TemporaryDirectory(prefix="heap-") as directory:
        source = os.path.join(directory, "kept.c")
        with open(source, "w", encoding="ascii") as file:
            file.write(PROGRAM)
        program, there = os.path.join(directory, "kept"), os.path.join(directory, "kept-linux")
        subprocess.run(["tools/cc", "-o", program, source], cwd=harness.ROOT, check=True)
        subprocess.run(["cc", "-g", "-O0", "-o", there, source], check=True)
        trace = os.path.join(directory, "kernel.trace")
        done = harness.run(program, options=["--icount", "--env", "MALLOC_TRACE=1", "--trace",
                                             trace])
        if tap.ok(done.status == 0, "the program runs on the kernel", done.describe()):
            mine = looks_right(tap, "here", trace, 9)
            if mine:
                with_faults(tap, mine, trace)
        own = os.path.join(directory, "linux.trace")
        status = subprocess.run([there], check=False, env=dict(
            os.environ, MALLOC_TRACE=own,
            LD_PRELOAD=os.path.abspath(harness.built("libfaultline-malloc.so")))).returncode
        if tap.ok(status == 0, "the program runs on Linux", str(status)):
            looks_right(tap, "Linux", own, 9)
        empty = tool("heap", os.path.join(directory, "nothing"))
        tap.ok(empty.status != 0 and len(empty.errors.splitlines()) == 1,
               "a trace that is not there: one line", empty.describe())
    return tap.done()


sys.exit(main())
