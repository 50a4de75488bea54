# SPDX-License-Identifier: MIT
"""Bytes between this process's standard streams and the guest's ports.

The console is the program's stdin and stdout. What it reads comes in frames (two bytes of length,
then that many bytes; length 0: end of file), because a line itself has no end of file; only when
a person sits at both ends, terminal in and terminal out, the line is the guest's terminal and
carries keys as they are typed. Two of QEMU's debug consoles are the program's stderr and the log:
firmware prints on neither.

Nothing is sent before the kernel's log says READY: firmware and GRUB read the port too, and a
UART throws away what it holds when its FIFO is switched on.

One loop, no threads. Each direction holds at most one buffer: a slow reader stops the guest, and
a guest that does not read stops us from reading.
"""
import os
import select
import socket
import stat
import struct
import termios
import time
import tty

CHUNK = 4096  # what a writable pipe is sure to take without blocking
FRAME = 65535  # the longest frame
HELD = 1 << 18  # more bytes than a socket keeps for a reader who is late
PATIENCE = 0.1  # seconds after which half a line is all there is, a prompt

ESCAPE = b"\x01"  # Ctrl-A
READY = b"faultline: console ready"


class Left(Exception):
    """The person at the terminal asked to leave."""


class BrokenPipe(Exception):
    """Nobody reads our standard output any more."""


def nothing_in(descriptor):
    """Whether it is at its end before anything was read. The kernel is told so as it boots, because
    when the end of input arrives over a device is up to the host, and the guest's interrupt shifts
    what comes later even where --icount counts its every instruction."""
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return not os.pread(descriptor, 1, os.lseek(descriptor, 0, os.SEEK_CUR))
        if stat.S_ISCHR(status.st_mode):
            return status.st_rdev == os.stat(os.devnull).st_rdev
        if not stat.S_ISFIFO(status.st_mode):
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return any(seen == select.POLLHUP for _, seen in poll.poll(0))
    except OSError:  # closed
        return True


class Input:
    """Standard input on its way to the console."""

    def __init__(self, descriptor, to, framed, ended=False):
        self.descriptor = descriptor
        self.to = to
        self.framed = framed
        self.pending = b""
        self.ended = ended
        self.escaped = False

    def wants_more(self):
        """Keys are read ahead of a machine that does not take them yet, as one of them leaves."""
        room = not self.pending if self.framed else len(self.pending) < CHUNK
        return room and not self.ended

    def read(self):
        try:
            data = os.read(self.descriptor, FRAME if self.framed else CHUNK)
        except OSError:
            data = b""
        self.ended = not data
        if self.framed:
            self.pending = struct.pack("<H", len(data)) + data
        else:
            self.pending += self._keys(data)

    def _keys(self, data):
        keys = b""
        for key in (data[at:at + 1] for at in range(len(data))):
            if self.escaped:
                self.escaped = False
                if key in b"xX":
                    raise Left
                keys += ESCAPE if key in (b"a", ESCAPE) else ESCAPE + key
            elif key == ESCAPE:
                self.escaped = True
            else:
                keys += key
        return keys

    def write(self):
        try:
            self.pending = self.pending[self.to.send(self.pending):]
        except BlockingIOError:
            pass
        except OSError:
            self.pending, self.ended = b"", True


class Output:
    """A port of the guest on its way to one of our streams, and into a copy when `keep`."""

    def __init__(self, port, descriptor, keep=False, carriage_returns=False):
        self.port = port
        self.descriptor = descriptor  # None: nowhere
        self.kept = bytearray() if keep else None
        self.carriage_returns = carriage_returns
        self.pending = b""
        self.ended = False
        self.unended = False  # whether the last byte left a line unended
        self.latest = 0.0  # when that was, as time.monotonic() says
        self.at_first = lambda: None  # called when the first byte, or the end, has come

    def wants_more(self):
        return not self.ended and not self.pending

    def sendable(self):
        """What may be written now."""
        return self.pending[:CHUNK]

    def waits(self):
        """Seconds until more may be written though nothing comes; None: no such moment."""
        return None

    def read(self):
        """Returns how many bytes came."""
        try:
            data = self.port.recv(FRAME)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        self.at_first()
        self.ended = not data
        if self.kept is not None:
            self.kept += data
        if data:
            self.unended = not data.endswith(b"\n")
            self.latest = time.monotonic()
        if self.descriptor is not None:
            self.pending += data.replace(b"\n", b"\r\n") if self.carriage_returns else data
        return len(data)

    def write(self):
        try:
            self.pending = self.pending[os.write(self.descriptor, self.sendable()):]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            if self.descriptor == 1:
                raise BrokenPipe from None
            self.pending, self.descriptor = b"", None
        except OSError:
            self.pending, self.descriptor = b"", None


class Log(Output):
    """The kernel's log where the program's stderr, `beside`, goes to the same stream. The guest
    writes either byte by byte, each to a port of its own, and which of two ports is heard first is
    up to the host. So the log goes on in whole lines, after all that the guest had written to
    `beside` before, and not into a line of `beside` that still grows."""

    def __init__(self, port, descriptor, beside, carriage_returns=False):
        super().__init__(port, descriptor, keep=True, carriage_returns=carriage_returns)
        self.beside = beside

    def wants_more(self):
        return not self.ended and b"\n" not in self.pending and len(self.pending) < CHUNK

    def read(self):
        came = super().read()
        before = HELD
        while came and before > 0:
            before -= self.beside.read() or HELD
        return came

    def waits(self):
        if not self.pending or not self.beside.unended or self.beside.ended:
            return None
        return max(0, self.beside.latest + PATIENCE - time.monotonic())

    def sendable(self):
        if self.beside.pending or self.waits():
            return b""
        end = self.pending.rfind(b"\n", 0, CHUNK) + 1
        return self.pending[:end or (CHUNK if self.ended or len(self.pending) >= CHUNK else 0)]


class Terminal:
    """Our terminal in raw mode while the guest's own line discipline is in charge."""

    def __init__(self, wanted):
        self.saved = termios.tcgetattr(0) if wanted else None

    def __enter__(self):
        if self.saved:
            tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead stays
        return self

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


def pair():
    """(ours, QEMU's): a connected pair of sockets; ours does not block."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs


def write_all(descriptor, data):
    """Everything at once, for what is over already."""
    while data:
        data = data[os.write(descriptor, data):]


def shuttle(sources, outputs, deadline):
    """Carries bytes until every port of the guest is closed, which is when QEMU has ended.
    Returns False when the deadline (time.monotonic(), or None) passed first."""
    ready = False
    while not all(output.ended and not output.pending for output in outputs):
        ready = ready or any(READY in output.kept for output in outputs if output.kept)
        readers = {output.port: output for output in outputs if output.wants_more()}
        writers = {output.descriptor: output for output in outputs if output.sendable()}
        writers.update({source.to: source for source in sources if source.pending and ready})
        readers.update({source.descriptor: source for source in sources if source.wants_more()})
        moments = [left for left in (output.waits() for output in outputs) if left is not None]
        if deadline is not None:
            moments.append(deadline - time.monotonic())
            if moments[-1] <= 0:
                return False
        readable, writable, _ = select.select(list(readers), list(writers), [],
                                              min(moments, default=None))
        for key in writable:
            writers[key].write()
        for key in readable:
            readers[key].read()
    return True
