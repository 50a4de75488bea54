# SPDX-License-Identifier: MIT
"""What a program did with its heap, in numbers: tools/trace heap."""
import collections
import os

from .heap import OPERATION_NAMES
from .header import HEAP

BAR = 30
MOMENTS = 12
SITES = 10


def _bytes(number):
    for unit in ("bytes", "KiB", "MiB"):
        if number < 10240 or unit == "MiB":
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return ""


def _bar(value, most):
    return "#" * (-(-value * BAR // most) if most else 0)


def _histogram(values, out, title, what):
    """By powers of two; `values`: {upper bound: (count, sum)}."""
    classes = collections.Counter()
    sums = collections.Counter()
    for value in values:
        bound = 1 << max(value - 1, 0).bit_length()
        classes[bound] += 1
        sums[bound] += value
    most = max(classes.values(), default=0)
    out.write(f"\n  {title:<22} {'blocks':>9}  {what:>14}\n")
    for bound in sorted(classes):
        out.write(f"    up to {bound:>12,} {classes[bound]:>12,}  {sums[bound]:>14,}  "
                  f"{_bar(classes[bound], most)}\n")


def _share(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _moments(heap, out):
    span = max(heap.last - heap.first, 1)
    most = max(sample.held for sample in heap.samples)
    out.write(f"\n  {'time':<8} {'live':>12} {'touched':>12} {'from kernel':>12}  "
              "live of touched\n")
    at = 0
    for moment in range(1, MOMENTS + 1):
        until = heap.first + span * moment // MOMENTS
        while at + 1 < len(heap.samples) and heap.samples[at + 1].time <= until:
            at += 1
        sample = heap.samples[at]
        touched = sample.touched if heap.faults else 0
        shown = "".join("#" if i < sample.live * BAR else "-" if i < touched * BAR else "."
                        for i in range(0, sample.held * BAR, max(most, 1)))
        out.write(f"    {100 * moment // MOMENTS:>3} % {sample.live:>12,} "
                  f"{f'{touched:,}' if heap.faults else '?':>12} "
                  f"{sample.held:>12,}  {_share(sample.live, touched or sample.held):>6}  {shown}\n")
    out.write("    # live  - touched and free  . never touched\n" if heap.faults else
              "    # live  . the rest of what the kernel gave\n")


def _find_lines(stacks, heap, world):
    """So that place() knows them: one call of addr2line a file."""
    files = {}
    for address in {address - 1 for stack in stacks for address in stack}:
        module = world.module_at(heap.pid, address)
        if module:
            files.setdefault(module[0], []).append(address - module[1])
    for file, addresses in files.items():
        file.find_lines(addresses)


def _sites(heap, world, out):
    groups = {}
    for block in heap.blocks.values():
        groups.setdefault(tuple(block.stack), []).append(block.asked)
    if not groups:
        out.write("\n  everything was freed\n")
        return
    out.write("\n  never freed, by who asked:\n")
    ranked = sorted(groups.items(), key=lambda item: -sum(item[1]))
    _find_lines([stack for stack, _ in ranked[:SITES]], heap, world)
    for stack, sizes in ranked[:SITES]:
        out.write(f"    {sum(sizes):>12,} bytes in {len(sizes):,} "
                  f"block{'s' if len(sizes) != 1 else ''}\n")
        for address in stack[:6]:
            _, line, _ = world.place(heap.pid, address - 1)
            name = world.function(heap.pid, address - 1)
            out.write(f"        {name}{f'  ({line})' if line else ''}\n")
            if name == "main":
                break
    if len(ranked) > SITES:
        out.write(f"    and {len(ranked) - SITES} more\n")


def _totals(heap, world, out):
    counts = ", ".join(f"{heap.operations[HEAP[name]]:,} {OPERATION_NAMES[HEAP[name]]}"
                       for name in ("MALLOC", "CALLOC", "REALLOC", "ALIGNED", "FREE")
                       if heap.operations.get(HEAP[name]))
    span = max(heap.last - heap.first, 1)
    out.write(f"  operations      {counts}; {heap.failed:,} failed\n")
    out.write(f"  time            {span:,} {world.unit}\n")
    out.write(f"  peak            {_bytes(heap.peak.live)} in {heap.peak_blocks:,} blocks, after "
              f"{_share(heap.peak.time - heap.first, span)} of the time\n")
    out.write(f"  at the end      {_bytes(heap.live)} in {len(heap.blocks):,} blocks\n")
    out.write(f"  from the kernel {len(heap.grown):,} times, {_bytes(sum(heap.grown))}; given back "
              f"{len(heap.shrunk):,} times, {_bytes(sum(heap.shrunk))}; held at the end "
              f"{_bytes(heap.held)}\n")
    if heap.faults:
        most = max(sample.touched for sample in heap.samples)
        out.write(f"  touched         {_bytes(most)} at most: {most / max(heap.peak.live, 1):.2f} "
                  "times the peak of live bytes\n")
    else:
        out.write("  touched         not known: the trace has no page faults\n")
    if heap.unknown:
        out.write(f"  {heap.unknown:,} frees of blocks from before the trace\n")


def name_of(pid, world):
    return os.path.basename(world.process(pid).program) or world.task_name(pid)


def write(heaps, world, out, bold):
    for pid, heap in sorted(heaps.items()):
        out.write(bold(f"The heap of process {pid} ({name_of(pid, world)})") + "\n")
        _totals(heap, world, out)
        _histogram(heap.sizes, out, "bytes asked for", "bytes")
        _histogram([time for time, _ in heap.lifetimes], out, "lifetime", world.unit)
        _moments(heap, out)
        _sites(heap, world, out)
        out.write("\n")
