# SPDX-License-Identifier: MIT
"""Two things to draw on, a PNG and an SVG, with the same calls. Colours are 0xRRGGBB."""
from xml.sax.saxutils import escape

from . import font, png

WIDTHS = {12: 6, 16: 8, 24: 12}  # of a character by the font's height


class Png:
    """Pixels; three bytes each, rows from the top."""

    def __init__(self, width, height, background):
        self.width, self.height = width, height
        self.fonts = font.load()
        row = background.to_bytes(3, "big") * width
        self.rows = [bytearray(row) for _ in range(height)]

    def rectangle(self, x, y, width, height, colour):
        line = colour.to_bytes(3, "big") * width
        for row in self.rows[y:y + height]:
            row[3 * x:3 * (x + width)] = line

    def outline(self, x, y, size, colour):
        for dx, dy, width, height in ((0, 0, size, 1), (0, size - 1, size, 1),
                                      (0, 0, 1, size), (size - 1, 0, 1, size)):
            self.rectangle(x + dx, y + dy, width, height, colour)

    def marks(self, x, y, count, cell, mark, colour):
        """`count` squares in a row, one every `cell` pixels."""
        for i in range(count):
            self.rectangle(x + i * cell, y, mark, mark, colour)

    def text(self, x, y, text, colour, height=16):
        face = self.fonts[height]
        pixel = colour.to_bytes(3, "big")
        for character in text:
            for dy, bits in enumerate(face.rows(character)):
                for dx in range(face.width):
                    if bits >> (face.width - 1 - dx) & 1:
                        self.rows[y + dy][3 * (x + dx):3 * (x + dx) + 3] = pixel
            x += face.width

    def bytes(self):
        return png.encode(self.width, self.rows)


class Svg:
    """Shapes. Marks of one colour and size are one path: each row of them a dashed line."""

    def __init__(self, width, height, background):
        self.width, self.height = width, height
        self.shapes = []
        self.lines = {}
        self.rectangle(0, 0, width, height, background)

    def rectangle(self, x, y, width, height, colour):
        self.shapes.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" '
                           f'fill="#{colour:06x}"/>')

    def outline(self, x, y, size, colour):
        self.shapes.append(f'<rect x="{x + 0.5}" y="{y + 0.5}" width="{size - 1}" '
                           f'height="{size - 1}" fill="none" stroke="#{colour:06x}"/>')

    def marks(self, x, y, count, cell, mark, colour):
        middle = y + mark / 2
        line = f"M{x} {middle:g}h{(count - 1) * cell + mark}"
        self.lines.setdefault((colour, cell, mark), []).append(line)

    def text(self, x, y, text, colour, height=16):
        width = WIDTHS[height] * len(text)
        self.shapes.append(
            f'<text x="{x}" y="{y + height * 0.78:.0f}" font-size="{height * 0.8:g}" '
            f'fill="#{colour:06x}" textLength="{width}" '
            f'lengthAdjust="spacingAndGlyphs" xml:space="preserve">{escape(text)}</text>')

    def bytes(self):
        paths = [f'<path d="{"".join(lines)}" stroke="#{colour:06x}" stroke-width="{mark}" '
                 f'stroke-dasharray="{mark} {cell - mark}"/>' if cell > mark else
                 f'<path d="{"".join(lines)}" stroke="#{colour:06x}" stroke-width="{mark}"/>'
                 for (colour, cell, mark), lines in self.lines.items()]
        return "\n".join(
            [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
             f'width="{self.width}" height="{self.height}" '
             'font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" '
             'shape-rendering="crispEdges">'] + self.shapes + paths + ["</svg>", ""]).encode()
