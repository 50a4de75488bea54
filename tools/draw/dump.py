# SPDX-License-Identifier: MIT
"""What `memmap --dump` writes (user/memmap/dump.c), read back."""
from . import PictureError


class Owner:
    def __init__(self, name, colour, frames, meaning):
        self.name, self.colour, self.frames, self.meaning = name, colour, frames, meaning


class Area:
    def __init__(self, start, end, protection, name):
        self.start, self.end, self.protection, self.name = start, end, protection, name
        self.owners = []


class Process:
    def __init__(self, pid, pages, name):
        self.pid, self.pages, self.name = pid, pages, name
        self.areas = []


class Dump:
    """Of one moment. Owners are numbers: places in `looks`."""

    def __init__(self):
        self.frames = self.page_size = None
        self.caption = ""
        self.looks, self.owners, self.processes = [], [], []
        self.complete = False

    def take(self, line):
        """One line; others than the dump's are none of its business."""
        word, _, rest = line.partition(" ")
        if word == "memory":
            self.frames, self.page_size = map(int, rest.split())
        elif word == "caption":
            self.caption = rest
        elif word == "owner":
            colour, frames, text = rest.split(" ", 2)
            name, meaning = text.split(": ", 1)
            self.looks.append(Owner(name, int(colour, 16), int(frames), meaning))
        elif word == "run":
            count, owner = map(int, rest.split())
            self.owners += [owner] * count
        elif word == "process":
            pid, pages, name = rest.split(" ", 2)
            self.processes.append(Process(int(pid), int(pages), name))
        elif word == "area":
            start, end, protection, name = rest.split(" ", 3)
            self.processes[-1].areas.append(Area(int(start, 16), int(end, 16), protection, name))
        elif word == "pages":
            count, owner = map(int, rest.split())
            self.processes[-1].areas[-1].owners += [owner] * count
        elif word == "end":
            self.complete = True

    def check(self):
        if self.frames is None:
            raise PictureError("this is no dump: memmap --dump writes one")
        if not self.complete or len(self.owners) != self.frames:
            raise PictureError("the dump ends before its end")
        for number, look in enumerate(self.looks):
            if self.owners.count(number) != look.frames:
                raise PictureError(f"the dump's frames of kind {look.name} do not add up")


def read(data):
    """All dumps in `data`, in order: what else a program or the kernel prints is passed over."""
    dumps = []
    current = None
    for line in data.decode(errors="replace").splitlines():
        if line.startswith("memory "):
            current = Dump()
            dumps.append(current)
        if current and not current.complete:
            try:
                current.take(line)
            except (ValueError, IndexError):
                raise PictureError(f"a line of the dump is broken: {line[:60]}") from None
    if not dumps:
        raise PictureError("there is no dump in it: memmap --dump writes one")
    for dump in dumps:
        dump.check()
    return dumps
