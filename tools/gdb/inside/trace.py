# SPDX-License-Identifier: MIT
"""Records of the kernel's trace rings (mm/trace.c), the last of each CPU, and what they say. The
numbers and names of events come from the kernel's own debug information; an event that is not known
here is shown with its arguments as they are."""
import gdb

from . import kernel, memory

ACCESS = {1: "read", 2: "write", 4: "execution"}
VMA_CHANGES = ("added", "removed", "resized", "protected")


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def number(value):
    """Addresses read better in hexadecimal, small numbers and errors in decimal."""
    value = signed(value)
    return f"{value:#x}" if value > 0xffff else str(value)


class Words:
    """What a record says, by its event."""

    def __init__(self):
        self.events = {value: name.removeprefix("TRACE_") for value, name in
                       kernel.enumerators("trace_write6", "trace_event").items()}
        self.results = kernel.names_in("fault_result_name")
        self.kinds = kernel.names_in("frame_kind_name")
        self.calls = kernel.names_in("syscall_name") if kernel.has("syscall_name") else []

    def name(self, event):
        return self.events.get(event, f"event {event}").lower().replace("_", "-")

    def of(self, names, index):
        return names[index] if index < len(names) else str(index)

    def text(self, record):
        tell = getattr(self, "tell_" + self.events.get(record["event"], "").lower(), None)
        if tell:
            return tell(*(record[name] for name in "abcdef" if name in record))
        return " ".join(f"{name}={record[name]:#x}" for name in "abcdef"
                        if name in record and record[name])

    def tell_fault_begin(self, a, b, c, d, *_):
        return f"at {a:#x}, " + (f"VMA {b:#x}-{c:#x}, flags {d:#x}" if c else "in no VMA")

    def tell_fault(self, a, b, c, d, *_):
        return (f"{ACCESS.get(b & 0xff, 'read')} at {a:#x}, answered: {self.of(self.results, c)} "
                f"({d} ticks)")

    def tell_fault_frame(self, a, b, c, d, *_):
        return f"page {a & -4096:#x}: frame {d:#x}; entry {b:#x}, before {c:#x}"

    def tell_frame_alloc(self, a, b, c, *_):
        return f"frame {a:#x} taken as {self.of(self.kinds, c)}, order {b}"

    def tell_frame_free(self, a, b, c, *_):
        return f"frame {a:#x} given back, was {self.of(self.kinds, c)}, order {b}"

    def tell_table_alloc(self, a, b, c, *_):
        return f"level {b} table for {a:#x} made: frame {c:#x}"

    def tell_table_free(self, a, b, c, *_):
        return f"level {b} table for {a:#x} given back: frame {c:#x}"

    def tell_vma(self, a, b, c, d, *_):
        letters = "".join(letter if c & bit else "-"
                          for letter, bit in (("r", 1), ("w", 2), ("x", 4)))
        return f"{a:#x}-{b:#x} {letters} {self.of(VMA_CHANGES, d)}"

    def tell_brk(self, a, b, c, *_):
        return f"asked for {a:#x}; was {b:#x}, is {c:#x}"

    def tell_mmap(self, a, b, *_):
        return f"{b} bytes: {number(a)}"

    def tell_munmap(self, a, b, c, *_):
        return f"{b} bytes at {a:#x}: {number(c)}"

    def tell_mprotect(self, a, b, c, d, *_):
        return f"{b} bytes at {a:#x}, protection {c}: {number(d)}"

    def tell_fork(self, _a, b, c, *_):
        return f"{b} entries shared, {c} page tables made"

    def tell_exec(self, a, b, *_):
        return f"starts at {a:#x} with its stack at {b:#x}"

    def tell_exit(self, a, *_):
        return f"wait status {a:#x}"

    def tell_switch(self, a, b, *_):
        return f"from task {a} to task {b}"

    def tell_signal(self, a, b, c, *_):
        return f"signal {a}, code {signed(b)}, address {c:#x}"

    def tell_syscall(self, a, *arguments):
        return f"{self.of(self.calls, a)}({', '.join(map(number, arguments))})"

    def tell_syscall_end(self, a, b, *_):
        return f"{self.of(self.calls, a)} = {number(b)}"

    def tell_shootdown(self, a, b, c, *_):
        return f"{a:#x}-{b:#x} on the CPUs of mask {c:#x}"

    def tell_shootdown_answer(self, a, b, c, *_):
        return f"forgot {a:#x}-{b:#x} for CPU {c}"


def last(count):
    """The last records of all CPUs, by time, and how many there have been."""
    size = kernel.value("ring_records")
    found, written = [], 0
    rings = [ring for ring in kernel.array("rings") if ring["records"]]
    if not rings:
        raise gdb.GdbError("nothing was traced: boot with `trace` (tools/run --append trace), or "
                           "write 1 to /sys/kernel/debug/faultline/trace_on")
    layout = kernel.layout_of(kernel.symbol("rings").type.target()["records"].type.target())
    for ring in rings:
        total = memory.word(ring["state"])
        written += total
        for at in range(max(0, total - min(count, size)), total):
            found.append(layout.at(ring["records"] + at % size * layout.size))
    found.sort(key=lambda record: record["time"])
    return found[-count:], written
