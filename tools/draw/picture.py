# SPDX-License-Identifier: MIT
"""The picture: where everything stands, and drawing it. user/memmap/picture.c draws the same on
the kernel's framebuffer."""

WIDTH, HEIGHT = 1024, 768
MARGIN = 24
MAP = (80, 80, 656, 520)  # x, y, width, height: room for the marks of the frames
LEGEND_Y = 614
LEGEND_STEP = 34  # there is room for a fourth row of owners
SIDE = (764, 80, 236, 664)  # room for processes

BACKGROUND = 0x0B0E14
BRIGHT, DIM, OUTLINE = 0xF2F5F9, 0x9AA5B4, 0x46505E
CAPTION = 0xFFD48A

NONE, FREE = 0, 1  # the first two of every dump's owners
COLUMN_STEP = 32
ROWS_LIMITS = (1024, 16, 8, 4, 2, 1)  # rows of marks a mapping may have: at first all it needs
SIDE_CELLS = (10, 9, 8, 7, 6, 5, 4)


class Grid:
    """Marks of `count` frames in a room: `scale` frames a mark, `columns` marks a row."""

    def __init__(self, count, width, height):
        self.scale = 1
        while True:
            for cell in range(12, 1, -1):
                columns = width // cell // COLUMN_STEP * COLUMN_STEP
                if columns and columns * (height // cell) * self.scale >= count:
                    self.cell, self.columns = cell, columns
                    self.mark = cell - 1 if cell > 2 else cell
                    self._narrow(count, height)
                    return
            self.scale *= 2

    def _narrow(self, count, height):
        """Round addresses at the rows' beginnings if there is room for more rows."""
        columns = 1 << (self.columns.bit_length() - 1)
        if columns * (height // self.cell) * self.scale >= count:
            self.columns = columns


def vote(owners, first, scale):
    """The owner that most of the frames of a mark have."""
    if scale == 1:
        return owners[first]
    block = owners[first:first + scale]
    return max(dict.fromkeys(block), key=block.count)


def runs(owners, first, columns, scale):
    """(column, count, owner) of equal neighbours in one row."""
    row = [vote(owners, at, scale)
           for at in range(first, min(first + columns * scale, len(owners)), scale)]
    begin = 0
    for at in range(1, len(row) + 1):
        if at == len(row) or row[at] != row[begin]:
            yield begin, at - begin, row[begin]
            begin = at


def size_text(size):
    if size >= 1 << 20:
        tenths = (size & 0xFFFFF) * 10 >> 20
        return f"{size >> 20}{f'.{tenths}' if tenths else ''} MiB"
    return f"{size >> 10} KiB"


def draw_title(canvas, dump, grid):
    ram = dump.frames - dump.looks[NONE].frames
    frames = "one frame" if grid.scale == 1 else f"{grid.scale} frames"
    most = ", as most of them" if grid.scale > 1 else ""
    canvas.text(MARGIN, 18, "Physical memory", BRIGHT, height=24)
    canvas.text(MARGIN + 16 * 12, 24, f"{size_text(ram * dump.page_size)} of RAM in {ram} frames: "
                f"one mark is {frames} of {dump.page_size >> 10} KiB{most}", DIM)
    canvas.text(MARGIN, 50, dump.caption, CAPTION)


def draw_map(canvas, dump, grid):
    x, y, _, _ = MAP
    row_frames = grid.columns * grid.scale
    label_rows = 1
    while label_rows * grid.cell < 30:
        label_rows *= 2
    for row, first in enumerate(range(0, dump.frames, row_frames)):
        if row % label_rows == 0:
            label = size_text(first * dump.page_size) if first else "0"
            canvas.text(x - 8 - 6 * len(label), y + row * grid.cell - 3, label, DIM, height=12)
        for column, count, owner in runs(dump.owners, first, grid.columns, grid.scale):
            if owner != NONE:
                canvas.marks(x + column * grid.cell, y + row * grid.cell, count, grid.cell,
                             grid.mark, dump.looks[owner].colour)


def draw_bar(canvas, dump):
    """What share of RAM each owner has."""
    x, width = MARGIN, MAP[0] + MAP[2] - MARGIN
    ram = dump.frames - dump.looks[NONE].frames
    done = at = 0
    for look in dump.looks[FREE + 1:]:
        done += look.frames
        end = max(width * done // ram, at + (look.frames > 0))  # what there is can be seen
        if end > at:
            canvas.rectangle(x + at, LEGEND_Y, end - at, 10, look.colour)
            at = end
    canvas.rectangle(x + at, LEGEND_Y, width - at, 10, dump.looks[FREE].colour)


def draw_legend(canvas, dump):
    for place, look in enumerate(dump.looks[1:]):
        x, y = MARGIN + place % 3 * 240, LEGEND_Y + 20 + place // 3 * LEGEND_STEP
        count = f"{look.frames} = {size_text(look.frames * dump.page_size)}"
        canvas.rectangle(x, y + 2, 13, 13, look.colour)
        canvas.text(x + 20, y, look.name, BRIGHT)
        canvas.text(x + 224 - 6 * len(count), y + 2, count, BRIGHT, height=12)
        canvas.text(x + 20, y + 17, look.meaning, DIM, height=12)


def area_scale(area, columns, limit):
    """Pages a mark, so that a mapping has at most `limit` rows."""
    scale = 1
    while len(area.owners) > scale * columns * limit:
        scale *= 2
    return scale


def area_height(area, cell, limit):
    columns = SIDE[2] // cell
    row = area_scale(area, columns, limit) * columns
    return 20 + cell * -(-len(area.owners) // row)


def side_height(processes, cell, limit):
    return sum(54 + sum(area_height(area, cell, limit) for area in process.areas)
               for process in processes)


def side_fit(processes):
    """Cell size and row limit with which the processes fit beside the map."""
    for limit in ROWS_LIMITS:
        for cell in SIDE_CELLS:
            if side_height(processes, cell, limit) <= SIDE[3]:
                return cell, limit
    return SIDE_CELLS[-1], ROWS_LIMITS[-1]


def draw_area(canvas, dump, area, y, cell, limit):
    x, columns = SIDE[0], SIDE[2] // cell
    scale = area_scale(area, columns, limit)
    pages = len(area.owners)
    name = area.name.rsplit("/", 1)[-1][:18]
    note = f"{pages} page{'s' if pages != 1 else ''}"
    if scale > 1:
        note += f", {scale} a mark"
    canvas.text(x, y, f"{name} {area.protection}", BRIGHT, height=12)
    canvas.text(x + SIDE[2] - 6 * len(note), y, note, DIM, height=12)
    y += 14
    for first in range(0, pages, columns * scale):
        for column, count, owner in runs(area.owners, first, columns, scale):
            if owner != NONE:
                canvas.marks(x + column * cell, y, count, cell, cell - 1,
                             dump.looks[owner].colour)
                continue
            for at in range(column, column + count):
                canvas.outline(x + at * cell, y, cell - 1, OUTLINE)
        y += cell


def draw_processes(canvas, dump):
    x, y, _, height = SIDE
    cell, limit = side_fit(dump.processes)
    if dump.processes:
        canvas.text(x, HEIGHT - 20, "an outline: a page without a frame", DIM, height=12)
    for process in dump.processes:
        owners = [owner for area in process.areas for owner in area.owners]
        canvas.text(x, y, f"Process {process.pid}: {process.name}", BRIGHT)
        canvas.text(x, y + 18, f"{process.pages} pages, {len(owners) - owners.count(NONE)} with "
                    "a frame", DIM, height=12)
        y += 36
        for area in process.areas:
            if y + area_height(area, cell, limit) > SIDE[1] + height + 18:
                return
            draw_area(canvas, dump, area, y, cell, limit)
            y += area_height(area, cell, limit)
        y += 18


def draw(dump, kind):
    """The picture of a dump as bytes; `kind`: a class of canvas.py."""
    canvas = kind(WIDTH, HEIGHT, BACKGROUND)
    grid = Grid(dump.frames, MAP[2], MAP[3])
    draw_title(canvas, dump, grid)
    draw_map(canvas, dump, grid)
    draw_bar(canvas, dump)
    draw_legend(canvas, dump)
    draw_processes(canvas, dump)
    return canvas.bytes()
