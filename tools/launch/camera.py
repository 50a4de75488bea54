# SPDX-License-Identifier: MIT
"""Pictures of the guest's screen, taken at the moments that it marks itself.

A mark stops the machine (kernel/driver/snapshot.c): QEMU says so through its monitor, keeps the
screen when asked to, and goes on when told to. So nothing has moved between mark and picture."""
import json
import os

from draw import png

from . import LaunchError


ANSWER = 30  # seconds that QEMU may take for one


class Camera:
    """One of the ports that channels.shuttle() listens to: QEMU's monitor. Each mark becomes
    NAME-1.png, NAME-2.png and so on, and the last one NAME.png."""

    descriptor = None
    kept = None
    pending = b""

    def __init__(self, port, path, directory):
        self.port = port
        self.base = path[:-len(".png")]
        self.screen = os.path.join(directory, "screen.ppm")
        self.taken = 0
        self.received = b""
        self.events = []
        self.ready = False
        self.ended = False

    def wants_more(self):
        return not self.ended

    def sendable(self):
        """Nothing is ever pending."""
        return self.pending

    def waits(self):
        return None

    def read(self):
        try:
            self._receive()
            if not self.ready:
                self._ask("qmp_capabilities")
                self.ready = True
            while self.events:
                # Only now do the processors stand still: what comes before is the intention.
                if self.events.pop(0).get("event") == "STOP":
                    self._take()
        except (BlockingIOError, InterruptedError):
            pass
        except TimeoutError:
            raise LaunchError("QEMU does not answer its monitor") from None
        except OSError:
            self.ended = True

    def _receive(self):
        data = self.port.recv(65536)
        if not data:
            raise ConnectionResetError
        self.received += data
        *lines, self.received = self.received.split(b"\n")
        self.events += [json.loads(line) for line in lines if line.strip()]

    def _ask(self, command, **arguments):
        """Sends a command and waits for its answer; events that come before it stay."""
        self.port.settimeout(ANSWER)
        try:
            message = {"execute": command, "arguments": arguments}
            self.port.sendall(json.dumps(message).encode() + b"\n")
            while True:
                for at, event in enumerate(self.events):
                    if "return" in event or "error" in event:
                        return self.events.pop(at)
                self._receive()
        finally:
            self.port.setblocking(False)

    def _take(self):
        answer = self._ask("screendump", filename=self.screen)
        if "error" in answer:
            raise LaunchError("QEMU keeps no picture: " + answer["error"].get("desc", "?"))
        self.taken += 1
        try:
            with open(self.screen, "rb") as file:
                picture = png.from_ppm(file.read())
            with open(f"{self.base}-{self.taken}.png", "wb") as file:
                file.write(picture)
        except OSError as error:  # the processors still stand, and would for ever
            raise LaunchError(f"{self.base}-{self.taken}.png: {error.strerror}") from None
        self._ask("cont")

    def finish(self):
        """The run is over. Whether there is a picture."""
        if self.taken:
            try:
                os.replace(f"{self.base}-{self.taken}.png", self.base + ".png")
            except OSError as error:
                raise LaunchError(f"{self.base}.png: {error.strerror}") from None
        return self.taken > 0
