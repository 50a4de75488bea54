# SPDX-License-Identifier: MIT
"""mm-audit."""
import gdb

from . import audit, command, kernel, space
from .command import plural, say

SHOWN = 20


def places():
    """["CPU 1 is in ring 0, mm_fault"] of those that may be in the midst of something."""
    thread, frame = gdb.selected_thread(), gdb.selected_frame()
    found = []
    try:
        for each in gdb.selected_inferior().threads():
            each.switch()
            if not kernel.register("cr0") & kernel.CR0_PAGING or kernel.register("cs") & 3:
                continue
            where = gdb.newest_frame().name() or "somewhere"
            if where not in ("irq_wait", "scheduler_run"):
                found.append(f"CPU {each.num - 1} is in ring 0, {where}")
    finally:
        thread.switch()
        if frame.is_valid():
            frame.select()
    return found


def locks():
    found = [f"mm->lock of {space.label(mm.address, space.users())}"
             for mm in space.spaces() if mm["lock.held"]]
    return found + [name for name in ("buddy_lock", "mm_list_lock", "process_lock")
                    if kernel.lock_held(name)]


class Audit(command.Command):
    """Recount all of memory from outside, and say what differs.
References of every frame against the entries of all page tables and the page caches; its kind
against who holds it; free frames against the lists; resident pages, tables and VMAs of each address
space against its counters; frames of each kind against the totals. The kernel's own audit (the file
`audit`, mm/audit.c) does the same from inside; this one trusts nothing of it, and runs at any stop.
A CPU that was stopped in the midst of a change shows as differences: where they are is said first.
Usage: mm-audit"""

    name = "mm-audit"
    category = gdb.COMMAND_STATUS

    def run(self, _words):
        for line in places():
            say(line + ": what it is changing may differ")
        for lock in locks():
            say(f"held: {lock}")
        progress = command.Progress(self.name)
        result = audit.Audit(progress)
        result.run()
        progress.end()
        say(f"{len(result.table.numbers)} frames, {plural(len(result.spaces), 'address space')}, "
            f"{len(result.tables)} page tables, {result.entries} entries")
        for line in result.wrong[:SHOWN]:
            say("  " + line)
        if len(result.wrong) > SHOWN:
            say(f"  and {len(result.wrong) - SHOWN} more")
        say(f"{result.facts} facts, {len(result.wrong)} wrong")
