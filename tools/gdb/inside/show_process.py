# SPDX-License-Identifier: MIT
"""mm-ps and mm-vmas."""
from bisect import bisect_left

from . import command, frames, kernel, page_table, space
from .command import say


class Ps(command.Command):
    """List processes and their threads.
Of each: states, the CPU it runs on (* is the selected thread's), its address space, VSZ and RSS as
in ps. Further lines of a process are its other threads.
Usage: mm-ps"""

    name = "mm-ps"
    category = command.gdb.COMMAND_STATUS

    def run(self, _words):
        everybody = space.processes()
        if not everybody:
            say("There is no process yet.")
            return
        self.states = kernel.enumerators("task_alloc", "task_state")
        self.running = {cpu["current"]: cpu["number"] for cpu in kernel.cpus()}
        mine = kernel.this_cpu()
        self.selected = mine["number"] if mine else None
        say(f"{'PID':>6} {'TID':>6}  {'STATE':<16} {'CPU':<4} {'MM':<18} {'VSZ kB':>9} "
            f"{'RSS kB':>8}  NAME")
        for process in everybody:
            self.show(process)

    def show(self, process):
        tasks = space.threads(process)
        mm = space.mm_of(process)
        sizes = (f"{mm.address:#x} {mm['mapped'] * 4:>9} {space.resident(mm) * 4:>8}" if mm
                 else f"{'none':<18} {0:>9} {0:>8}")
        if not tasks:
            say(f"{process['pid']:>6} {'':>6}  {space.state_of(process):<16} {'':<4} {sizes}  "
                f"{process.text('name')}")
        for position, task in enumerate(tasks):
            pid = process["pid"] if position == 0 else ""
            say(f"{pid:>6} {task['tid']:>6}  {self.state(process, task):<16} {self.cpu(task):<4} "
                f"{sizes if position == 0 else '':<37}  {task.text('name')}")

    def state(self, process, task):
        if task.address in self.running:
            state = "running"
        else:
            state = self.states.get(task["state"], "?").removeprefix("TASK_").lower()
        if process["state"] != 0:
            return f"{space.state_of(process)}, {state}"
        return state

    def cpu(self, task):
        cpu = self.running.get(task.address)
        if cpu is None:
            return ""
        return f"{cpu}*" if cpu == self.selected else str(cpu)


class Vmas(command.Command):
    """List the mappings of a process, with the pages that are there.
As /proc/PID/maps, and of each VMA: pages in all, resident ones by kind of frame (anonymous, file;
the frame of zeros counts in neither RSS), and where pages come from: nothing (anonymous), or an
object, with its address for `print *(struct object *)ADDRESS`.
Usage: mm-vmas PID"""

    name = "mm-vmas"
    takes = (command.PID,)
    least = 1
    category = command.gdb.COMMAND_STATUS

    def run(self, words):
        mm = space.need_mm(command.pid(words[0]))
        if mm["lock.held"]:
            say("(mm->lock is held: somebody is changing it)")
        self.counts = count_resident(mm)
        say(f"{'START-END':<25} PERM {'PAGES':>8} {'ANON':>6} {'FILE':>6} {'ZERO':>5}  "
            f"{'OBJECT':<34} NAME")
        totals = [0, 0, 0, 0]
        vmas = space.vmas(mm)
        for vma in vmas:
            self.show(mm, vma, totals)
        say(f"{len(vmas)} VMAs, VSZ {totals[0] * 4} kB, RSS {(totals[1] + totals[2]) * 4} kB")
        for what, counted, believed in (("mapped", totals[0], mm["mapped"]),
                                        ("anonymous", totals[1], mm["anon_resident"]),
                                        ("file", totals[2], mm["file_resident"])):
            if counted != believed:
                say(f"but its counter of {what} pages says {believed}, not {counted}")

    def show(self, mm, vma, totals):
        pages = (vma["end"] - vma["start"]) // 4096
        anon, file, zero = in_range(self.counts, vma["start"], vma["end"])
        for at, value in enumerate((pages, anon, file, zero)):
            totals[at] += value
        place = f"{vma['start']:08x}-{vma['end']:08x}"
        say(f"{place:<25} {space.permissions(vma)} {pages:>8} {anon:>6} "
            f"{file:>6} {zero:>5}  {self.source(vma):<34} {space.vma_name(mm, vma)}".rstrip())

    def source(self, vma):
        if not vma["object"]:
            return "anonymous"
        kind = "file" if space.inode_of(vma["object"]) else "shared memory"
        if space.is_device(vma["object"]):
            kind = "device"
        return f"{kind} {vma['object']:#x}"


def count_resident(mm):
    """([address] of every page that is mapped, in order; [how many of each kind are before it]):
    anonymous, file, zero."""
    numbers = frames.kind_numbers()
    columns = {numbers["FRAME_ANON"]: 0, numbers["FRAME_FILE"]: 1, numbers["FRAME_ZERO"]: 2}
    addresses, before, now = [], [(0, 0, 0)], [0, 0, 0]
    for address, level, entry in page_table.leaves(mm["root"]):
        first = page_table.leaf_address(entry, level) >> 12
        kind = kernel.record("frame", frames.address(first))["kind"]
        column = columns.get(kind)
        if column is None:
            continue
        for at in range(1 << page_table.shift_of(level) - 12):
            addresses.append(address + 4096 * at)
            now[column] += 1
            before.append(tuple(now))
    return addresses, before


def in_range(counts, start, end):
    addresses, before = counts
    first, last = (before[bisect_left(addresses, border)] for border in (start, end))
    return [b - a for a, b in zip(first, last)]
