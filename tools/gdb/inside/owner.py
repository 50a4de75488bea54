# SPDX-License-Identifier: MIT
"""Whose a frame is, in words."""
from . import frames, kernel, memory, page_table, reverse, space


def block(number, frame):
    """What it is part of, and which list it is on."""
    head = frames.head_of(number)
    lines = []
    if head != number:
        block = kernel.record("frame", frames.address(head))
        lines.append(f"inside of a block of order {block['order']} that frame {head:#x} heads")
    elif frame["order"] == frames.TAIL:
        lines.append("heads no block")
    elif frame["order"]:
        lines.append(f"heads a block of order {frame['order']}: {1 << frame['order']} frames")
    else:
        lines.append("a block of order 0: one frame")
    if frame["place"]:
        lines.append(frames.PLACES.get(frame["place"], f"place {frame['place']}"))
    return lines


class Owner:
    """lines(): the first says whose the frame is, the others who maps and holds it."""

    def __init__(self):
        self.kinds = frames.kind_numbers()

    def lines(self, number, frame):
        kind = frames.kind_of(number)
        known = {"FRAME_ANON": self.anon, "FRAME_FILE": self.file, "FRAME_ZERO": self.zero,
                 "FRAME_PAGE_TABLE": self.table, "FRAME_SLAB": self.slab,
                 "FRAME_STACK": self.stack, "FRAME_DEVICE": self.device}
        for name, describe in known.items():
            if kind == self.kinds.get(name):
                return describe(number, frame)
        return []

    def anon(self, number, frame):
        return [f"private memory of anon {frame['owner']:#x}, first touched at "
                f"{frame['index'] << 12:#x}"] + self.mapped(number, frame, 0)

    def file(self, number, frame):
        cache = frame["owner"]
        flags = ["kept: it was changed, there is no other copy"] if frame["file_state"] & 1 else []
        flags += ["allocated ahead, not used yet"] if frame["file_state"] & 2 else []
        kept = f" ({'; '.join(flags)})" if flags else ""
        where = (f"page {frame['index']} of {space.object_name(cache)}, object {cache:#x}{kept}"
                 if cache else "in no page cache any more")
        return [where] + self.mapped(number, frame, 1 if cache else 0)

    def device(self, number, frame):
        found = reverse.mappings(number, frame)
        return [f"page {frame['index']} of a device's memory, object {frame['owner']:#x}",
                *self.lines_of(found), *self.rest(frame, len(found) + 1, "the device's own")]

    def zero(self, number, frame):
        found = reverse.search(number, space.spaces())
        lines = ["the one shared frame of zeros; it has no reverse map"]
        return lines + self.lines_of(found) + self.rest(frame, len(found) + 1, "the kernel's own")

    def mapped(self, number, frame, cached):
        found = reverse.mappings(number, frame)
        lines = self.lines_of(found)
        held = ["1 reference of the page cache"] if cached else []
        return lines + held + self.rest(frame, len(found) + cached, None)

    def lines_of(self, found):
        by_mm = space.users()
        lines = []
        for mm, address, level, entry in found:
            access = "writable" if entry & page_table.WRITE else "read-only"
            if not entry & page_table.PRESENT:
                access = "hidden (PROT_NONE)"
            lines.append(f"mapped by {space.label(mm, by_mm)} at {address:#x}, {access}")
        return lines or ["mapped by nobody"]

    def rest(self, frame, explained, own):
        lines = [f"1 reference is {own}"] if own else []
        if frame["references"] != explained:
            lines.append(f"references that mappings explain: {explained}, it has "
                         f"{frame['references']}: somebody is in the midst of something, or the "
                         "count is wrong (mm-audit)")
        return lines

    def table(self, number, frame):
        if not frame["owner"]:
            return ["a table of the kernel's own half, or an empty one kept ready"]
        by_mm = space.users()
        tables = []
        mm = kernel.record("mm", frame["owner"])
        for _ in page_table.leaves(mm["root"], tables=tables):
            pass
        place = next((each for each in tables if each[2] == number << 12), None)
        if not place:
            return [f"a table of {space.label(mm.address, by_mm)}, not in its tree (yet)"]
        base, level, _, used = place
        return [f"{page_table.NAMES[level]} (level {level}) of "
                f"{space.label(mm.address, by_mm)}, for {base:#x} up to "
                f"{base + (1 << page_table.shift_of(level + 1)):#x}: "
                f"{used} entries in use, {frame['entries']} counted"]

    def slab(self, number, frame):
        if not frame["cache"]:
            return ["a block of kmalloc that is larger than any cache's objects"]
        cache = kernel.record("cache", frame["cache"])
        head = kernel.record("frame", frames.address(frames.head_of(number)))
        return [f"a slab of {memory.string(cache['name'])}: objects of {cache['size']} bytes, "
                f"{head['objects']} of {cache['per_slab']} in use"]

    def stack(self, number, _frame):
        root = kernel.register("cr3") & page_table.ADDRESS
        for process in space.processes():
            for task in space.threads(process):
                for at in (task["stack"], task["stack"] + 4096):
                    if page_table.physical(root, at) == number << 12:
                        return [f"kernel stack of task {task['tid']} ({task.text('name')}), at "
                                f"{at:#x}"]
        return ["a stack of the kernel's: idle, for exceptions, or kept ready"]
