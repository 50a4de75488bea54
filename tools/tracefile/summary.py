# SPDX-License-Identifier: MIT
"""Totals of a trace."""
from .header import EVENTS, KINDS, RESULTS
from .world import E, Fault, HeapOperation, follow


class Totals:
    def __init__(self):
        self.events = {}
        self.results = {}
        self.costs = {}
        self.taken = {}
        self.given = {}
        self.lost = 0
        self.processes = {}
        self.shootdown_cost = 0
        self.first = self.last = 0

    def count(self, record):
        self.events[record.event] = self.events.get(record.event, 0) + 1
        self.last = max(self.last, record.time)

    def add(self, item):
        if isinstance(item, HeapOperation):
            self.count(item.record)
            return
        if isinstance(item, Fault):
            self.fault(item)
            return
        self.count(item)
        if item.event == E.FRAME_ALLOC:
            self.taken[item.c] = self.taken.get(item.c, 0) + (1 << item.b)
        elif item.event == E.FRAME_FREE:
            self.given[item.c] = self.given.get(item.c, 0) + (1 << item.b)
        elif item.event == E.LOST:
            self.lost += item.a
        elif item.event == E.SHOOTDOWN:
            self.shootdown_cost += item.d

    def fault(self, fault):
        self.count(fault.record)
        self.results[fault.record.c] = self.results.get(fault.record.c, 0) + 1
        self.costs[fault.record.c] = self.costs.get(fault.record.c, 0) + fault.cost
        self.processes[fault.pid] = self.processes.get(fault.pid, 0) + 1


def total(records, world):
    totals = Totals()
    for item in follow(records, world):
        totals.add(item)
    return totals


ROWS = [("system calls", "SYSCALL"), ("forks", "FORK"), ("tasks made", "TASK"), ("execs", "EXEC"),
        ("exits", "EXIT"), ("context switches", "SWITCH"), ("signals", "SIGNAL"),
        ("TLB shootdowns", "SHOOTDOWN"), ("page tables made", "TABLE_ALLOC"),
        ("page tables given back", "TABLE_FREE"), ("changes of VMAs", "VMA"),
        ("heap operations", "HEAP")]


def write(records, world, out):
    totals = total(records, world)
    began = world.start.time if world.start else 0

    out.write(f"{totals.last - began:,} {world.unit} on {world.cpus} "
              f"CPU{'s' if world.cpus > 1 else ''}, {len(records):,} records, "
              f"{totals.lost:,} lost\n\n")
    out.write(f"{'page faults by answer':<26}{'count':>10}{'cost of all':>16}{'of one':>10}\n")
    for result in sorted(totals.results, key=totals.results.get, reverse=True):
        number, cost = totals.results[result], totals.costs[result]
        out.write(f"  {RESULTS.get(result, '?'):<24}{number:>10,}{cost:>16,}"
                  f"{cost // number:>10,}\n")
    out.write(f"  {'all':<24}{sum(totals.results.values()):>10,}"
              f"{sum(totals.costs.values()):>16,}\n\n")
    out.write(f"{'frames by owner':<26}{'taken':>10}{'given back':>16}\n")
    for kind in sorted(set(totals.taken) | set(totals.given)):
        out.write(f"  {KINDS.get(kind, '?'):<24}{totals.taken.get(kind, 0):>10,}"
                  f"{totals.given.get(kind, 0):>16,}\n")
    out.write("\n")
    for title, name in ROWS:
        number = totals.events.get(EVENTS[name], 0)
        if number:
            out.write(f"{title:<26}{number:>10,}\n")
    if totals.processes:
        out.write("\npage faults by process\n")
    for pid in sorted(totals.processes, key=totals.processes.get, reverse=True):
        program = world.process(pid).program or world.task_name(pid)
        out.write(f"  {pid:>5} {program:<18}{totals.processes[pid]:>12,}\n")
