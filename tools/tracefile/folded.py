# SPDX-License-Identifier: MIT
"""Call stacks, folded: "program;main;work;(answer)" and a number, as flame graphs are made of."""
import os

from .header import HEAP
from .world import Fault, HeapOperation, follow

TITLES = {"faults": "Page faults by call stack", "frames": "Frames taken by page faults",
          "cost": "Cost of page faults", "bytes": "Bytes asked of malloc",
          "live": "Bytes never freed", "calls": "Calls of malloc"}
FAULT_SUMS = ("faults", "frames", "cost")
ASKING = {HEAP[name] for name in ("MALLOC", "CALLOC", "REALLOC", "ALIGNED")}


def unit(of, world):
    return {"faults": "faults", "frames": "frames", "cost": world.unit, "calls": "calls"}.get(
        of, "bytes")


def stack_names(world, pid, tid, addresses):
    """From the outermost caller in; what is no function of the program ends it."""
    names = []
    for address in addresses:
        name = world.function(pid, address)
        if name.startswith("0x"):
            break
        names.append(name.replace(";", ":"))
    program = os.path.basename(world.process(pid).program) or world.task_name(tid)
    return [program.replace(";", ":")] + names[::-1]


def _of_fault(fault, world, of):
    amount = {"faults": 1, "frames": max(fault.frames, 0), "cost": fault.cost}[of]
    addresses = [fault.record.e] + world.callers(fault.pid, fault.record.e, fault.stack)
    names = stack_names(world, fault.pid, fault.record.task, addresses)
    if fault.in_copy:
        names.append("(system call)")
    return names + [f"({fault.result})"], amount


class _Heap:
    """Adds up operations of an allocator; remembers blocks while only the living count."""

    def __init__(self, of):
        self.of = of
        self.blocks = {}

    def see(self, operation, world, add):
        record = operation.record
        if record.a in (HEAP["FREE"], HEAP["REALLOC"]):
            gone = record.b if record.a == HEAP["FREE"] else record.d
            self.blocks.pop((operation.pid, gone), None)
        if record.a not in ASKING or not record.b:
            return
        stack = stack_names(world, operation.pid, record.task,
                            [address - 1 for address in operation.stack])
        if self.of == "live":
            self.blocks[operation.pid, record.b] = stack, record.c
        else:
            add(stack, 1 if self.of == "calls" else record.c)


def fold(records, world, of, pid=None):
    """{stack as a tuple of names: sum}"""
    sums, heap = {}, _Heap(of)

    def add(stack, amount):
        if amount:
            sums[tuple(stack)] = sums.get(tuple(stack), 0) + amount

    def wanted(item):
        return pid is None or str(item.pid) == pid or world.task_name(item.record.task) == pid

    for item in follow(records, world):
        if isinstance(item, Fault) and of in FAULT_SUMS and wanted(item):
            add(*_of_fault(item, world, of))
        elif isinstance(item, HeapOperation) and of not in FAULT_SUMS and wanted(item):
            heap.see(item, world, add)
    for stack, size in heap.blocks.values():
        add(stack, size)
    return sums


def write(sums, out):
    for stack in sorted(sums):
        out.write(";".join(stack) + f" {sums[stack]}\n")
