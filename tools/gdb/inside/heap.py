# SPDX-License-Identifier: MIT
"""The heap of a program that uses lib/libc's malloc, block by block: lib/libc/malloc.c says how it
is made up. Found by the program's own symbols, and read through its page table, so it need not be
the program that runs."""
from collections import Counter

import gdb

from . import kernel, memory, page_table, programs, space

UNIT, HEADER = 16, 8
BELOW_FREE = 1 << 31
MASK32 = (1 << 32) - 1
USED, CACHED, FREE, FENCE, ODD = "used", "cached", "free", "fence", "odd"


class UserMemory:
    """Memory of one address space."""

    def __init__(self, root):
        self.root = root
        self.pages = {}

    def page(self, at):
        if at not in self.pages:
            place = page_table.physical(self.root, at)
            self.pages[at] = memory.read(page_table.direct(place), 4096) if place is not None \
                else None
        return self.pages[at]

    def read(self, address, size):
        """None where a page is not there."""
        found = b""
        while len(found) < size:
            at = address + len(found)
            page = self.page(at & -4096)
            if page is None:
                return None
            offset = at % 4096
            found += page[offset:offset + size - len(found)]
        return found

    def number(self, address, size=8):
        data = self.read(address, size)
        return None if data is None else int.from_bytes(data, "little")


class Symbols:
    """The program's file, loaded for a while if gdb does not have it."""

    def __init__(self, name):
        self.path = programs.find(name)
        if not self.path:
            raise gdb.GdbError(f"there is no file of {name} with symbols: program FILE, or "
                               "make gdb PROGRAM=FILE")
        self.mine = False

    def __enter__(self):
        found = self.objfile()
        if not found:
            gdb.execute(f'add-symbol-file "{self.path}"', to_string=True)
            self.mine = True
            found = self.objfile()
        return found

    def objfile(self):
        return next((each for each in gdb.objfiles() if each.is_valid() and each.filename and
                     programs.same_file(each.filename, self.path)), None)

    def __exit__(self, *_):
        if self.mine:
            programs.unload(self.path)


def has_field(kind, name):
    kind = kind.strip_typedefs()
    return kind.code == gdb.TYPE_CODE_STRUCT and any(field.name == name for field in kind.fields())


class Holders:
    """Who has a block, from the tag in its header, which is mixed with size, address and a key."""

    def __init__(self, objfile, user):
        heap = next((each for each in gdb.lookup_static_symbols("heap")
                     if each.symtab.objfile == objfile and has_field(each.type, "brk_end")), None)
        if not heap:
            raise gdb.GdbError("this program has no malloc of lib/libc in it")
        block = gdb.lookup_type("struct block", heap.symtab.static_block())
        self.heap = kernel.Layout(heap.type)
        self.heap_address = int(heap.value().address) & memory.ALL
        self.block = kernel.Layout(block)
        self.names = {field.name: field.enumval for field in
                      gdb.lookup_type("enum holder", heap.symtab.static_block()).fields()}
        key, lock = (objfile.lookup_static_symbol(name) for name in ("malloc_key", "lock_word"))
        self.key = user.number(int(key.value().address) & memory.ALL)
        self.lock_address = int(lock.value().address) & memory.ALL

    def header(self, data, address):
        """(size in bytes, holder) of a header."""
        size = self.block.fields["size"].of(data)
        size &= ~BELOW_FREE
        mixed = ((address ^ size) & MASK32) * 0x9e3779b1 & MASK32
        tag = self.block.fields["tag"].of(data) ^ (self.key & MASK32) ^ mixed
        return size, tag % 0x200 if tag % 0x200 == self.names["MAPPED"] else tag

    def state(self, holder):
        """(USED, FREE..., the cache's number or None)"""
        names = self.names
        if holder == names["PROGRAM"]:
            return USED, None
        if holder <= names["CACHES_MAX"]:
            return USED, holder
        if holder == names["FREE"]:
            return FREE, None
        if holder == names["FENCE"]:
            return FENCE, None
        return (CACHED, holder - names["CACHED"]) if holder >> 8 == 1 else (ODD, None)


class Heap:
    """Everything counted; `blocks` says each: (address, size, state, cache)."""

    def __init__(self, pid):
        self.process = space.process(pid)
        self.mm = space.need_mm(pid)
        self.user = UserMemory(self.mm["root"])
        self.count, self.bytes = Counter(), Counter()
        self.by_cache = Counter()
        self.segments = []
        self.largest_free = 0
        self.broken = None
        with Symbols(program_of(self.process)) as objfile:
            self.holders = Holders(objfile, self.user)
        data = self.user.read(self.holders.heap_address, self.holders.heap.size)
        if data is None:
            raise gdb.GdbError("the heap's variables were never touched: nothing was allocated")
        self.figures = {name: field.of(data) for name, field in self.holders.heap.fields.items()
                        if field.size <= 8}
        lock = self.user.read(self.holders.lock_address, 4)
        self.figures["lock"] = int.from_bytes(lock, "little") if lock else 0

    def read(self, visit=None):
        """Goes through all segments. `visit(address, size, state, cache)` is called for each."""
        start = self.figures["low"]
        while start:
            end = self.segment(start, visit)
            if end is None:
                return
            self.segments.append((start - HEADER, end))
            start = self.next_segment(end)

    def segment(self, at, visit):
        """Its end, behind the fence; None: it can not be followed to there."""
        while True:
            data = self.user.read(at, HEADER)
            if data is None:
                self.broken = f"the header at {at:#x} lies in a page that is not there"
                return None
            size, holder = self.holders.header(data, at)
            state, cache = self.holders.state(holder)
            if state == FENCE:
                return at + HEADER
            if state == ODD or not size:
                self.broken = f"the header at {at:#x} is none: malloc is at work, or it was " \
                              "overwritten, probably by the block below"
                return None
            self.enter(size, state, cache)
            if visit:
                visit(at, size, state, cache)
            at += size

    def enter(self, size, state, cache):
        self.count[state] += 1
        self.bytes[state] += size
        if state == USED:
            self.by_cache[cache] += 1
        elif state == FREE:
            self.largest_free = max(self.largest_free, size)

    def next_segment(self, end):
        """The first block of the segment above: right behind, or where a mapping begins."""
        starts = [end] + [vma["start"] for vma in space.vmas(self.mm)
                          if vma["start"] > end and not vma["object"]]
        for start in starts:
            if start >= self.top():
                return None
            data = self.user.read(start + HEADER, HEADER)
            if data is None:
                continue
            size, holder = self.holders.header(data, start + HEADER)
            if self.holders.state(holder)[0] in (USED, CACHED, FREE) and size:
                return start + HEADER
        return None

    def top(self):
        return self.figures["low"] + self.figures["extent"] * UNIT

    def missing(self):
        """Bytes of segments that were not found."""
        return self.figures["bytes"] - sum(end - start for start, end in self.segments)


def program_of(process):
    """The name of what it executes."""
    if process["executable"]:
        path = space.path_of(kernel.record("inode", process["executable"]))
        return path.removesuffix(" (deleted)").rsplit("/", 1)[-1]
    return space.name_of(process)
