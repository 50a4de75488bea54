#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The picture of physical memory: what it shows is counted, mark by mark, and compared with what
the kernel counts itself."""
import os
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

MAP = (80, 80, 656, 520)  # where the marks of frames are: x, y, width, height
PICTURE = os.path.join(harness.ROOT, "tools", "picture")
# The kernel's kinds by what the picture calls them; memory of processes stands apart.
OWNERS = {"free": ["free"], "file": ["file"], "zero": ["zero"], "page table": ["page-table"],
          "slab": ["slab"], "reserved": ["reserved"],
          "kernel": ["kernel-image", "boot", "initrd", "frame-table", "kernel-stack", "kernel"]}
PROCESSES = {"anonymous", "copy-on-write"}


class Truth:
    """What the kernel counted, from the lines of a dump."""

    def __init__(self, dump):
        kinds = dict(re.findall(r"^kind (\S+) (\d+)$", dump, re.M))
        self.kinds = {name: int(count) for name, count in kinds.items()}
        self.colours, self.claims = {}, {}
        for colour, count, name in re.findall(r"^owner (\w+) (\d+) ([^:]+):", dump, re.M):
            self.colours[int(colour, 16)] = name
            self.claims[name] = int(count)

    def difference(self, counts):
        """What of {owner: frames} is not as the kernel counts; "" when all is."""
        wrong = [f"{owner}: {counts.get(owner, 0)} marks, {sum(self.kinds[k] for k in kinds)} frames"
                 for owner, kinds in OWNERS.items()
                 if counts.get(owner, 0) != sum(self.kinds[kind] for kind in kinds)]
        processes = sum(counts.get(owner, 0) for owner in PROCESSES)
        if processes != self.kinds["anonymous"]:
            wrong.append(f"processes: {processes} marks, {self.kinds['anonymous']} frames")
        return "\n".join(wrong)


def pixels(path):
    """Rows of colours of a PNG, of the two forms that occur: 8 bits of RGB, no interlacing."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, depth, form = struct.unpack_from(">IIBB", data, at + 8)
            assert depth == 8 and form == 2
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    raw, line = zlib.decompress(packed), 3 * width
    above, rows = bytearray(line), []
    for start in range(0, height * (line + 1), line + 1):
        above = unfilter(raw[start], raw[start + 1:start + 1 + line], above)
        rows.append([int.from_bytes(above[i:i + 3], "big") for i in range(0, line, 3)])
    return rows


def unfilter(method, packed, above):
    """One row as it was before PNG's filter (PNG specification, 9.2)."""
    row = bytearray(packed)
    if method == 2:
        return bytearray(a + b & 255 for a, b in zip(row, above))
    for i, value in enumerate(row):
        left = row[i - 3] if i >= 3 and method in (1, 3, 4) else 0
        corner = above[i - 3] if i >= 3 else 0
        if method == 3:
            value += (left + above[i]) // 2
        elif method == 4:
            guess = left + above[i] - corner
            nearest = min((abs(guess - x), place, x)
                          for place, x in enumerate((left, above[i], corner)))
            value += nearest[2]
        else:
            value += left
        row[i] = value & 255
    return row


def count_marks(rows, truth):
    """Marks by owner in the map, and whether each is whole and in its place."""
    x0, y0, width, height = MAP
    counts, sizes = {}, set()
    seen = set()
    for y in range(y0, y0 + height):
        for x in range(x0, x0 + width):
            colour = rows[y][x]
            name = truth.colours.get(colour, "?")
            if name == "no RAM" or (x, y) in seen:
                continue
            size = 1
            while size < 16 and x + size < x0 + width and rows[y][x + size] == colour:
                size += 1
            seen.update((x + i, y + j) for i in range(size) for j in range(size))
            whole = all(rows[y + j][x + i] == colour for i in range(size) for j in range(size))
            sizes.add((size, whole))
            counts[name] = counts.get(name, 0) + 1
    return counts, sizes


