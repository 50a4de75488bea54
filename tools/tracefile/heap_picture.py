# SPDX-License-Identifier: MIT
"""The heap of a process as a picture (SVG): how much over time, and what every piece of it is at
the peak and at the end. Light background; colours that are told apart without red and green."""
import bisect
import html

from .heap_report import name_of
from .world import PAGE

WIDTH, SIDE, LABEL = 1000, 30, 100
CHART = 220        # height of the chart
CELL, COLUMNS = 7, 120
MARKS_MAX = 6000   # of one map
UNIT = 16          # bytes: nothing in a heap is smaller

USED, WAITING, FREE, UNTOUCHED = range(4)
KINDS = [("used", "#0072b2", "blocks that the program has"),
         ("used, not touched yet", "#7fc4ea", "blocks whose pages nobody has touched"),
         ("free", "#e69f00", "free blocks and headers, in pages that were touched"),
         ("never touched", "#dcdcdc", "addresses without memory")]


def _overlap(ranges, starts, low, high):
    """Bytes of [low, high) that lie in the sorted ranges."""
    total, at = 0, max(bisect.bisect(starts, low) - 1, 0)
    while at < len(ranges) and ranges[at][0] < high:
        total += max(min(ranges[at][1], high) - max(ranges[at][0], low), 0)
        at += 1
    return total


def classify(snapshot):
    """Bytes of each kind, and a function that tells them for [low, high)."""
    starts = [start for start, _ in snapshot.blocks]

    def kinds(low, high):
        sums = [0, 0, 0, 0]
        for page in range(low // PAGE, -(-high // PAGE)):
            first, last = max(low, page * PAGE), min(high, (page + 1) * PAGE)
            used = _overlap(snapshot.blocks, starts, first, last)
            touched = page in snapshot.pages
            sums[USED if touched else WAITING] += used
            sums[FREE if touched else UNTOUCHED] += last - first - used
        return sums

    totals = [0, 0, 0, 0]
    for low, high in snapshot.extents:
        for kind, amount in enumerate(kinds(low, high)):
            totals[kind] += amount
    return totals, kinds


class Drawing:
    def __init__(self):
        self.shapes = []
        self.y = 0

    def text(self, x, y, text, size=13, colour="#222", anchor="start", bold=False):
        weight = ' font-weight="bold"' if bold else ""
        self.shapes.append(f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" '
                           f'text-anchor="{anchor}"{weight}>{html.escape(text)}</text>')

    def rectangle(self, x, y, width, height, colour, title=""):
        tip = f"<title>{html.escape(title)}</title>" if title else ""
        self.shapes.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
                           f'fill="{colour}">{tip}</rect>')

    def write(self, out):
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.y}" '
                  f'width="{WIDTH}" height="{self.y}" font-family="DejaVu Sans, Arial, sans-serif">\n'
                  f'<rect width="{WIDTH}" height="{self.y}" fill="#ffffff"/>\n')
        out.write("\n".join(self.shapes) + "\n</svg>\n")


def _amount(number):
    return f"{number / 1048576:.1f} MiB" if number >= 10 << 20 else f"{number / 1024:,.0f} KiB"


def _steps(samples, first, span, value, most, left, top, width):
    """The outline of an area that changes at each sample, at most one step a pixel."""
    points, last = [], None
    for sample in samples:
        x = left + width * (sample.time - first) / span
        y = top + CHART * (1 - value(sample) / most)
        if last is not None and int(x) == int(last[0]):
            points[-1] = (points[-1][0], min(points[-1][1], y))
            continue
        if last is not None:
            points.append((x, points[-1][1]))
        points.append((x, y))
        last = (x, y)
    points.append((left + width, points[-1][1]))
    return f"M{left:.1f} {top + CHART}" + "".join(f"L{x:.1f} {y:.1f}" for x, y in points) + \
        f"L{left + width:.1f} {top + CHART}Z"


