# SPDX-License-Identifier: MIT
"""A time line in the Trace Event Format, which ui.perfetto.dev, Chrome and speedscope open.

Processes are processes, their tasks threads: system calls and page faults are slices there, other
events marks; an arrow goes from the call that made a task to the first thing the task did. One
more process has a track for each CPU, with the task that runs. Free frames, resident and mapped
memory and living heap bytes are counters.

Perfetto names threads by their number alone, without the process: no two tracks here share one.
Process 0 and thread 0 are the idle task of Linux to it, which it hides."""
import json
import os
import re

from .decisions import DECISIONS, decider
from .header import HEAP, KINDS, ROOT, VMA_CHANGES, VMA_KINDS
from .world import E, PAGE, Fault, HeapOperation, follow

CPUS = 10_000_000  # the process of the CPUs, whose tracks follow: no task has such a number
KERNEL = CPUS - 1  # what no process does
GAP = 0.002  # microseconds: what viewers may be off in adding a beginning and a length
COUNTER_GAP = 1000  # ticks between two values of a counter that changes all the time
HEAP_NAMES = {value: name.lower() for name, value in HEAP.items()}


def call_names():
    """Names of system calls by number, from the headers the kernel is built with; {}: none."""
    names = {}
    for build in (os.environ.get("BUILD"), f"{ROOT}/build", f"{ROOT}/build/debug"):
        try:
            with open(f"{build}/include/asm/unistd_64.h", encoding="ascii") as file:
                for name, number in re.findall(r"#define __NR_(\w+) (\d+)", file.read()):
                    names[int(number)] = name
            break
        except OSError:
            continue
    return names


def protection(flags):
    return "".join(letter if flags & bit else "-" for letter, bit in (("r", 1), ("w", 2), ("x", 4)))


class Writer:
    """Events of the format, one a line."""

    def __init__(self, out, scale):
        self.out = out
        self.scale = scale  # ticks in a microsecond
        self.first = True

    def event(self, phase, name, pid, tid, ticks, **more):
        event = {"ph": phase, "name": name, "pid": pid, "tid": tid,
                 "ts": round(ticks / self.scale, 3)}
        event.update(more)
        self.out.write(("" if self.first else ",\n") + json.dumps(event))
        self.first = False

    def slice(self, name, category, pid, tid, begin, length, args, **flow):
        self.event("X", name, pid, tid, begin, cat=category,
                   dur=round(length / self.scale, 3), args=args, **flow)

    def mark(self, name, category, pid, tid, ticks, args):
        self.event("i", name, pid, tid, ticks, cat=category, s="t", args=args)

    def counter(self, name, pid, ticks, **values):
        self.event("C", name, pid, pid, ticks, args=values)

    def metadata(self, what, pid, tid, **values):
        self.event("M", what, pid, tid, 0, args=values)


