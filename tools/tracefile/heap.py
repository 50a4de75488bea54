# SPDX-License-Identifier: MIT
"""The heap of a process followed through a trace: its blocks, what was asked of the kernel for
them, and which pages of that were ever touched."""
import bisect
from dataclasses import dataclass, field

from .header import HEAP
from .world import E, PAGE, HeapOperation, follow

ASKING = {HEAP[name] for name in ("MALLOC", "CALLOC", "REALLOC", "ALIGNED")}
OPERATION_NAMES = {value: name.lower() for name, value in HEAP.items()}


@dataclass
class Block:
    start: int
    asked: int   # bytes
    usable: int  # the same, as the allocator rounded it
    born: int    # time
    number: int  # how many operations there were before it
    stack: list


@dataclass
class Sample:
    """The heap at one moment, in bytes."""
    time: int
    live: int     # asked for and not freed
    held: int     # had from the kernel
    touched: int  # of that, in pages that have a frame


@dataclass
class Snapshot:
    """All of it at one moment: [(start, end)] of what the kernel gave and of blocks; pages."""
    time: int
    extents: list
    blocks: list
    pages: set


@dataclass
class Heap:
    """One process's heap, followed operation by operation."""
    pid: int
    blocks: dict = field(default_factory=dict)
    extents: list = field(default_factory=list)  # [start, end], sorted, apart from each other
    pages: set = field(default_factory=set)      # numbers of those that were touched
    operations: dict = field(default_factory=dict)
    failed: int = 0
    unknown: int = 0  # freed, and not in the trace before
    live: int = 0
    held: int = 0
    grown: list = field(default_factory=list)  # bytes of each time
    shrunk: list = field(default_factory=list)
    sizes: list = field(default_factory=list)
    lifetimes: list = field(default_factory=list)  # (time, operations)
    samples: list = field(default_factory=list)
    first: int = 0
    last: int = 0
    faults: bool = False  # whether the trace has page faults at all
    peak: Sample = field(default_factory=lambda: Sample(0, 0, 0, 0))
    peak_blocks: int = 0
    peak_snapshot: Snapshot = None

    @property
    def count(self):
        return sum(self.operations.values())

    def snapshot(self, time):
        return Snapshot(time, [tuple(extent) for extent in self.extents],
                        sorted((block.start, block.start + block.usable)
                               for block in self.blocks.values()), set(self.pages))

    def _grow(self, start, length):
        self.grown.append(length)
        self.held += length
        at = bisect.bisect(self.extents, [start, 0])
        self.extents.insert(at, [start, start + length])
        if at and self.extents[at - 1][1] == start:
            self.extents[at - 1][1] = start + length
            del self.extents[at]

    def _shrink(self, start, length):
        self.shrunk.append(length)
        end, left = start + length, []
        for low, high in self.extents:
            if high <= start or low >= end:
                left.append([low, high])
                continue
            self.held -= min(high, end) - max(low, start)
            left += [part for part in ([low, start], [end, high]) if part[0] < part[1]]
        self.extents = left
        self.pages -= set(range(-(-start // PAGE), end // PAGE))

    def _drop(self, start, time):
        block = self.blocks.pop(start, None)
        if not block:
            self.unknown += 1
            return
        self.live -= block.asked
        self.lifetimes.append((time - block.born, self.count - block.number))

    def touch(self, address):
        at = bisect.bisect(self.extents, [address, 1 << 64]) - 1
        if at >= 0 and address < self.extents[at][1]:
            self.pages.add(address // PAGE)

    def operate(self, operation):
        record = operation.record
        self.first = self.first or record.time - record.f
        self.last = record.time
        if record.a == HEAP["GROW"]:
            self._grow(record.b, record.c)
        elif record.a == HEAP["SHRINK"]:
            self._shrink(record.b, record.c)
        elif record.a in ASKING or record.a == HEAP["FREE"]:
            self.operations[record.a] = self.operations.get(record.a, 0) + 1
            self._change(operation)
        self._remember(record.time)

    def _change(self, operation):
        record = operation.record
        if record.a == HEAP["FREE"]:
            self._drop(record.b, record.time)
            return
        if not record.b and record.c:
            self.failed += 1
            return
        if record.a == HEAP["REALLOC"] and record.d:
            self._drop(record.d, record.time - record.f)
        if record.b:
            self.live += record.c
            self.sizes.append(record.c)
            self.blocks[record.b] = Block(record.b, record.c, record.e, record.time, self.count,
                                          operation.stack)

    def _remember(self, time):
        sample = Sample(time, self.live, self.held, len(self.pages) * PAGE)
        self.samples.append(sample)
        if self.live > self.peak.live:
            self.peak, self.peak_blocks = sample, len(self.blocks)
            self.peak_snapshot = None
        elif self.peak_snapshot is None and self.live < self.peak.live:
            self.peak_snapshot = self.snapshot(time)


def heaps(records, world, pid=None):
    """{process: Heap} of those that have one in the trace; `pid`: a number or name, only that."""
    found, fault_seen = {}, False
    for item in follow(records, world):
        if isinstance(item, HeapOperation):
            found.setdefault(item.pid, Heap(item.pid)).operate(item)
        elif getattr(item, "event", None) == E.FAULT_FRAME:
            fault_seen = True
            heap = found.get(world.task(item.task).pid)
            if heap:
                heap.touch(item.a)
        elif getattr(item, "event", None) == E.EXEC:
            found.pop(world.task(item.task).pid, None)
        elif getattr(item, "event", None) == E.TASK and item.a == item.b:
            _inherit(found, item)
    for heap in found.values():
        heap.faults = fault_seen
    return {number: heap for number, heap in found.items()
            if heap.count and (pid is None or str(number) == pid or world.task_name(number) == pid)}


def _inherit(found, record):
    """A forked child goes on with its parent's blocks."""
    parent = found.get(record.d)
    if parent:
        child = found[record.b] = Heap(record.b)
        child.blocks, child.pages = dict(parent.blocks), set(parent.pages)
        child.extents = [list(extent) for extent in parent.extents]
        child.live, child.held = parent.live, parent.held