def _chart(drawing, heap, world):
    left, width, top = SIDE + LABEL, WIDTH - 2 * SIDE - LABEL, drawing.y + 34
    span = max(heap.last - heap.first, 1)
    most = max(sample.held for sample in heap.samples) or 1
    drawing.text(SIDE, drawing.y + 18, "Over time", 15, bold=True)
    curves = [("had from the kernel", "#dcdcdc", lambda sample: sample.held)]
    if heap.faults:
        curves.append(("touched", "#e69f00", lambda sample: sample.touched))
    curves.append(("live", "#0072b2", lambda sample: sample.live))
    x = left + width
    for name, colour, value in curves:
        outline = _steps(heap.samples, heap.first, span, value, most, left, top, width)
        drawing.shapes.append(f'<path d="{outline}" fill="{colour}"/>')
        x -= 24 + 7.5 * len(name)
        drawing.rectangle(x, drawing.y + 8, 12, 12, colour)
        drawing.text(x + 17, drawing.y + 18, name, 12)
    for part in range(0, 5):
        y = top + CHART * (1 - part / 4)
        drawing.rectangle(left, y, width, 0.5, "#999999")
        drawing.text(left - 8, y + 4, _amount(most * part / 4), 11, "#555", "end")
        drawing.text(left + width * part / 4, top + CHART + 16,
                     f"{span * part // 4:,}" + (f" {world.unit}" if part == 4 else ""), 11, "#555",
                     "end" if part == 4 else "middle")
    peak = left + width * (heap.peak.time - heap.first) / span
    drawing.shapes.append(f'<path d="M{peak:.1f} {top}v{CHART}" stroke="#222" '
                          'stroke-dasharray="4 3"/>')
    late = peak > left + width * 0.8
    drawing.text(peak - 5 if late else peak + 5, top + 14, f"peak: {_amount(heap.peak.live)} live", 12,
                 anchor="end" if late else "start")
    drawing.y = top + CHART + 36


def _scale(snapshot):
    """Bytes a mark, a power of two."""
    total = sum(high - low for low, high in snapshot.extents)
    scale = UNIT
    while total / scale > MARKS_MAX:
        scale *= 2
    return scale


def _map(drawing, title, snapshot):
    totals, kinds = classify(snapshot)
    scale = _scale(snapshot)
    drawing.text(SIDE, drawing.y + 18, title, 15, bold=True)
    drawing.text(WIDTH - SIDE, drawing.y + 18, f"one mark is {scale:,} bytes, a row "
                 f"{_amount(scale * COLUMNS)}", 12, "#555", "end")
    drawing.y += 34
    for low, high in snapshot.extents:
        for number, row in enumerate(range(low, high, scale * COLUMNS)):
            if number % 4 == 0:
                drawing.text(SIDE + LABEL - 8, drawing.y + CELL + 1, f"{row:x}", 10, "#777", "end")
            _row(drawing, kinds, row, min(row + scale * COLUMNS, high), scale)
            drawing.y += CELL
        drawing.y += 8
    whole = max(sum(totals), 1)
    x = SIDE + LABEL
    for (name, colour, what), amount in zip(KINDS, totals):
        drawing.rectangle(x, drawing.y + 8, 12, 12, colour, what)
        drawing.text(x + 17, drawing.y + 18,
                     f"{name}: {_amount(amount)} ({100 * amount / whole:.0f} %)", 12)
        x += 130 + 7 * len(name)
    drawing.y += 42


def _row(drawing, kinds, low, high, scale):
    """Marks of one kind next to each other are one shape."""
    begun, before = 0, None
    count = -(-(high - low) // scale)
    for column in range(count + 1):
        kind = None
        if column < count:
            at = low + column * scale
            sums = kinds(at, min(at + scale, high))
            kind = sums.index(max(sums))
        if kind != before:
            if before is not None:
                drawing.rectangle(SIDE + LABEL + begun * CELL, drawing.y,
                                  (column - begun) * CELL - 0.6, CELL - 0.6, KINDS[before][1])
            begun, before = column, kind


def write(heaps, world, out):
    drawing = Drawing()
    for pid, heap in sorted(heaps.items()):
        drawing.text(SIDE, drawing.y + 30, f"The heap of process {pid} ({name_of(pid, world)})",
                     18, bold=True)
        drawing.text(WIDTH - SIDE, drawing.y + 30, f"{heap.count:,} operations", 13, "#555", "end")
        drawing.y += 48
        _chart(drawing, heap, world)
        end = heap.snapshot(heap.last)
        if heap.peak_snapshot and heap.peak_snapshot.blocks != end.blocks:
            _map(drawing, "Just after the peak, by address", heap.peak_snapshot)
        _map(drawing, "At the end, by address", end)
    drawing.write(out)
