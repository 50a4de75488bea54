#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/launch/channels.py: the program's stderr and the kernel's log on one stream. The ports are
sockets that keep the pieces apart, so that each order of arrival is made, not hoped for."""
import os
import socket
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from launch import channels


class Machine:
    """What the guest would have at its ends of the ports, and the stream that both go to."""

    def __init__(self):
        (told, self.errors), (logged, self.log) = (
            socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2))
        told.setblocking(False)
        logged.setblocking(False)
        self.shown, stream = os.pipe()
        self.told = channels.Output(told, stream)
        self.outputs = [self.told, channels.Log(logged, stream, self.told)]
        self.stream = stream

    def carry(self):
        nothing = channels.Input(0, None, framed=True, ended=True)
        channels.shuttle([nothing], self.outputs, None)
        os.close(self.stream)

    def end(self):
        self.errors.close()
        self.log.close()

    def read(self, until=None):
        text = b""
        while until is None or until not in text:
            more = os.read(self.shown, 1 << 16)
            if not more:
                break
            text += more
        return text


def all_at_once(errors, log):
    """Both said all before anybody listens."""
    machine = Machine()
    for piece in errors:
        machine.errors.send(piece)
    for piece in log:
        machine.log.send(piece)
    machine.end()
    machine.carry()
    return machine.read()


def in_turn(tap):
    """A prompt stands in its line for ever; the log must not wait for its end."""
    machine = Machine()
    thread = threading.Thread(target=machine.carry)
    thread.start()
    machine.errors.send(b"name? ")
    tap.same(machine.read(b"? "), b"name? ", "a prompt is shown as it stands")
    machine.log.send(b"log\n")
    tap.same(machine.read(b"log\n"), b"log\n", "the log comes while a prompt waits")
    machine.end()
    thread.join()
    tap.same(machine.read(), b"", "and nothing else")


def main():
    tap = harness.Tap()
    tap.same(all_at_once([b"u", b"sage\n"], [b"init", b" exited\n"]), b"usage\ninit exited\n",
             "neither breaks the other's line")
    tap.same(all_at_once([b"%d\n" % number for number in range(100)], [b"end\n"]),
             b"".join(b"%d\n" % number for number in range(100)) + b"end\n",
             "what was written before the log stands before it")
    tap.same(all_at_once([], [b"panic: no line e", b"nd"]), b"panic: no line end",
             "a log that ends within a line is shown whole")
    tap.same(all_at_once([b"half"], [b"one\n", b"two\n"]), b"halfone\ntwo\n",
             "a line that never ends holds nothing back")
    line = b"x" * (3 * channels.CHUNK) + b"\n"
    tap.same(all_at_once([b"e\n"], [line]), b"e\n" + line, "a line longer than a pipe takes at once")
    in_turn(tap)
    return tap.done()


sys.exit(main())
