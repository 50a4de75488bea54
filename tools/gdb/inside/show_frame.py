# SPDX-License-Identifier: MIT
"""mm-frame and mm-buddy."""
import gdb

from . import command, frames, kernel, owner, page_table, space
from .command import plural, say


def chosen(text):
    """The frame number that an argument means, and how it was read."""
    value, typed = command.evaluate(text)
    kind = typed.type.strip_typedefs()
    pointer = kind.code == gdb.TYPE_CODE_PTR
    at = frames.number_of(value)
    if at is not None:
        return at, f"struct frame at {value:#x}"
    if not pointer and (value < frames.limit() or frames.is_device(value)):
        return value, None
    root = space.root_for(None)
    place = page_table.physical(root, command.address(text))
    if place is None:
        raise gdb.GdbError(f"{value:#x} is no frame number (they end at {frames.limit():#x}), and "
                           "nothing is mapped there: mm-walk says more")
    return place >> 12, f"{value:#x} is at physical address {place:#x}"


class Frame(command.Command):
    """Say everything about one frame: owner, references, who maps it.
The argument is a frame number, or an address of ring 3 or of the kernel, or a pointer to a struct
frame. What is below the number of frames counts as a number, unless it is a pointer. Who maps the
frame is found as the kernel finds it, through the reverse map; of the frame of zeros, which has
none, by looking through all page tables. $_frame is its struct frame.
Usage: mm-frame PFN|ADDRESS"""

    name = "mm-frame"
    takes = (command.ADDRESS,)
    least = 1

    def run(self, words):
        number, how = chosen(words[0])
        frame = frames.frame(number)
        names = frames.kinds()
        gdb.set_convenience_variable("_frame", kernel.pointer("frame", frame.address))
        if how:
            say(how)
        kind = command.kind_name(number, names)
        say(f"frame {number:#x}: {kind}, {plural(frame['references'], 'reference')}")
        say(f"  physical {number << 12:#x}, the kernel's view "
            f"{page_table.direct(number << 12):#x}, struct frame {frame.address:#x}")
        for line in owner.block(number, frame) + owner.Owner().lines(number, frame):
            say("  " + line)


class Buddy(command.Command):
    """Show where free frames are: buddy lists by order, the lists of each CPU, totals.
Counted by walking the lists; a count that the kernel keeps and that differs is shown beside.
Usage: mm-buddy"""

    name = "mm-buddy"
    category = gdb.COMMAND_STATUS

    def run(self, _words):
        total = 0
        say(f"{'ORDER':>5} {'BLOCK':>9} {'BLOCKS':>8} {'FRAMES':>9}")
        for order, blocks, believed in frames.buddy_lists():
            total += len(blocks) << order
            say(f"{order:>5} {4 << order:>5} KiB {len(blocks):>8} {len(blocks) << order:>9}"
                + self.differs(len(blocks), believed))
        for cpu, listed, believed in frames.cpu_lists():
            total += len(listed)
            say(f"CPU {cpu}'s list of single frames {len(listed):>5}"
                + self.differs(len(listed), believed))
        free = frames.counted_kinds()[frames.kind_numbers()["FRAME_FREE"]]
        say(f"free: {plural(total, 'frame')}, {total * 4} KiB, of "
            f"{sum(end - first for first, end in frames.extents())} in all"
            + self.differs(total, free))

    def differs(self, counted, believed):
        return "" if counted == believed else f"   (the kernel's count: {believed})"
