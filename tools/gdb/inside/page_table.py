# SPDX-License-Identifier: MIT
"""Page tables: the way of one address, all entries of a tree, and what the bits mean (Intel SDM
vol. 3A, 4.5; the bits that software is free to use: mm/page_table.h)."""
from . import kernel, memory

ADDRESS = 0x000ffffffffff000
PRESENT, WRITE, USER, ACCESSED, DIRTY = 1 << 0, 1 << 1, 1 << 2, 1 << 5, 1 << 6
WRITE_THROUGH, NO_CACHE, HUGE, GLOBAL, HIDDEN = 1 << 3, 1 << 4, 1 << 7, 1 << 8, 1 << 9
TRACKED = 1 << 10  # not written since clear_refs
LARGE_PAT, NO_EXECUTE = 1 << 12, 1 << 63
MAPS = PRESENT | HIDDEN
NAMES = {4: "PML4", 3: "PDPT", 2: "PD", 1: "PT"}
SIZES = {12: "4 KiB", 21: "2 MiB", 30: "1 GiB"}
USER_END = 0x00007ffffffff000
PHYSICAL_BITS = 52


def direct(physical):
    """Where the kernel sees a physical address."""
    return (kernel.value("direct_map") + physical) & memory.ALL


def canonical(address):
    return address >> 47 in (0, 0x1ffff)


def shift_of(level):
    return 12 + 9 * (level - 1)


def index_of(address, level):
    return address >> shift_of(level) & 511


def _in_ram(table):
    return table >> 12 < kernel.value("frame_limit")


def is_leaf(entry, level):
    return level == 1 or (level < 4 and bool(entry & HUGE))


def walk(root, address):
    """[(level, physical address of the table, index, entry)], from the top down to the hole or the
    leaf; one whose table is None was not to be read."""
    steps, table = [], root
    for level in (4, 3, 2, 1):
        index = index_of(address, level)
        if not _in_ram(table):
            steps.append((level, table, index, None))
            break
        entry = memory.word(direct(table) + 8 * index)
        steps.append((level, table, index, entry))
        if not entry & PRESENT or is_leaf(entry, level):
            break
        table = entry & ADDRESS
    return steps


def leaf_of(steps):
    """(level, entry) of the leaf that a walk ended at, present or hidden; None: nothing there."""
    level, _, _, entry = steps[-1]
    if entry is None or not is_leaf(entry, level) or not entry & MAPS:
        return None
    return level, entry


def leaf_address(entry, level):
    """The physical address of what a leaf maps: in a large one bit 12 is another's."""
    return entry & ADDRESS & -(1 << shift_of(level))


def physical(root, address):
    """Where `address` lies, or None."""
    leaf = leaf_of(walk(root, address))
    if not leaf:
        return None
    level, entry = leaf
    return leaf_address(entry, level) + (address & (1 << shift_of(level)) - 1)


def slot_address(root, address):
    """(level, physical address of the entry) that a walk ends at."""
    level, table, index, _ = walk(root, address)[-1]
    return level, table + 8 * index


def table(physical_address):
    data = memory.read(direct(physical_address), 4096)
    return memoryview(data).cast("Q")


class Broken(Exception):
    """A tree that leads to where no RAM is, or back into itself."""


def leaves(root, start=0, end=USER_END, tables=None):
    """(address, level, entry) of everything that is mapped in [start, end), hidden entries too.
    `tables`, a list, gets (address, level, physical, entries in use) of every table on the way."""
    yield from _leaves(root, 4, 0, start, end, tables)


def _leaves(physical_address, level, base, start, end, tables):
    if not _in_ram(physical_address):
        raise Broken(f"the {NAMES[level]} for {base:#x} would be at {physical_address:#x}, "
                     "where no RAM is")
    span = 1 << shift_of(level)
    count = 256 if level == 4 else 512
    entries = table(physical_address)
    if tables is not None:
        used = sum(1 for entry in entries[:count] if entry)
        tables.append((base, level, physical_address, used))
    first = max(0, (start - base) // span)
    last = min(count, (end - base + span - 1) // span)
    for index in range(first, last):
        entry = entries[index]
        if not entry:
            continue
        address = base + index * span
        if is_leaf(entry, level):
            if entry & MAPS:
                yield address, level, entry
        elif entry & PRESENT:
            yield from _leaves(entry & ADDRESS, level - 1, address, start, end, tables)


def describe(level, index, entry):
    """As the kernel says it (mm/page_table.c), with the bits that it never sets besides."""
    name = f"{NAMES[level]:<4}[{index:3}] = {entry:#018x}"
    if not entry & PRESENT:
        more = " (frame kept, no access)" if entry & HIDDEN else ""
        if entry & HIDDEN and level == 1:
            more = f" frame {(entry & ADDRESS) >> 12:#x}" + more
        elif entry and not entry & HIDDEN:
            more = " (kept for swap: nothing sets it yet)"
        return f"{name} not present{more}"
    leaf = is_leaf(entry, level)
    target = leaf_address(entry, level) if leaf else entry & ADDRESS
    words = [f"frame {target >> 12:#x}", "present",
             "writable" if entry & WRITE else "read-only",
             "user" if entry & USER else "kernel"]
    words += [word for bit, word in ((ACCESSED, "accessed"), (DIRTY, "dirty")) if entry & bit]
    if level in (2, 3) and entry & HUGE:
        words.append("2MiB-page" if level == 2 else "1GiB-page")
    words += [word for bit, word in ((GLOBAL, "global"), (NO_CACHE, "uncached"),
                                     (NO_EXECUTE, "no-execute")) if entry & bit]
    return f"{name} {' '.join(words + _rare(level, entry, leaf))}"


def _rare(level, entry, leaf):
    """Bits that a healthy tree of this kernel does not have."""
    words = []
    if entry & WRITE_THROUGH:
        words.append("write-through")
    if level == 1 and entry & HUGE:
        words.append("PAT")
    if level == 4 and entry & HUGE:
        words.append("RESERVED-BIT-7")
    if leaf and level > 1:
        if entry & LARGE_PAT:
            words.append("PAT")
        if entry & ADDRESS & (1 << shift_of(level)) - 1 & ~LARGE_PAT:
            words.append("RESERVED-ADDRESS-BITS")
    if leaf and entry & TRACKED:
        words.append("tracked")
        entry &= ~TRACKED
    software = [bit for bit in [9, 10, 11, *range(PHYSICAL_BITS, 59)] if entry >> bit & 1]
    if software:
        words.append("software-bits=" + ",".join(map(str, software)))
    if entry >> 59 & 15:
        words.append(f"protection-key={entry >> 59 & 15}")
    return words
