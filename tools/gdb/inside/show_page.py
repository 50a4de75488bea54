# SPDX-License-Identifier: MIT
"""mm-walk: the way of one address through the page table."""
import gdb

from . import command, frames, kernel, memory, owner, page_table, space
from .command import say


class Walk(command.Command):
    """Follow an address through the page table, level by level.
Each line: the frame of the table that was read, the index into it, the entry and its bits by name.
Then the physical address and who owns the frame there, or why there is none. ADDRESS is any
expression, of ring 3 or of the kernel; without PID the table is the one that the selected CPU has
loaded. $_entry points to the last entry that was read.
Usage: mm-walk ADDRESS [PID]"""

    name = "mm-walk"
    takes = (command.ADDRESS, command.PID)
    least = 1
    needs = "paging"

    def run(self, words):
        address = command.address(words[0])
        pid = None
        if len(words) > 1:
            kernel.require("frames")
            pid = command.pid(words[1])
        if not kernel.value("frame_limit"):
            self.walk_boot_tables(address)
            return
        root = space.root_for(pid)
        by_mm = space.users()
        mm = next((each for each in space.spaces() if each["root"] == root), None)
        owner = space.label(mm.address, by_mm) if mm else "the kernel's own table"
        say(f"{address:#x} in {owner}, root {root:#x}")
        steps = page_table.walk(root, address)
        for level, table, index, entry in steps:
            if entry is None:
                say(f"the {page_table.NAMES[level]} would be at {table:#x}, where no RAM is")
                return
            say(f"table {table >> 12:#x}  {page_table.describe(level, index, entry)}")
        _, table, index, _ = steps[-1]
        entry = gdb.Value(page_table.direct(table + 8 * index))
        gdb.set_convenience_variable(
            "_entry", entry.cast(gdb.lookup_type("unsigned long").pointer()))
        leaf = page_table.leaf_of(steps)
        if leaf:
            self.arrive(address, *leaf)
        else:
            self.explain_hole(address, mm)

    def arrive(self, address, level, entry):
        shift = page_table.shift_of(level)
        place = page_table.leaf_address(entry, level) + (address & (1 << shift) - 1)
        page = place >> 12
        hidden = "" if entry & page_table.PRESENT else "; nobody may access it now (PROT_NONE)"
        large = f", in a page of {page_table.SIZES[shift]}" if level > 1 else ""
        say(f"physical address {place:#x}{large}{hidden}")
        say(command.leaf_line(page))
        if frames.known(page):
            for line in owner.Owner().lines(page, frames.frame(page))[:1]:
                say("  " + line)

    def explain_hole(self, address, mm):
        if address >= page_table.USER_END:
            say("not mapped: to touch it is a fault of the kernel" if address >> 63
                else "not mapped: ring 3 ends below")
            return
        vma = space.vma_at(mm, address) if mm else None
        if vma:
            name = space.vma_name(mm, vma) or "anonymous memory"
            say(f"not mapped yet: in {vma['start']:#x}-{vma['end']:#x} "
                f"{space.permissions(vma)} {name}; the first touch is a page fault")
        elif not mm:
            say("not mapped: no process has this table, mm-walk ADDRESS PID takes a process's")
        else:
            say("not mapped, and in no VMA: to touch it is a SIGSEGV (or grows a stack)")

    def walk_boot_tables(self, address):
        """Before mm/ has started there is no table of frames that says what RAM is. The boot's
        own tables are read where the image has them."""
        root = kernel.register("cr3") & page_table.ADDRESS
        say(f"{address:#x} in the boot's own table at {root:#x}: mm/ is not set up yet")
        table = root
        for level in (4, 3, 2, 1):
            index = page_table.index_of(address, level)
            entry = memory.word(kernel.value("direct_map") + table + 8 * index)
            say(f"table {table >> 12:#x}  {page_table.describe(level, index, entry)}")
            if not entry & page_table.PRESENT:
                return
            if page_table.is_leaf(entry, level):
                shift = page_table.shift_of(level)
                say(f"physical address "
                    f"{page_table.leaf_address(entry, level) + (address & (1 << shift) - 1):#x}")
                return
            table = entry & page_table.ADDRESS
