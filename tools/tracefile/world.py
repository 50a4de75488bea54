# SPDX-License-Identifier: MIT
"""What the records are about: tasks and processes with their names, which file is mapped where,
faults and heap operations with all that belongs to them."""
import os
from dataclasses import dataclass, field

from . import elf
from .header import ENUMS, EVENTS, IN_COPY, NAMES, RESULTS, ROOT
from .records import Record

E = type("E", (), EVENTS)  # E.FAULT is the number of TRACE_FAULT
PAGE = 4096
ADDRESS = 0x000FFFFFFFFFF000  # of a page-table entry
STACK_TOP = 1 << 63  # TRACE_STACK_TOP
FRAME_FILE = ENUMS["frame_kind"]["FRAME_FILE"]
USER_END = 1 << 47


@dataclass
class Mapping:
    start: int
    end: int
    path: str
    offset: int


@dataclass
class Process:
    pid: int
    program: str = ""
    heap_start: int = 0
    entry: int = 0
    mappings: list = field(default_factory=list)


@dataclass
class Task:
    tid: int
    pid: int
    name: str = ""


@dataclass
class Fault:
    """All records of one page fault."""
    number: int
    record: Record  # FAULT, its end
    begin: Record | None
    parts: list = field(default_factory=list)  # what happened in between, to this task
    stack: list = field(default_factory=list)  # return addresses, innermost first
    pid: int = 0
    copied_file: bool = False  # "copied": of a page of a file

    @property
    def time(self):
        return self.begin.time if self.begin else self.record.time - self.record.d

    @property
    def address(self):
        return self.record.a

    @property
    def access(self):
        return {1: "read", 2: "write", 4: "execute"}.get(self.record.b & 0xff, "access")

    @property
    def in_copy(self):
        return bool(self.record.b & IN_COPY)

    @property
    def result(self):
        return RESULTS.get(self.record.c, str(self.record.c))

    @property
    def reason(self):
        """The answer by the name that decisions.py knows it by."""
        return "copied-file" if self.result == "copied" and self.copied_file else self.result

    @property
    def cost(self):
        return self.record.d

    @property
    def frames(self):
        """Frames taken less frames given back."""
        net = self.record.f & 0xffffffff
        return net - (1 << 32) if net >> 31 else net

    def of(self, event):
        return [part for part in self.parts if part.event == event]


@dataclass
class HeapOperation:
    record: Record
    stack: list = field(default_factory=list)
    pid: int = 0


