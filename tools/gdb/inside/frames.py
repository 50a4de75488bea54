# SPDX-License-Identifier: MIT
"""Frames: the table of them, their kinds, the buddy lists and the lists of each CPU."""
import gdb

from . import kernel, memory

PLACES = {0: "", 1: "on a buddy list", 2: "on a CPU's list"}
IN_BUDDY = 1
TAIL = 0xff


def limit():
    return kernel.value("frame_limit")


def kinds():
    """Names by number."""
    device = kind_numbers().get("FRAME_DEVICE")
    names = kernel.names_in("frame_kind_name")
    return names + ["device"] if device == len(names) else names


def kind_numbers():
    return kernel.enumeration("frame_drain", "frame_kind")


def address(number):
    """Of its struct frame."""
    return (kernel.value("frame_table") + number * kernel.layout("frame").size) & memory.ALL


def number_of(pointer):
    """The frame that a struct frame at this address is about, or None."""
    offset = pointer - kernel.value("frame_table")
    size = kernel.layout("frame").size
    if 0 <= offset < limit() * size or (offset >= 0 and is_device(offset // size)):
        return offset // size
    return None


def extents():
    """[(first, end)] of what was declared, as RAM of whatever use, by number."""
    count = kernel.value("extent_count")
    return [(each["first"], each["end"]) for each in kernel.array("extents")[:count]]


def declared(number):
    return any(first <= number < end for first, end in extents())


def is_device(number):
    """Whether it is memory of a device that has a struct frame all the same: the framebuffer
    (mm/device_memory.c)."""
    if not kernel.has("frame_count"):
        return False
    first = kernel.value("first_frame")
    return first <= number < first + kernel.value("frame_count")


def known(number):
    return declared(number) or is_device(number)


def frame(number):
    """Its record. What was never declared as RAM has none."""
    if not known(number):
        raise gdb.GdbError(f"there is no frame {number:#x}: no RAM was declared there")
    return kernel.record("frame", address(number))


def table(first, end):
    """The raw bytes of struct frames [first, end)."""
    return memory.read(address(first), (end - first) * kernel.layout("frame").size)


def head_of(number):
    """The frame that heads the block in which `number` lies; itself when none does. What the frames
    inside of a free block say of themselves is left over from before."""
    inside = frame(number)["order"] == TAIL
    for order in range(11):
        candidate = number & -(1 << order)
        if not declared(candidate):
            break
        block = kernel.record("frame", address(candidate))
        if block["order"] == TAIL or candidate + (1 << block["order"]) <= number:
            continue
        if inside or block["place"] == IN_BUDDY:
            return candidate
    return number


def kind_of(number):
    """Its kind: inside of a free block the block's."""
    head = kernel.record("frame", address(head_of(number)))
    if head["place"] == IN_BUDDY:
        return head["kind"]
    return frame(number)["kind"]


def counted_kinds():
    """What the kernel's counters say: [frames of kind N]."""
    per_cpu = kernel.array("cpu_frames")
    count = per_cpu[0].layout.fields["kinds"].size // 8
    sums = [0] * count
    for each in per_cpu:
        values = memoryview(each.bytes("kinds")).cast("q")
        for kind in range(count):
            sums[kind] += values[kind]
    return sums


def buddy_lists():
    """[(order, numbers of the blocks' heads, the kernel's count)]."""
    counts = kernel.words("free_count")
    heads = kernel.address_of("free_blocks")
    size = kernel.symbol("free_blocks").type.target().sizeof
    lists = []
    for order, count in enumerate(counts):
        blocks = [number_of(block.address)
                  for block in kernel.follow(heads + order * size, "frame", "link")]
        lists.append((order, blocks, count))
    return lists


def cpu_lists():
    """[(CPU, numbers of its frames, the kernel's count)] of those that have any or may."""
    lists = []
    for cpu, each in enumerate(kernel.array("cpu_frames")[:kernel.value("cpu_count")]):
        listed = [number_of(single.address)
                  for single in kernel.follow(each.address_of("list"), "frame", "link")]
        lists.append((cpu, listed, each["count"]))
    return lists
