# SPDX-License-Identifier: MIT
"""mm-heap."""
import gdb

from . import command, frames, heap, kernel, page_table, space
from .command import plural, say

COLUMNS, LINES = 64, 16


class HeapCommand(command.Command):
    """Show the heap of a process: malloc's blocks, and what of brk's area is there.
For programs with lib/libc's malloc (those of user/): blocks in use, kept by the caches of threads,
and free, counted block by block with the program's own symbols; and large blocks, which are
mappings of their own. With an ADDRESS also the block that it lies in. For every program: the area
that brk has made, a mark for each page: '.' never touched, '#' there, 's' shared with another
process, 'z' the frame of zeros.
Usage: mm-heap PID [ADDRESS]"""

    name = "mm-heap"
    takes = (command.PID, command.ADDRESS)
    least = 1
    category = gdb.COMMAND_STATUS

    def run(self, words):
        pid = command.pid(words[0])
        wanted = command.address(words[1]) if len(words) > 1 else None
        mm = space.need_mm(pid)
        try:
            self.blocks(heap.Heap(pid), wanted)
        except gdb.GdbError as reason:
            say(f"malloc: {reason}")
        self.area(mm)

    def blocks(self, found, wanted):
        hit = []

        def look(address, size, state, cache):
            if wanted is not None and address <= wanted < address + size:
                hit.append((address, size, state, cache))

        found.read(look)
        figures = found.figures
        say(f"malloc of process {found.process['pid']} ({space.name_of(found.process)}): "
            f"{figures['bytes']} bytes in {plural(len(found.segments), 'segment')}")
        for start, end in found.segments:
            say(f"  {start:#x}-{end:#x}" + (", by brk" if end == figures["brk_end"] else ""))
        say(f"  {'':<8} {'BLOCKS':>8} {'BYTES':>10}")
        for state in (heap.USED, heap.CACHED, heap.FREE):
            more = ""
            if state == heap.USED and found.count[state]:
                more = "  " + self.takers(found)
            elif state == heap.FREE and found.count[state]:
                more = f"  the largest: {found.largest_free}"
            say(f"  {state:<8} {found.count[state]:>8} {found.bytes[state]:>10}{more}")
        say(f"  {'mapped':<8} {figures['maps']:>8} {figures['mapped']:>10}  in mappings of their "
            "own")
        if figures["lock"]:
            say("  its lock is held: somebody is changing it")
        if found.broken:
            say(f"  not to its end: {found.broken}")
        elif found.missing():
            say(f"  {found.missing()} bytes are in segments that were not found")
        if wanted is not None:
            self.block(wanted, hit)

    def takers(self, found):
        parts = [f"{count} through cache {cache}" if cache else f"{count} straight from the heap"
                 for cache, count in sorted(found.by_cache.items(), key=lambda each: each[0] or 0)]
        return ", ".join(parts)

    def block(self, wanted, hit):
        if not hit:
            say(f"{wanted:#x} is in no block of these")
            return
        address, size, state, cache = hit[0]
        through = f", through cache {cache}" if cache else ""
        offset = wanted - address - heap.HEADER
        where = f"byte {offset} of it" if offset >= 0 else "its header"
        say(f"{wanted:#x}: {where}, a block at {address + heap.HEADER:#x} with "
            f"{size - heap.HEADER} bytes, {state}{through}")

    def area(self, mm):
        start, end = mm["brk_start"], mm["brk"]
        if start == end:
            say(f"brk: nothing; it would begin at {start:#x}")
            return
        first, last = start & -4096, (end + 4095) & -4096
        marks = ["."] * ((last - first) // 4096)
        kinds = frames.kind_numbers()
        for address, level, entry in page_table.leaves(mm["root"], first, last):
            number = page_table.leaf_address(entry, level) >> 12
            frame = kernel.record("frame", frames.address(number))
            mark = "#" if frame["references"] == 1 else "s"
            marks[(address - first) // 4096] = "z" if frame["kind"] == kinds["FRAME_ZERO"] else mark
        resident = sum(mark in "#s" for mark in marks)
        say(f"brk: {start:#x}-{end:#x}, {plural(len(marks), 'page')}, {resident} of them resident")
        shown = COLUMNS * LINES
        for at in range(0, min(len(marks), shown), COLUMNS):
            say(f"  {first + at * 4096:#14x} {''.join(marks[at:at + COLUMNS])}")
        if len(marks) > shown:
            say(f"  and {plural(len(marks) - shown, 'page')} more")
