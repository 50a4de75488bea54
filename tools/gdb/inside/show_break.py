# SPDX-License-Identifier: MIT
"""mm-break-fault: stops at page faults at an address. The condition is looked at by the kernel
(kernel/machine/fault_watch.h), so that the other faults cost a few instructions more and no stop.

In a recording nothing may be written, or it would not run as it was recorded: there gdb itself
stops at every fault and looks."""
import struct

import gdb

from . import command, kernel, memory, page_table, space
from .command import say

KERNEL_IMAGE = 0xffffffff80000000
DEBUGGER = 2  # FAULT_WATCH_DEBUGGER
ACCESSES = {1: "read", 2: "write", 4: "execute"}

_slots = {}  # number of a place in fault_breaks: the breakpoint that has it


def is_replay():
    try:
        return "eplaying" in gdb.execute("monitor info replay", to_string=True)
    except gdb.error:
        return False


def write(address, data):
    """Before paging is on the image is where it is linked to lie in physical memory."""
    if not kernel.register("cr0") & kernel.CR0_PAGING:
        address -= KERNEL_IMAGE
    try:
        gdb.selected_inferior().write_memory(address, data)
    except gdb.MemoryError:
        raise gdb.GdbError(f"{address:#x} can not be written: is this the kernel that runs?") \
            from None
    memory.forget()


def write_slot(number, start, end, pid, name):
    place = kernel.symbol("fault_breaks").type.target()
    fields = kernel.layout_of(place).fields
    data = bytearray(place.sizeof)
    struct.pack_into("<QQ", data, fields["start"].offset, start, end)
    struct.pack_into("<i", data, fields["pid"].offset, pid)
    data[fields["name"].offset:fields["name"].offset + len(name)] = name
    write(kernel.address_of("fault_breaks") + number * place.sizeof, bytes(data))


def set_watch():
    at = kernel.address_of("fault_watch")
    offset = 0 if kernel.register("cr0") & kernel.CR0_PAGING else KERNEL_IMAGE
    old = int.from_bytes(bytes(gdb.selected_inferior().read_memory(at - offset, 4)), "little")
    active = any(each.enabled for each in _slots.values())
    write(at, struct.pack("<I", old | DEBUGGER if active else old & ~DEBUGGER))


class FaultBreak(gdb.Breakpoint):
    def __init__(self, address, pid, name, slot):
        super().__init__("mm_fault" if slot is None else "fault_awaited")
        self.page = address & -memory.PAGE
        self.pid, self.program, self.slot = pid, name, slot

    def arm(self):
        if self.slot is None:
            return
        size = memory.PAGE if self.enabled else 0
        write_slot(self.slot, self.page, self.page + size, self.pid, self.program.encode())
        set_watch()

    def stop(self):
        memory.forget()  # gdb tells nobody of a stop before this says that it is one
        address = int(gdb.parse_and_eval("address")) & memory.ALL
        if address & -memory.PAGE != self.page:
            return False
        process, task = space.current_process(), space.current_task()
        if not process or (self.pid and process["pid"] != self.pid) or \
                (self.program and task.text("name") != self.program):
            return False
        access = ACCESSES.get(int(gdb.parse_and_eval("access")), "?")
        say(f"\nfault at {address:#x}: {access}, process {process['pid']} "
            f"({task.text('name')})")
        return True


def _deleted(breakpoint):
    if isinstance(breakpoint, FaultBreak) and breakpoint.slot in _slots:
        del _slots[breakpoint.slot]
        try:
            write_slot(breakpoint.slot, 0, 0, 0, b"")
            set_watch()
        except gdb.error:
            pass  # the machine is gone


def _modified(breakpoint):
    if isinstance(breakpoint, FaultBreak) and breakpoint.slot in _slots:
        try:
            breakpoint.arm()
        except gdb.error:
            pass


gdb.events.breakpoint_deleted.connect(_deleted)
gdb.events.breakpoint_modified.connect(_modified)


class BreakFault(command.Command):
    """Stop at page faults in the page of an address.
Stops when the processor has reported the fault and before the kernel decides (`step` leads into
mm_fault), whether ring 3 touched the page or a system call did for it. PROGRAM is a task's name, as
in mm-ps; with a PID only that process counts, which need not exist yet; without either any. The
kernel looks at the condition itself, so other faults are not slowed down (in a recording gdb looks,
and they are). `delete`, `disable` and `enable` work as for other breakpoints; four can be set.
Usage: mm-break-fault ADDRESS [PROGRAM|PID]"""

    name = "mm-break-fault"
    takes = (command.ADDRESS, command.PROGRAM)
    least = 1
    needs = None
    category = gdb.COMMAND_BREAKPOINTS

    def run(self, words):
        address = command.address(words[0])
        if address >= page_table.USER_END:
            raise gdb.GdbError(f"{address:#x} is the kernel's: break kernel_fault")
        pid, name = self.whose(words[1] if len(words) > 1 else None)
        slot = None if is_replay() else self.free_slot()
        new = FaultBreak(address, pid, name, slot)
        if slot is not None:
            _slots[slot] = new
        try:
            new.arm()
        except gdb.error:
            new.delete()
            raise

    def whose(self, text):
        if text is None:
            return 0, ""
        if text.isdigit():
            return int(text), ""
        if len(text.encode()) > 15:
            raise gdb.GdbError(f"{text!r} is longer than a task's name can be")
        return 0, text

    def free_slot(self):
        kernel.register("cr0")
        count = kernel.symbol("fault_breaks").type.sizeof // \
            kernel.symbol("fault_breaks").type.target().sizeof
        free = [slot for slot in range(count) if slot not in _slots]
        if not free:
            raise gdb.GdbError(f"{count} are set already: delete one (info breakpoints)")
        return free[0]
