# SPDX-License-Identifier: MIT
"""Several moments of one run side by side: what changes from one to the next can be seen at once.
Of each process only its largest mapping is shown."""
import textwrap

from .picture import (BACKGROUND, BRIGHT, CAPTION, DIM, FREE, NONE, OUTLINE, Grid, runs,
                      size_text)

MARGIN, GAP = 16, 20
PANEL = 256      # width of a moment
PAGE_CELL = 4    # of the marks of pages
MAP_HEIGHT = 260
NAMES = ("parent", "child")
COUNTED = ("anonymous", "copy-on-write")  # what is said in figures below each


def _owners_of(process):
    """Of the pages of the largest mapping."""
    return max((area.owners for area in process.areas), key=len, default=[])


def _draw_pages(canvas, dump, owners, x, y):
    columns = PANEL // PAGE_CELL
    for first in range(0, len(owners), columns):
        for column, count, owner in runs(owners, first, columns, 1):
            if owner != NONE:
                canvas.marks(x + column * PAGE_CELL, y, count, PAGE_CELL, PAGE_CELL - 1,
                             dump.looks[owner].colour)
                continue
            for at in range(column, column + count):
                canvas.outline(x + at * PAGE_CELL, y, PAGE_CELL - 1, OUTLINE)
        y += PAGE_CELL


def _draw_map(canvas, dump, grid, x, y):
    step = grid.columns * grid.scale
    for row, first in enumerate(range(0, dump.frames, step)):
        for column, count, owner in runs(dump.owners, first, grid.columns, grid.scale):
            if owner != NONE:
                canvas.marks(x + column * grid.cell, y + row * grid.cell, count, grid.cell,
                             grid.mark, dump.looks[owner].colour)


def _draw_counts(canvas, dump, x, y):
    for look in dump.looks:
        if look.name not in COUNTED:
            continue
        canvas.rectangle(x, y + 1, 10, 10, look.colour)
        canvas.text(x + 16, y, f"{look.name}: {look.frames} = "
                    f"{size_text(look.frames * dump.page_size)}", BRIGHT, height=12)
        y += 16


def _draw_legend(canvas, dump, y):
    x = MARGIN
    for look in dump.looks[FREE:]:
        canvas.rectangle(x, y + 1, 10, 10, look.colour)
        canvas.text(x + 16, y, look.name, DIM, height=12)
        x += 34 + 6 * len(look.name)


class _Rows:
    """Where things stand in every panel: the same height everywhere, so that rows compare."""

    def __init__(self, dumps):
        columns = PANEL // PAGE_CELL
        pages = max(len(_owners_of(process)) for dump in dumps for process in dump.processes)
        self.block = PAGE_CELL * -(-pages // columns)
        self.processes = MARGIN + 3 * 14 + 10
        self.map = self.processes + len(NAMES) * (self.block + 24) + 6
        self.counts = self.map + 22 + MAP_HEIGHT
        self.legend = self.counts + 16 * len(COUNTED) + 14
        self.end = self.legend + 12 + MARGIN


def _draw_moment(canvas, dump, rows, x):
    for number, line in enumerate(textwrap.wrap(dump.caption, PANEL // 6)[:3]):
        canvas.text(x, MARGIN + 14 * number, line, CAPTION, height=12)
    for number, name in enumerate(NAMES):
        y = rows.processes + number * (rows.block + 24)
        there = number < len(dump.processes)
        canvas.text(x, y, f"pages of the {name}" if there else f"no {name}", DIM, height=12)
        if there:
            _draw_pages(canvas, dump, _owners_of(dump.processes[number]), x, y + 14)
    canvas.text(x, rows.map, "frames of RAM", DIM, height=12)
    _draw_map(canvas, dump, Grid(dump.frames, PANEL, MAP_HEIGHT), x, rows.map + 14)
    _draw_counts(canvas, dump, x, rows.counts)


def draw(dumps, kind):
    """The picture of several dumps as bytes; `kind`: a class of canvas.py."""
    rows = _Rows(dumps)
    width = 2 * MARGIN + len(dumps) * PANEL + (len(dumps) - 1) * GAP
    canvas = kind(width, rows.end, BACKGROUND)
    for number, dump in enumerate(dumps):
        _draw_moment(canvas, dump, rows, MARGIN + number * (PANEL + GAP))
    _draw_legend(canvas, dumps[0], rows.legend)
    return canvas.bytes()