class TimeLine:
    def __init__(self, world, writer):
        self.world = world
        self.writer = writer
        self.origin = 0
        self.calls = call_names()
        self.open_calls = {}  # by task
        self.running = {}     # by CPU: (task, since)
        self.threads = {}     # track: its process
        self.makes = {}       # by task in a system call: the task it made
        self.made = set()     # tasks whose maker's call has a slice, and that have none yet
        self.free = 0
        self.free_shown = None
        self.counted = {}     # the last value of each counter
        self.blocks = {}
        self.live = {}
        self.last = 0

    def at(self, ticks):
        return max(ticks - self.origin, 0)

    def seen(self, tid):
        """(process, track) of a task; remembers that it has one."""
        track = tid or KERNEL
        pid = self.threads[track] = self.world.task(tid).pid or KERNEL
        return pid, track

    def slice(self, name, category, task, begin, length, args, makes=None):
        """Something that a task did, and where the arrow begins or ends, if one does."""
        flow = {}
        if makes is not None:
            flow = {"bind_id": hex(makes), "flow_out": True}
        elif task in self.made:
            self.made.discard(task)
            flow = {"bind_id": hex(task), "flow_in": True}
        self.writer.slice(name, category, *self.seen(task), self.at(begin), length, args, **flow)

    def mark(self, name, category, task, ticks, args):
        self.writer.mark(name, category, *self.seen(task), self.at(ticks), args)

    # ---- slices ----
    def fault(self, fault):
        record = fault.record
        pid, _ = self.seen(record.task)
        function, _, _ = self.world.place(pid, record.e)
        args = {"fault": fault.number, "address": hex(fault.address), "access": fault.access,
                "instruction": hex(record.e), "function": function or "?",
                "answer": fault.result, "cost": fault.cost, "frames": fault.frames}
        if fault.reason in DECISIONS:
            args["why"] = DECISIONS[fault.reason][0]
            args["decided by"] = decider(fault.reason)
        if fault.begin and fault.begin.c:
            args["VMA"] = (f"{fault.begin.b:#x}-{fault.begin.c:#x} {protection(fault.begin.d)} "
                           f"{VMA_KINDS.get(fault.begin.e, '')}")
        for part in fault.of(E.FAULT_FRAME):
            args["entry before"], args["entry now"] = hex(part.c), hex(part.b)
            args["frame"] = hex(part.d)
        if fault.stack:
            callers = self.world.callers(pid, record.e, fault.stack)
            args["called from"] = " < ".join(self.world.function(pid, address)
                                             for address in callers)
        self.slice(f"fault: {fault.result}", "fault", record.task, record.time - fault.cost,
                   fault.cost, args)
        self.pages(record, pid, record.f >> 32, None)

    def call_begins(self, record):
        self.seen(record.task)
        self.open_calls[record.task] = record

    def call_ends(self, record):
        begin = self.open_calls.pop(record.task, None)
        if begin:
            self.call(begin, record.time, record.signed(record.b))

    def call(self, begin, end, result):
        args = {"arguments": " ".join(hex(value) for value in begin[5:10])}
        if result is not None:
            args["result"] = hex(result) if result > 0xffff else result
        name = self.calls.get(begin.a, f"system call {begin.a}")
        self.slice(name, "syscall", begin.task, begin.time, end - begin.time, args,
                   self.makes.pop(begin.task, None))

    def task_made(self, record):
        if record.task in self.open_calls:
            self.makes[record.task] = record.a
            self.made.add(record.a)
        self.other(record)

    def switch(self, record):
        self.runs_until(record.cpu, record.time)
        self.running[record.cpu] = record.b, record.time

    def runs_until(self, cpu, ticks):
        task, since = self.running.pop(cpu, (None, 0))
        if task is not None and ticks > since:
            # The next one begins where this one ends, and shall not lie in it.
            length = max(ticks - since - GAP * self.writer.scale, 0)
            self.writer.slice(self.world.task_name(task) if task else "idle", "cpu", CPUS,
                              CPUS + 1 + cpu, self.at(since), length, {"task": task})

    def shootdown(self, record):
        self.slice("shootdown", "shootdown", record.task, record.time - record.d, record.d,
                   {"from": hex(record.a), "to": hex(record.b), "CPUs told": hex(record.c)})

    # ---- counters ----
    def count(self, name, pid, ticks, value, unit):
        if self.counted.get((name, pid)) != value:
            self.counted[name, pid] = value
            self.writer.counter(name, pid, self.at(ticks), **{unit: value})

    def pages(self, record, pid, resident, mapped):
        self.count("resident (RSS)", pid, record.time, resident * PAGE // 1024, "KiB")
        if mapped is not None:
            self.count("mapped (VSZ)", pid, record.time, mapped * PAGE // 1024, "KiB")

    def frames(self, record):
        sign = -1 if record.event == E.FRAME_ALLOC else 1
        self.free += sign * (1 << record.b)
        if self.free_shown is None or record.time - self.free_shown >= COUNTER_GAP:
            self.free_shown = record.time
            self.count("free frames", CPUS, record.time, self.free, "frames")

    def heap(self, operation):
        record = operation.record
        pid, _ = self.seen(record.task)
        name = HEAP_NAMES.get(record.a, "heap")
        gone = {"free": record.b, "realloc": record.d}.get(name)
        if gone:
            self.live[pid] = self.live.get(pid, 0) - self.blocks.pop((pid, gone), 0)
        if name in ("malloc", "calloc", "realloc", "aligned") and record.b:
            self.blocks[pid, record.b] = record.c
            self.live[pid] = self.live.get(pid, 0) + record.c
        args = {"address": hex(record.b), "bytes": record.c}
        if operation.stack:
            args["called from"] = " < ".join(self.world.function(pid, address - 1)
                                             for address in operation.stack)
        self.mark(name, "heap", record.task, record.time, args)
        self.count("living heap", pid, record.time, self.live.get(pid, 0), "bytes")

    # ---- marks ----
    def text_of(self, record):
        """(name, arguments) of what is a mark on the time line, or None."""
        if record.event == E.VMA:
            change = VMA_CHANGES.get(record.d, "changed")
            return f"VMA {change}", {"range": f"{record.a:#x}-{record.b:#x}",
                                     "protection": protection(record.c),
                                     "kind": VMA_KINDS.get(record.e, "?")}
        if record.event == E.SIGNAL:
            return f"signal {record.a}", {"code": record.signed(record.b),
                                          "address": hex(record.c), "to process": record.e}
        if record.event == E.EXEC:
            return "exec", {"entry": hex(record.a)}
        if record.event == E.EXIT:
            return "exit", {"status": hex(record.a)}
        if record.event == E.TASK:
            return "new task", {"task": record.a, "process": record.b, "flags": hex(record.c)}
        if record.event == E.FORK:
            return "address space copied", {"entries shared": record.b, "tables made": record.c}
        if record.event in (E.TABLE_ALLOC, E.TABLE_FREE):
            did = "made" if record.event == E.TABLE_ALLOC else "given back"
            return f"page table {did}", {"for": hex(record.a), "level": record.b,
                                         "frame": hex(record.c)}
        if record.event == E.MARK:
            return f"mark {record.a}", {"values": list(record[5:10])}
        if record.event == E.LOST:
            return "records lost", {"number": record.a}
        return None

    def other(self, record):
        if record.event in (E.BRK, E.MMAP, E.MUNMAP, E.MPROTECT, E.MREMAP, E.MADVISE):
            self.pages(record, self.seen(record.task)[0], record.f & 0xffffffff, record.f >> 32)
            return
        text = self.text_of(record)
        if text:
            self.mark(text[0], "event", record.task, record.time, text[1])

    HANDLERS = {E.SYSCALL: call_begins, E.SYSCALL_END: call_ends, E.SWITCH: switch,
                E.TASK: task_made, E.SHOOTDOWN: shootdown, E.FRAME_ALLOC: frames, E.FRAME_FREE: frames}

    def begin(self, record):
        self.origin = self.origin or record.time
        self.free = record.e

    def see(self, item):
        if isinstance(item, Fault):
            self.fault(item)
            return
        if isinstance(item, HeapOperation):
            self.heap(item)
            return
        self.last = max(self.last, item.time)
        if item.event == E.START:
            self.begin(item)
            return
        if item.time and item.cpu not in self.running:
            self.running[item.cpu] = item.task, item.time
        self.HANDLERS.get(item.event, TimeLine.other)(self, item)

    def end(self):
        for begin in list(self.open_calls.values()):
            self.call(begin, max(self.last, begin.time), None)
        for cpu in list(self.running):
            self.runs_until(cpu, self.last)
        self.names()

    def names(self):
        """Of processes and tracks; the CPUs above the processes, which stand in order."""
        names = {CPUS: "CPUs", KERNEL: "kernel"}
        tracks = {CPUS + 1 + cpu: (CPUS, f"CPU {cpu}") for cpu in range(self.world.cpus)}
        for track, pid in sorted(self.threads.items()):
            tracks[track] = pid, self.world.task_name(track if track != KERNEL else 0)
            if pid not in names:
                names[pid] = self.world.process(pid).program or self.world.task_name(pid)
        for pid, name in names.items():
            if pid == CPUS or pid in self.threads.values():
                self.writer.metadata("process_name", pid, pid, name=name)
                self.writer.metadata("process_sort_index", pid, pid,
                                     sort_index=0 if pid == CPUS else pid)
        for track, (pid, name) in tracks.items():
            self.writer.metadata("thread_name", pid, track, name=name)
            self.writer.metadata("thread_sort_index", pid, track, sort_index=track)


def write(records, world, out):
    out.write('{"displayTimeUnit": "ns", "traceEvents": [\n')
    rate = next((record.c for record in records if record.event == E.START), 0)
    line = TimeLine(world, Writer(out, (rate or 1e9) / 1e6))
    for item in follow(records, world):
        line.see(item)
    line.end()
    out.write(f'\n], "otherData": {json.dumps({"unit": world.unit, "ticks a second": rate})}}}\n')
