# SPDX-License-Identifier: MIT
"""mm-trace."""
import gdb

from . import command, trace
from .command import say

USUAL = 20


class Trace(command.Command):
    """Show the last records of the kernel's trace, of all CPUs in the order of time.
Whether or not somebody has read them. The kernel records when it was booted with `trace`, when a
program has written to trace_on, or while the host reads them (docs/debugging.md). Without N the
last 20; columns: ticks before the last record, CPU, task, event, what it says.
Usage: mm-trace [N]"""

    name = "mm-trace"
    takes = (command.NUMBER,)
    category = gdb.COMMAND_STATUS

    def run(self, words):
        count = command.number(words[0]) if words else USUAL
        if not 0 < count <= 1 << 20:
            raise gdb.GdbError("how many records? 1 to 1048576")
        records, written = trace.last(count)
        tell = trace.Words()
        end = records[-1]["time"] if records else 0
        for record in records:
            say(f"{record['time'] - end:>12} CPU {record['cpu']} task {record['task']:<4} "
                f"{tell.name(record['event']):<16} {tell.text(record)}".rstrip())
        say(f"{len(records)} of {written} records")
