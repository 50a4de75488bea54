# SPDX-License-Identifier: MIT
"""The size of our terminal's window, on its way to the guest: kernel/driver/window_size.c."""
import os
import signal


class Window:
    """Another source for channels.shuttle(): has something to say when the window changes."""

    def __init__(self, to):
        self.to = to
        self.pending = b""
        self.descriptor, self.changed = os.pipe()
        for end in (self.descriptor, self.changed):
            os.set_blocking(end, False)
        signal.signal(signal.SIGWINCH, self._hear)

    def _hear(self, *_):
        try:
            os.write(self.changed, b".")
        except BlockingIOError:  # it is full, so read() will come
            pass

    def wants_more(self):
        return not self.pending

    def read(self):
        os.read(self.descriptor, 4096)
        size = os.get_terminal_size(1)
        self.pending = f"{size.lines}x{size.columns}\n".encode()

    def write(self):
        try:
            self.pending = self.pending[self.to.send(self.pending):]
        except BlockingIOError:
            pass
        except OSError:
            self.pending = b""
