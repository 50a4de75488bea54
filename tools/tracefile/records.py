# SPDX-License-Identifier: MIT
"""Records of a trace file, in the order of time."""
import operator
import struct
import sys
import time
from typing import NamedTuple

from . import TraceError
from .header import EVENTS, EVENT_NAMES

FORM = struct.Struct("<QHHi6Q")
VERSION = 2


class Record(NamedTuple):
    time: int
    event: int
    cpu: int
    task: int
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int

    @property
    def name(self):
        return EVENT_NAMES.get(self.event, str(self.event))

    def signed(self, value):
        return value - (1 << 64) if value >> 63 else value


class Progress:
    """A line on the terminal for what takes longer than two seconds."""

    def __init__(self, what):
        self.what = what
        self.began = time.monotonic()
        self.shown = False
        self.next = self.began + 2

    def at(self, done, of):
        if time.monotonic() < self.next or not sys.stderr.isatty():
            return
        self.next += 0.2
        self.shown = True
        print(f"\r{self.what}: {100 * done // max(of, 1)} %", end="", file=sys.stderr, flush=True)

    def end(self):
        if self.shown:
            print("\r" + " " * (len(self.what) + 8) + "\r", end="", file=sys.stderr, flush=True)


def _check(records, path):
    for record in records:
        if record[1] == EVENTS["START"]:
            if record[4] != VERSION:
                raise TraceError(f"{path}: records of version {record[4]}, not {VERSION}")
            return
    if records:
        raise TraceError(f"{path}: not a trace (it has no beginning)")
    raise TraceError(f"{path}: an empty trace: did the kernel start?")


def read(path):
    """All records of a file, sorted by time. Those of the launcher come first, at time 0."""
    try:
        with (sys.stdin.buffer if path == "-" else open(path, "rb")) as file:
            data = file.read()
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from None
    # A run that was killed may have left part of a record.
    data = memoryview(data)[:len(data) // FORM.size * FORM.size]
    records = []
    progress = Progress("reading")
    for at in range(0, len(data), FORM.size << 16):
        records += FORM.iter_unpack(data[at:at + (FORM.size << 16)])
        progress.at(at, len(data))
    progress.end()
    _check(records, path)
    records.sort(key=operator.itemgetter(0))
    return [Record._make(record) for record in records]
