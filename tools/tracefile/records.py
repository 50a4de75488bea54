# SPDX-License-Identifier: MIT
"""Records of a trace file, in the order of time."""
import operator
import struct
import sys
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


def _check(records, path):
    if not {record[1] for record in records} <= EVENT_NAMES.keys():
        raise TraceError(f"{path}: not a trace, or damaged: it has events that are none")
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
    if len(data) % FORM.size:  # the run was killed, or the disk was full
        print(f"tools/trace: {path}: its last record is not whole; the others are taken",
              file=sys.stderr)
    data = memoryview(data)[:len(data) // FORM.size * FORM.size]
    records = list(FORM.iter_unpack(data))
    _check(records, path)
    records.sort(key=operator.itemgetter(0))
    return [Record._make(record) for record in records]
