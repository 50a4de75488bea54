# SPDX-License-Identifier: MIT
"""The host's end of the trace's channel: takes records out of the memory that is shared with the
guest (lib/trace_channel.h) and writes them into a file, while the guest runs."""
import mmap
import os
import re
import struct
import threading

from . import LaunchError
from .options import ROOT

SIZE = 64 << 20
RECORD = 64
BEGIN = 8192
MAGIC = 0x4543415254544C46
WORDS_BEFORE_RINGS = 8
WORDS_OF_RING = 8
WRITTEN, TAKEN, LOST, WAITS = range(4)
NAME_BYTES = 32
POLL = 0.002  # seconds


def _names():
    """Numbers of enum trace_event and enum trace_name."""
    with open(os.path.join(ROOT, "lib", "trace_record.h"), encoding="ascii") as file:
        text = re.sub(r"//[^\n]*", "", file.read())
    numbers = {}
    for body in re.findall(r"enum \w+ \{(.*?)\}", text, re.S):
        value = -1
        for name, given in re.findall(r"(\w+)(?:\s*=\s*(\d+))?\s*,", body):
            value = int(given) if given else value + 1
            numbers[name] = value
    return numbers


def name_records(kind, text):
    """What the launcher knows and the kernel does not, as TRACE_NAME records."""
    numbers = _names()
    data = os.fsencode(text)
    for offset in range(0, max(len(data), 1), NAME_BYTES):
        yield struct.pack("<QHHiQQ32s", 0, numbers["TRACE_NAME"], 0, 0,
                          numbers[kind] | offset << 16 | len(data) << 32, 0,
                          data[offset:offset + NAME_BYTES])


class Channel:
    """A context: a thread of its own empties the rings until the end, and then once more."""

    def __init__(self, path, directory):
        self.shared = os.path.join(directory, "trace.shared")
        try:
            self.output = open(path, "wb", buffering=0)
            with open(self.shared, "wb") as file:
                file.truncate(SIZE)
        except OSError as error:
            raise LaunchError(f"{error.filename}: {error.strerror}") from None
        with open(self.shared, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), SIZE)
        self.bytes = memoryview(self.map)
        self.words = self.bytes[:BEGIN].cast("Q")
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.error = None
        self.lost = self.waits = 0

    def arguments(self):
        """QEMU's."""
        return ["-object", f"memory-backend-file,id=trace,share=on,mem-path={self.shared},"
                f"size={SIZE}", "-device", "ivshmem-plain,memdev=trace,master=on"]

    def describe(self, kernel, icount, origins):
        """First of all, which files the names and addresses in the trace are about."""
        names = [("TRACE_NAME_KERNEL", os.path.abspath(kernel)),
                 ("TRACE_NAME_UNIT", "instructions" if icount else "ticks")]
        names += [("TRACE_NAME_HOST", f"{guest}\0{os.path.abspath(host)}")
                  for guest, host in origins.items()]
        for kind, text in names:
            for record in name_records(kind, text):
                self.output.write(record)

    def _write(self, data):
        while data:
            data = data[self.output.write(data):]

    def _take(self, ring, records):
        """All that is in one ring now."""
        at = WORDS_BEFORE_RINGS + ring * WORDS_OF_RING
        written, taken = self.words[at + WRITTEN], self.words[at + TAKEN]
        while taken < written:
            place = taken % records
            count = min(written - taken, records - place)
            begin = BEGIN + (ring * records + place) * RECORD
            self._write(self.bytes[begin:begin + count * RECORD])
            taken += count
            self.words[at + TAKEN] = taken

    def _empty(self):
        if self.words[0] != MAGIC:
            return
        for ring in range(self.words[1] >> 32):
            self._take(ring, self.words[2])

    def _run(self):
        try:
            while not self.ended.wait(POLL):
                self._empty()
            self._empty()
        except OSError as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for ring in range(self.words[1] >> 32):
            at = WORDS_BEFORE_RINGS + ring * WORDS_OF_RING
            self.lost += self.words[at + LOST]
            self.waits += self.words[at + WAITS]
        self.output.close()
        self.words.release()
        self.bytes.release()
        self.map.close()
