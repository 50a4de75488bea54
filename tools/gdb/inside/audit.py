# SPDX-License-Identifier: MIT
"""Everything recounted from outside: what the table of frames, the counters of address spaces and
the free lists say, against the page tables and caches themselves. As mm/audit.c, but nothing of the
kernel runs for it."""
from collections import Counter

from . import frames, kernel, page_table, space


class Table:
    """All struct frames of what was declared as RAM, a column for each member."""

    def __init__(self, progress):
        layout = kernel.layout("frame")
        self.numbers = []
        self.columns = {name: [] for name in ("references", "kind", "place", "order", "owner",
                                              "index", "entries", "file_state")}
        total = sum(end - first for first, end in frames.extents())
        for first, end in frames.extents():
            for at in range(first, end, 8192):
                upper = min(end, at + 8192)
                data = frames.table(at, upper)
                self.numbers += range(at, upper)
                for name, column in self.columns.items():
                    column += _column(data, layout, layout.fields[name])
                progress.step(len(self.numbers), 2 * total)
        self.position = {number: at for at, number in enumerate(self.numbers)}

    def get(self, number, name):
        at = self.position.get(number)
        return None if at is None else self.columns[name][at]


def _column(data, layout, field):
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[field.size]
    view = memoryview(data).cast(code)
    return view[field.offset // field.size::layout.size // field.size].tolist()


class Audit:
    def __init__(self, progress):
        self.progress = progress
        self.wrong = []
        self.facts = 0
        self.entries = 0
        self.counted = Counter()  # references by frame
        self.names = frames.kinds()
        self.kinds = frames.kind_numbers()
        self.by_mm = space.users()
        self.table = Table(progress)
        self.devices = set()      # frames of devices' memory that are mapped
        self.tables = set()       # frames that are page tables of some address space
        self.spaces = space.spaces()

    def same(self, counted, believed, what):
        self.facts += 1
        if counted != believed:
            self.wrong.append(f"{what}: counted {counted}, the kernel says {believed}")

    def fact(self, holds, text):
        self.facts += 1
        if not holds:
            self.wrong.append(text)

    def name(self, kind):
        return self.names[kind] if kind is not None and kind < len(self.names) else f"kind {kind}"

    def run(self):
        for mm in self.spaces:
            self.space(mm)
        self.caches()
        free = self.free_lists()
        self.frames(free)
        self.kernel_tables(free)

    # ---- address spaces ----
    def space(self, mm):
        who = space.label(mm.address, self.by_mm)
        if not mm["root"]:
            return
        sums, tables = Counter(), []
        try:
            for address, level, entry in page_table.leaves(mm["root"], tables=tables):
                self.leaf(who, sums, address, level, entry)
        except page_table.Broken as broken:
            self.wrong.append(f"{who}: {broken}")
        for base, level, physical, used in tables:
            self.one_table(who, mm, base, level, physical >> 12, used)
        vmas = space.vmas(mm)
        pages = sum(vma["end"] - vma["start"] for vma in vmas) // 4096
        self.same(sums["FRAME_ANON"], mm["anon_resident"], f"{who}: anonymous pages")
        self.same(sums["FRAME_FILE"], mm["file_resident"], f"{who}: file pages")
        self.same(len(tables), mm["tables"], f"{who}: page tables")
        self.same(len(vmas), mm["vma_count"], f"{who}: VMAs")
        self.same(pages, mm["mapped"], f"{who}: mapped pages")

    def leaf(self, who, sums, address, level, entry):
        first = page_table.leaf_address(entry, level) >> 12
        for number in range(first, first + (1 << page_table.shift_of(level) - 12)):
            self.entries += 1
            self.counted[number] += 1
            kind = self.table.get(number, "kind")
            if kind is None and frames.is_device(number):
                self.devices.add(number)
                continue
            for name in ("FRAME_ANON", "FRAME_FILE", "FRAME_ZERO"):
                if kind == self.kinds[name]:
                    sums[name] += 1
                    break
            else:
                self.wrong.append(f"{who} maps frame {number:#x} at {address:#x}, which is "
                                  + ("no RAM" if kind is None else self.name(kind)))

    def one_table(self, who, mm, base, level, number, used):
        what = f"{who}: {page_table.NAMES[level]} for {base:#x} in frame {number:#x}"
        self.tables.add(number)
        kind = self.table.get(number, "kind")
        self.fact(kind == self.kinds["FRAME_PAGE_TABLE"], f"{what} is {self.name(kind)}")
        self.fact(self.table.get(number, "owner") == mm.address, f"{what} is of another space")
        self.same(used, self.table.get(number, "entries"), f"{what}: entries")

    # ---- the page cache ----
    def caches(self):
        for each in kernel.follow(kernel.address_of("object_list"), "object", "link"):
            cached = 0
            for page in kernel.follow(each.address_of("pages"), "frame", "link"):
                number = frames.number_of(page.address)
                cached += 1
                self.counted[number] += 1
                self.fact(page["owner"] == each.address,
                          f"frame {number:#x} is on the list of object {each.address:#x}, and of "
                          f"object {page['owner']:#x}")
            self.same(cached, each["cached"], f"object {each.address:#x}: cached pages")

    # ---- free frames ----
    def free_lists(self):
        """All frames that are on a list; one that is on two shows."""
        free = Counter()
        for order, blocks, believed in frames.buddy_lists():
            self.same(len(blocks), believed, f"free blocks of order {order}")
            for head in blocks:
                free.update(range(head, head + (1 << order)))
        for cpu, listed, believed in frames.cpu_lists():
            self.same(len(listed), believed, f"CPU {cpu}'s list of frames")
            free.update(listed)
        for number, times in free.items():
            if times > 1:
                self.wrong.append(f"frame {number:#x} is on {times} free lists")
        return free

    # ---- every frame ----
    def frames(self, free):
        sums = Counter()
        columns = self.table.columns
        held = (self.kinds["FRAME_ANON"], self.kinds["FRAME_FILE"], self.kinds["FRAME_ZERO"])
        for at, number in enumerate(self.table.numbers):
            if number in free:
                sums[self.kinds["FRAME_FREE"]] += 1
                self.free_frame(number)
                continue
            kind = columns["kind"][at]
            sums[kind] += 1
            self.facts += 1
            counted = self.counted[number] + (kind == self.kinds["FRAME_ZERO"])
            if kind in held:
                self.held_frame(number, kind, counted, columns["references"][at])
            elif kind == self.kinds["FRAME_FREE"]:
                self.wrong.append(f"frame {number:#x} is free and on no list")
            if at % 8192 == 0:
                self.progress.step(len(self.table.numbers) + at, 2 * len(self.table.numbers))
        for number in self.devices:
            self.same(self.counted[number] + 1, frames.frame(number)["references"],
                      f"frame {number:#x} of a device: references")
        for kind, believed in enumerate(frames.counted_kinds()):
            if kind:
                self.same(sums[kind], believed, f"frames of kind {self.name(kind)}")

    def free_frame(self, number):
        self.facts += 1
        if self.counted[number]:
            self.wrong.append(f"frame {number:#x} is free, and mapped or cached "
                              f"{self.counted[number]} times")

    def held_frame(self, number, kind, counted, believed):
        if counted != believed:
            self.wrong.append(f"frame {number:#x} ({self.name(kind)}): counted {counted} "
                              f"references, it has {believed}")
        elif not believed:
            self.wrong.append(f"frame {number:#x} ({self.name(kind)}) is lost: nobody refers "
                              "to it")

    def kernel_tables(self, free):
        kind = self.kinds["FRAME_PAGE_TABLE"]
        tables = {number for at, number in enumerate(self.table.numbers)
                  if self.table.columns["kind"][at] == kind and number not in free}
        spare = len(tables - self.tables)
        kept = sum(each["tables.count"] + each["roots.count"] for each in kernel.array("kept"))
        self.same(spare, kept + kernel.value("tables"),
                  "page tables of no process: the kernel's own and those kept ready")