class World:
    """Follows the records one by one (see()); then answers what is true at that moment."""

    def __init__(self):
        self.tasks = {}
        self.processes = {}
        self.names = {}  # parts of names that are not complete
        self.hosts = {}  # files of the guest: files here
        self.kernel = None
        self.unit = "ticks"
        self.rate = 0
        self.cpus = 1
        self.start = None
        self.file_frames = set()
        self.found = {}  # what host_file() has found

    def task(self, tid):
        if tid not in self.tasks:
            self.tasks[tid] = Task(tid, tid)
        return self.tasks[tid]

    def process(self, pid):
        if pid not in self.processes:
            self.processes[pid] = Process(pid)
        return self.processes[pid]

    def process_of(self, tid):
        return self.process(self.task(tid).pid)

    def task_name(self, tid):
        if tid == 0:
            return "kernel"
        return self.task(tid).name or f"task {tid}"

    def see(self, record):
        handler = self.HANDLERS.get(record.event)
        if handler:
            handler(self, record)

    # ---- records ----
    def _start(self, record):
        self.start = self.start or record
        self.rate = record.c
        self.cpus = max(self.cpus, record.f)

    def _task(self, record):
        parent = self.process(record.d)
        self.tasks[record.a] = Task(record.a, record.b, self.task(record.task).name)
        if record.b not in self.processes:
            self.processes[record.b] = Process(record.b, parent.program, parent.heap_start,
                                               parent.entry, list(parent.mappings))

    def _exec(self, record):
        process = self.process_of(record.task)
        process.heap_start, process.entry = record.c, record.a
        process.mappings = []

    def _name(self, record):
        kind, offset, length = record.a & 0xffff, record.a >> 16 & 0xffff, record.a >> 32
        data = b"".join(value.to_bytes(8, "little") for value in record[6:10])
        key = (record.task, kind)
        so_far = b"" if offset == 0 else self.names.get(key, b"")
        so_far += data[:length - offset]
        self.names[key] = so_far
        if len(so_far) >= length:
            self._named(kind, record, so_far.decode(errors="replace"))

    def _named(self, kind, record, text):
        if kind == NAMES["TASK"]:
            self.task(record.b).name = text
        elif kind == NAMES["PROGRAM"]:
            self.process(record.b).program = text
        elif kind == NAMES["MAPPING"]:
            self._mapped(record, text)
        elif kind == NAMES["KERNEL"]:
            self.kernel = text
        elif kind == NAMES["UNIT"]:
            self.unit = text
        elif kind == NAMES["HOST"]:
            guest, _, host = text.partition("\0")
            self.hosts[guest] = host

    def _mapped(self, record, path):
        for mapping in reversed(self.process_of(record.task).mappings):
            if mapping.start == record.b and not mapping.path:
                mapping.path = path
                return

    def _mmap(self, record):
        if record.a < USER_END:  # else an error
            end = record.a + (record.b + PAGE - 1) // PAGE * PAGE
            self.process_of(record.task).mappings.append(Mapping(record.a, end, "", record.e * PAGE))

    def _frame(self, record):
        if record.event == E.FRAME_ALLOC and record.c == FRAME_FILE:
            self.file_frames.add(record.a)
        else:
            self.file_frames.discard(record.a)

    HANDLERS = {E.FRAME_ALLOC: _frame, E.FRAME_FREE: _frame, E.START: _start, E.TASK: _task, E.EXEC: _exec, E.NAME: _name, E.MMAP: _mmap}

    # ---- files and functions ----
    def host_file(self, path):
        """Where a file of the guest is here: its name for elf.load()."""
        if path in self.hosts:
            return self.hosts[path]
        archive = self.hosts.get("")
        if path not in self.found and archive and elf.read_image(f"{archive}#{path}"):
            self.found[path] = self.unstripped(archive, path)
        return self.found.get(path, path)

    @staticmethod
    def unstripped(archive, path):
        """The file that a program of the project's own archive was made from, which still knows
        its source lines, if it is the same program."""
        member = f"{archive}#{path}"
        origin = os.path.join(os.path.dirname(archive), "user", os.path.basename(path))
        packed, full = elf.load(member), elf.load(origin)
        same = packed and full and set(packed.functions) <= set(full.functions)
        return origin if same else member

    def file_at(self, pid, address):
        """The mapping of a file at an address of a process, or None."""
        for mapping in reversed(self.process(pid).mappings):
            if mapping.start <= address < mapping.end:
                return mapping if mapping.path else None
        return None

    def module_at(self, pid, address):
        """(Elf, bias, path) of the code at an address, or None."""
        mapping = self.file_at(pid, address)
        if mapping:
            file = elf.load(self.host_file(mapping.path))
            bias = file.bias_for(mapping.start, mapping.offset) if file else None
            return (file, bias, mapping.path) if bias is not None else None
        process = self.process(pid)
        file = elf.load(self.host_file(process.program)) if process.program else None
        if not file:
            return None
        bias = 0 if file.fixed else process.heap_start - PAGE - file.high
        return file, bias, process.program

    def place(self, pid, address):
        """("function", "file:line" or None, path) of code of a process; all None: not known."""
        module = self.module_at(pid, address)
        if not module:
            return None, None, None
        file, bias, path = module
        found = file.function(address - bias)
        if not found:
            return None, None, path
        line = file.line(address - bias)
        if line and line.startswith(ROOT + "/"):
            line = line[len(ROOT) + 1:]
        return found[0], line, path

    def callers(self, pid, instruction, stack):
        """The addresses of the calls that led to an instruction, innermost first."""
        if not stack or not stack[0] & STACK_TOP:
            return [address - 1 for address in stack]
        top, rest = stack[0] & ~STACK_TOP, stack[1:]
        here, there = self.module_at(pid, instruction), self.module_at(pid, top)
        frameless = here and there and here[0] is there[0] and top not in rest[:1] and \
            not here[0].makes_frame(instruction - here[1]) and \
            here[0].called_from(top - here[1], instruction - here[1])
        return [address - 1 for address in ([top] if frameless else []) + rest]

    def function(self, pid, address):
        """A function's name, or the file's, or the address: something to print."""
        name, _, path = self.place(pid, address)
        if name:
            return name
        return f"[{os.path.basename(path)}]" if path else f"{address:#x}"


def follow(records, world):
    """Yields Fault, HeapOperation and every other Record, in order, while `world` sees them. A fault
    comes when it is complete, its call stack included; what belongs to it comes before it."""
    open_faults, waiting, number = {}, {}, 0

    for record in records:
        world.see(record)
        tid = record.task
        if record.event == E.STACK:
            if tid in waiting:
                waiting[tid].stack += [a for a in record[4:10] if a]
            continue
        if tid in waiting:
            yield waiting.pop(tid)
        if record.event == E.FAULT_BEGIN:
            open_faults[tid] = (record, [])
            continue
        if record.event == E.FAULT:
            number += 1
            begin, parts = open_faults.pop(tid, (None, []))
            fault = Fault(number, record, begin, parts, [], world.task(tid).pid)
            fault.copied_file = any((part.c & ADDRESS) // PAGE in world.file_frames
                                    for part in fault.of(E.FAULT_FRAME))
            waiting[tid] = fault
            continue
        if record.event == E.HEAP:
            waiting[tid] = HeapOperation(record, [], world.task(tid).pid)
            continue
        if tid in open_faults:
            open_faults[tid][1].append(record)
        yield record
    yield from waiting.values()
