# SPDX-License-Identifier: MIT
"""Who maps a frame, found as the kernel finds it: from the frame to its anon or object, from there
to every VMA that may map it, and the entry tells whether it does."""
from . import frames, kernel, page_table


def _candidates(frame):
    """VMAs that may map it."""
    numbers = frames.kind_numbers()
    if not frame["owner"]:
        return
    if frame["kind"] == numbers["FRAME_ANON"]:
        anon = kernel.record("anon", frame["owner"])
        yield from kernel.follow(anon.address_of("vmas"), "vma", "anon_link")
    elif frame["kind"] in (numbers["FRAME_FILE"], numbers.get("FRAME_DEVICE")):
        owner = kernel.record("object", frame["owner"])
        for each in ("vmas", "seen"):
            yield from kernel.follow(owner.address_of(each), "vma", "object_link")


def mappings(number, frame):
    """[(mm's address, virtual address, level, entry)] by the reverse map."""
    found = []
    for vma in _candidates(frame):
        address = vma["start"] + (frame["index"] - vma["page_offset"]) * 4096
        if not vma["start"] <= address < vma["end"] or not vma["mm"]:
            continue
        mm = kernel.record("mm", vma["mm"])
        leaf = page_table.leaf_of(page_table.walk(mm["root"], address))
        if leaf and page_table.leaf_address(leaf[1], leaf[0]) >> 12 == number:
            found.append((mm.address, address, *leaf))
    return found


def search(number, spaces):
    """The same by looking through every entry of these address spaces: for the frame of zeros, of
    which no reverse map is kept."""
    return [(mm.address, address, level, entry) for mm in spaces if mm["root"]
            for address, level, entry in page_table.leaves(mm["root"])
            if page_table.leaf_address(entry, level) >> 12 == number]
