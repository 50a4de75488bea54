# SPDX-License-Identifier: MIT
"""Page faults in plain words: one paragraph each."""
import textwrap

from .decisions import DECISIONS, decider
from .header import KINDS, VMA_KINDS
from .records import Record
from .world import ADDRESS, E, PAGE, Fault, follow

WRITABLE, PRESENT = 2, 1
VERBS = {"read": "reads from", "write": "writes to", "execute": "fetches an instruction from"}
MEMORY = {"anon": "private anonymous memory", "heap": "the heap", "stack": "a stack",
          "file_private": "a private mapping of {}", "file_shared": "a shared mapping of {}"}


def count(number, what):
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class Explainer:
    """One fault after the other, told with what the trace knows."""

    def __init__(self, world):
        self.world = world

    def who(self, fault):
        world, tid = self.world, fault.record.task
        text = f"process {fault.pid} ({world.task_name(tid)})"
        if tid != fault.pid:
            text += f", thread {tid}"
        return text + (f", CPU {fault.record.cpu}" if world.cpus > 1 else "")

    def asked(self, fault):
        name, line, _ = self.world.place(fault.pid, fault.record.e)
        where = f"at {fault.record.e:#x}" + (f" ({line})" if line else "")
        verb = VERBS.get(fault.access, "accesses")
        if not fault.record.e and fault.address:  # no instruction of a program was at fault
            return f"The kernel, which makes the program ready, {verb} {fault.address:#x}."
        if fault.in_copy:
            call = f"a system call made by {name}()" if name else "a system call"
            return f"The kernel, for {call} {where}, {verb} {fault.address:#x}."
        actor = f"{name}()" if name else "The program"
        return f"{actor}, {where}, {verb} {fault.address:#x}."

    def vma(self, fault):
        begin = fault.begin
        if not begin:
            return ""
        if not begin.c:
            return "No VMA contains that address."
        if begin.b > fault.address:
            return f"It lies below the stack {begin.b:#x}-{begin.c:#x}."
        flags = "".join(letter if begin.d & bit else "-"
                        for letter, bit in (("r", 1), ("w", 2), ("x", 4)))
        kind = MEMORY.get(VMA_KINDS.get(begin.e), "memory")
        kind = kind.format(self.file(fault))
        return f"It lies in the VMA {begin.b:#x}-{begin.c:#x} ({flags}), {kind}."

    def file(self, fault):
        mapping = self.world.file_at(fault.pid, fault.address)
        process = self.world.process(fault.pid)
        if mapping:
            return mapping.path
        return process.program or "a file"

    def entry(self, value):
        if not value & PRESENT:
            return "empty"
        return (f"frame {(value & ADDRESS) // PAGE:#x}, "
                f"{'writable' if value & WRITABLE else 'read-only'}")

    def moved(self, fault):
        parts = []
        for part in fault.of(E.FAULT_FRAME):
            parts.append(f"The page's entry was {self.entry(part.c)}; it is now "
                         f"{self.entry(part.b)}.")
        taken = fault.of(E.FRAME_ALLOC)
        tables = fault.of(E.TABLE_ALLOC)
        if taken:
            kinds = {}
            for part in taken:
                kind = KINDS.get(part.c, "?").replace("anon", "anonymous")
                kinds[kind] = kinds.get(kind, 0) + (1 << part.b)
            parts.append("Taken: " + ", ".join(
                f"{count(number, 'frame')} ({kind.replace('-', ' ')})"
                for kind, number in kinds.items()) + ".")
        elif fault.frames > 0:
            parts.append(f"Taken: {count(fault.frames, 'frame')}.")
        if tables:
            levels = ", ".join(str(part.b) for part in tables)
            parts.append(f"Page tables made: {len(tables)} (level {levels}).")
        return " ".join(parts) if parts else "Nothing was moved."

    def why(self, fault):
        if fault.reason not in DECISIONS:
            return f"Answer: {fault.result}."
        return f"{DECISIONS[fault.reason][0]}. Answer: {fault.result}."

    def cost(self, fault):
        return f"It cost {fault.cost:,} {self.world.unit}."

    def decided(self, fault):
        where = decider(fault.reason)
        return f"Decided by {where}." if where else ""

    def called(self, fault):
        if not fault.stack:
            return ""
        names = []
        for address in self.world.callers(fault.pid, fault.record.e, fault.stack):
            name = self.world.function(fault.pid, address)
            if name.startswith("0x"):
                break  # from here on it was no stack
            names.append(name)
        return "Called from: " + " < ".join(names) + "." if names else ""

    def paragraph(self, fault):
        start = self.world.start.time if self.world.start else 0
        sentences = [self.asked(fault), self.vma(fault), self.why(fault), self.moved(fault),
                     self.cost(fault), self.decided(fault), self.called(fault)]
        text = [sentence for sentence in sentences if sentence]
        head = f"fault {fault.number}, {self.who(fault)}, at {fault.time - start:,}:"
        return head, text


def matches(fault, world, pid, result, address):
    if pid is not None and str(fault.pid) != pid and world.task_name(fault.record.task) != pid:
        return False
    if result and fault.result != result:
        return False
    return address is None or fault.address // PAGE == address // PAGE


def find_lines(faults, world):
    """One question to addr2line for each file instead of one for each fault."""
    wanted = {}
    for fault in faults:
        module = world.module_at(fault.pid, fault.record.e)
        if module:
            wanted.setdefault(module[0], set()).add(fault.record.e - module[1])
    for file, addresses in wanted.items():
        file.find_lines(addresses)


def explain(records, world, out, width, bold, pid=None, result=None, address=None):
    """Prints a paragraph for each fault that is asked for; how many. `width`: where lines are
    broken, 0: between sentences only."""
    explainer = Explainer(world)
    pending, told = [], 0

    def tell():
        find_lines(pending, world)
        for fault in pending:
            head, text = explainer.paragraph(fault)
            out.write(bold(head) + "\n")
            for part in [" ".join(text)] if width else text:
                out.write(textwrap.fill(part, width or 10000, initial_indent="  ",
                                        subsequent_indent="  ", break_on_hyphens=False) + "\n")
            out.write("\n")
        pending.clear()

    for item in follow(records, world):
        if isinstance(item, Fault):
            if matches(item, world, pid, result, address):
                pending.append(item)
                told += 1
        elif isinstance(item, Record) and item.event in (E.EXEC, E.EXIT, E.NAME):
            tell()  # what addresses mean is about to change
    tell()
    return told
