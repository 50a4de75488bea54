# SPDX-License-Identifier: MIT
"""mm-who-wrote: backwards in a recording to the instruction that wrote a page-table entry.

QEMU goes back to the recording's beginning and runs forwards again, once to find the last hit
before now and once to stop there, so each step back costs about as long as the recording is. It
reports a watchpoint as a bare SIGTRAP on the way back; what was hit is therefore checked here."""
import os

import gdb

from . import command, kernel, memory, page_table, programs, space
from .command import say

NO_REPLAY = ("this run is no recording: make gdb-record (one CPU, no input, QEMU 7.2), "
             "then ask again")
HITS = 64  # writes of the value that is there already, passed over


def require_replay():
    try:
        told = gdb.execute("monitor info replay", to_string=True)
    except gdb.error:
        told = ""
    if "eplaying" not in told:
        raise gdb.GdbError(NO_REPLAY)


class Alone:
    """Meanwhile no other breakpoint stops the machine: neither one of the user's nor the one by
    which symbols of programs are loaded."""

    def __enter__(self):
        self.others = [each for each in gdb.breakpoints() if each.enabled]
        if programs.started:
            self.others.append(programs.started)
        for each in self.others:
            each.enabled = False

    def __exit__(self, *_):
        for each in self.others:
            if each.is_valid():
                each.enabled = True


class Quiet:
    """Meanwhile gdb does not tell where the machine stops: its standard output leads nowhere."""

    def __enter__(self):
        gdb.flush()
        self.saved = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def __exit__(self, *_):
        gdb.flush()
        os.dup2(self.saved, 1)
        os.close(self.saved)


class End(gdb.Breakpoint):
    """The last moment of a recording: after it there is no machine any more to go back in."""

    def __init__(self):
        super().__init__("machine_exit", internal=True)
        self.silent = True

    def stop(self):
        say("The recording ends here; reverse-continue and mm-who-wrote lead back.")
        return True


def place():
    """"map_instead, mm/fault.c:28:", and that line."""
    frame = gdb.newest_frame()
    where = frame.find_sal()
    if not where.symtab:
        return f"{frame.name() or 'somewhere'}, at {frame.pc():#x}"
    told = f"{frame.name()}, {where.symtab.filename}:{where.line}:"
    try:
        with open(where.symtab.fullname(), encoding="utf-8") as file:
            return told + "\n    " + file.read().splitlines()[where.line - 1].strip()
    except (OSError, IndexError):
        return told + " (its source is not here)"


class WhoWrote(command.Command):
    """Go back to the instruction that wrote the page-table entry of an address.
Only in a recording (make gdb-record). The entry is the last one that mm-walk reads: of the lowest
table, or where a table is missing of the one above. The machine then stands before the instruction
that gave the entry the value it had when you asked: `stepi` executes it. Without PID the page table
is the one that is loaded.
Usage: mm-who-wrote ADDRESS [PID]"""

    name = "mm-who-wrote"
    takes = (command.ADDRESS, command.PID)
    least = 1
    category = gdb.COMMAND_RUNNING

    def run(self, words):
        require_replay()
        address = command.address(words[0])
        pid = command.pid(words[1]) if len(words) > 1 else None
        root = space.root_for(pid)
        level, table, index, value = page_table.walk(root, address)[-1]
        if value is None:
            raise gdb.GdbError(f"the tables of {address:#x} lead to where no RAM is")
        slot = page_table.direct(table + 8 * index)
        say(f"the entry of {address:#x} is at {slot:#x}:")
        say(page_table.describe(level, index, value))
        with Alone(), Quiet():
            before = self.go_back(slot, value)
        memory.forget()
        if before is None:
            say("has had this value since the recording began, where the machine stands now")
            return
        say("before that it was:")
        say(page_table.describe(level, index, before))
        say("written by the instruction at which the machine stands now:")
        say(place())
        say(gdb.execute("backtrace -frame-arguments presence 9", to_string=True).rstrip())

    def go_back(self, slot, value):
        """The value that the write replaced; None: no write was found. One step first: the last
        instruction may have been the one, and QEMU looks for hits before that."""
        watch = gdb.Breakpoint(f"*(unsigned long *){slot:#x}", gdb.BP_WATCHPOINT, internal=True)
        watch.silent = True
        try:
            for hit in range(HITS):
                if hit:
                    gdb.execute("reverse-continue", to_string=True)
                if not kernel.register("cr0") & kernel.CR0_PAGING:
                    return None  # the beginning, where QEMU stops without a word
                watch.enabled = False
                gdb.execute("reverse-stepi", to_string=True)
                watch.enabled = True
                memory.forget()
                before = memory.word(slot)
                if before != value:
                    return before
        finally:
            watch.delete()
        raise gdb.GdbError(f"written {HITS} times with what was there already; stopped at one")