def count_svg(path, truth):
    """The same from the dashed lines of an SVG: those that begin in the map."""
    counts = {}
    for shape in xml.etree.ElementTree.parse(path).getroot():
        if not shape.tag.endswith("path"):
            continue
        dashes = shape.get("stroke-dasharray").split()
        mark, cell = int(dashes[0]), int(dashes[0]) + int(dashes[1])
        owner = truth.colours[int(shape.get("stroke")[1:], 16)]
        for x, length in re.findall(r"M(\d+) [\d.]+h(\d+)", shape.get("d")):
            if int(x) < MAP[0] + MAP[2]:
                counts[owner] = counts.get(owner, 0) + (int(length) - mark) // cell + 1
    return counts


def dump(*arguments, memory="64M", cpus="1"):
    return harness.launch(["--quiet", "--icount", "--memory", memory, "--cpus", cpus,
                           "--initrd", harness.built("initrd.cpio"), "/bin/memmap", *arguments])


def draw(directory, text, name):
    path = os.path.join(directory, name)
    done = subprocess.run([PICTURE, "-", "-o", path], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return path, done.returncode, done.stdout.decode()


def test_pictures(tap, directory):
    result = dump("--dump", "--caption", "A test", "1")
    text = result.output.decode()
    if not tap.ok(result.status == 0 and text.endswith("end\n"), "a dump", result.describe()):
        return
    truth = Truth(text)
    tap.ok(not truth.difference(truth.claims), "its totals are the kernel's own",
           truth.difference(truth.claims))
    path, status, said = draw(directory, result.output, "a.png")
    tap.ok(status == 0, "becomes a PNG", said)
    counts, sizes = count_marks(pixels(path), truth)
    tap.ok(len(sizes) == 1 and all(whole for _, whole in sizes),
           "all marks have one size and one colour", sizes)
    tap.ok(not truth.difference(counts), "there is one mark for each frame of each owner",
           truth.difference(counts))
    path, status, said = draw(directory, result.output, "a.svg")
    tap.ok(status == 0, "becomes an SVG", said)
    counts = count_svg(path, truth)
    tap.ok(not truth.difference(counts), "with the same marks", truth.difference(counts))
    _, status, said = draw(directory, result.output[:result.output.rindex(b"pages ")], "a.svg")
    tap.ok(status == 1 and "ends before" in said, "half a dump is refused", said)


STEPS = 6    # marks of user/picture_demo.c
PAGES = 512  # it shares with its child, and writes


def test_screen(tap, directory):
    """The program's marks on the screen, and what its dumps of the same moments become."""
    path = os.path.join(directory, "screen.png")
    result = harness.launch(["--quiet", "--icount", "--memory", "32M", f"--picture={path}",
                             "--initrd", harness.built("initrd.cpio"), "/bin/memmap", "--draw",
                             "--dump", "--run", "/bin/picture_demo"])
    names = [path] + [path.replace(".png", f"-{step}.png") for step in range(1, STEPS + 1)]
    if not tap.ok(result.status == 0 and all(map(os.path.exists, names)),
                  "a picture of the screen at each mark and at the end", result.describe()):
        return
    draw(directory, result.output, "drawn.png")
    drawn = [os.path.join(directory, f"drawn-{step}.png") for step in range(1, STEPS + 1)]
    differ = [step for step in range(STEPS) if contents(names[step + 1]) != contents(drawn[step])]
    tap.ok(not differ, "each is, pixel by pixel, what tools/picture makes of the dump", differ)
    dumps = [Truth(part) for part in result.output.decode().split("\nmemory ")[1:]]
    counts, _ = count_marks(pixels(names[3]), dumps[2])
    tap.ok(not dumps[2].difference(counts), "the screen has one mark for each frame of each owner",
           dumps[2].difference(counts))
    shared = [truth.claims["copy-on-write"] for truth in dumps]
    changes = [shared[2] - shared[1], shared[3] - shared[2], shared[4] - shared[3], shared[5]]
    tap.ok(shared[1] == 0 and PAGES <= changes[0] < PAGES + 16 and changes[1] == -PAGES // 2 and
           -PAGES // 4 - 8 <= changes[2] <= -PAGES // 4 and changes[3] == 0,
           "fork turns pages to the shared colour, and writes turn them back", shared)


def test_large(tap, directory):
    """Where a mark is several frames, both ways of drawing agree on what most of them are."""
    path = os.path.join(directory, "large.png")
    result = harness.launch(["--quiet", "--icount", "--memory", "1G", f"--picture={path}",
                             "--initrd", harness.built("initrd.cpio"), "/bin/memmap", "--draw",
                             "--dump", "--run", "/bin/picture_demo"])
    draw(directory, result.output, "drawn.png")
    wanted = [contents(os.path.join(directory, f"drawn-{step}.png"))
              for step in range(1, STEPS + 1)]
    got = [contents(path.replace(".png", f"-{step}.png")) for step in range(1, STEPS + 1)]
    tap.ok(result.status == 0 and got == wanted, "so it is with several frames a mark",
           result.describe())


def test_brief(tap, directory):
    """A program that ends before there was time for a picture has one all the same."""
    path = os.path.join(directory, "brief.png")
    result = harness.launch(["--quiet", "--icount", f"--picture={path}", "--initrd",
                             harness.built("initrd.cpio"), "/bin/cow"])
    colours = {colour for row in pixels(path) for colour in row}
    tap.ok(result.status == 0 and len(colours) > 5, "a program that ends at once has a picture",
           colours)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def test_text(tap):
    result = dump("--scale", "1")
    text = result.output.decode()
    rows = re.findall(r"^ +(?:0x)?[0-9a-f]+  (.*)$", text, re.M)
    letters = "".join(rows)
    totals = re.findall(r"^  (\S) .{14} *(\d+) frames", text, re.M)
    wrong = [(letter, count, letters.count(letter)) for letter, count in totals
             if letters.count(letter) != int(count)]
    tap.ok(result.status == 0 and len(totals) == 9 and not wrong,
           "as text: one letter for each frame, as many as the legend says",
           f"{wrong}\n{result.describe()}")
    tap.ok("otherwise" not in text, "and the kernel counts the same", result.describe())
    total = int(re.search(r"total +(\d+) frames", text)[1])
    tap.ok(sum(int(count) for _, count in totals) == total, "they add up to all of RAM", text)
    tap.ok("\033" not in text, "no colours where there is no terminal", text[:500])
    result = dump("nobody")
    tap.ok(result.status == 1 and b"no process nobody" in result.errors,
           "a process that is not there is said to be", result.describe())


def test_device(tap, directory, *ways):
    """/dev/fb0 by a program that knows it from Linux, and what the screen shows then."""
    path = os.path.join(directory, "device.png")
    name = " ".join(ways) or "-kernel"
    # The program itself marks the end: nothing else draws.
    result = harness.launch(["--quiet", *ways, f"--picture={path}", "--initrd",
                             harness.built("initrd.cpio"), "--file",
                             harness.built("tests", "scenario", "framebuffer") + ":/bin/screen",
                             "/bin/memmap", "--text", "--run", "/bin/screen"], limit=100)
    lines = result.output.decode().splitlines()
    tap.ok(result.status == 0 and lines[-1:] == ["1..39"] and
           all(line.startswith("ok ") for line in lines[:-1]),
           f"{name}: /dev/fb0 answers as Linux's", result.describe())
    counts = {}
    for row in pixels(path):
        for colour in row:
            counts[colour] = counts.get(colour, 0) + 1
    wanted = {0xFF0000: 30 * 40, 0x00FF00: 31 * 40, 0x0000FF: 32 * 40}
    wanted[0] = 1024 * 768 - sum(wanted.values())
    tap.ok(counts == wanted, f"{name}: and what was written is on the screen", counts)


def test_no_screen(tap):
    result = harness.launch(["--quiet", "--initrd", harness.built("initrd.cpio"), "/bin/memmap",
                             "--draw"])
    tap.ok(result.status == 2 and b"the screen: No such file" in result.errors,
           "without a screen there is no /dev/fb0, and memmap --draw says so", result.describe())


def main():
    tap = harness.Tap()
    with tempfile.TemporaryDirectory() as directory:
        test_pictures(tap, directory)
        test_screen(tap, directory)
        test_large(tap, directory)
        test_brief(tap, directory)
        test_device(tap, directory)
        test_device(tap, directory, "--iso")
    test_no_screen(tap)
    test_text(tap)
    return tap.done()


sys.exit(main())
