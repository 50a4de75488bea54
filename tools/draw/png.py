# SPDX-License-Identifier: MIT
"""PNG files, as far as they are needed: 8 bits of red, green and blue, no interlacing."""
import struct
import zlib


def _chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def encode(width, rows):
    """`rows`: for each three bytes a pixel."""
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels)
            + _chunk(b"IEND", b""))


def from_ppm(data):
    """A PNG of what QEMU's screendump writes."""
    magic, size, depth, pixels = data.split(b"\n", 3)
    if magic != b"P6" or depth != b"255":
        raise ValueError("not a PPM of 8 bits a colour")
    width, height = map(int, size.split())
    return encode(width, [pixels[3 * width * row:3 * width * (row + 1)] for row in range(height)])
