# SPDX-License-Identifier: MIT
"""The bitmap fonts of user/lib/font_spleen.c, so that both pictures are written in one hand."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE = os.path.join(ROOT, "user", "lib", "font_spleen.c")
FIRST, LAST = ord(" "), ord("~")


class Font:
    """`rows(character)`: one integer a row, the leftmost pixel its highest bit."""

    def __init__(self, width, height, words):
        self.width, self.height = width, height
        each = (width * height + 63) // 64
        self.glyphs = []
        for at in range(0, len(words), each):
            bits = 0
            for word in words[at:at + each]:
                bits = bits << 64 | word
            self.glyphs.append(bits >> (64 * each - width * height))

    def rows(self, character):
        code = ord(character)
        bits = self.glyphs[(code if FIRST <= code <= LAST else ord("?")) - FIRST]
        mask = (1 << self.width) - 1
        return [bits >> (self.width * (self.height - 1 - row)) & mask
                for row in range(self.height)]


def load():
    """The fonts by their height."""
    with open(SOURCE, encoding="ascii") as file:
        text = file.read()
    fonts = {}
    for width, height, body in re.findall(r"bits_(\d+)x(\d+)\[\] = \{(.*?)\};", text, re.S):
        words = [int(word, 16) for word in re.findall(r"0x([0-9a-f]+)", body)]
        fonts[int(height)] = Font(int(width), int(height), words)
    return fonts
