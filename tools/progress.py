# SPDX-License-Identifier: MIT
"""A line on the terminal for what takes longer than two seconds: what is being done, and for how
long already. It goes away at the end. Nothing is shown where standard error is no terminal."""
import sys
import threading
import time


class Progress:
    """with Progress("tools/bench: Linux boots") as progress: ... progress.at("Linux measures")"""

    delay = 2.0  # seconds before it is shown
    interval = 0.5

    def __init__(self, text):
        self.text = text
        self.began = time.monotonic()
        self.shown = 0  # columns that are on the screen
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.thread = None

    def __enter__(self):
        if sys.stderr.isatty():
            self.thread = threading.Thread(target=self._tick, daemon=True)
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.end()

    def at(self, text):
        """It has come to this now."""
        with self.lock:
            self.text = text

    def print(self, *words, **more):
        """Prints something else meanwhile."""
        with self.lock:
            self._clear()
            print(*words, **more)

    def end(self):
        """May be called more than once."""
        self.over.set()
        if self.thread:
            self.thread.join()
            self.thread = None
        self._clear()

    def _tick(self):
        wait = self.delay
        while not self.over.wait(wait):
            wait = self.interval
            with self.lock:
                line = f"{self.text} ({time.monotonic() - self.began:.0f} s)"
                sys.stderr.write("\r" + line.ljust(self.shown))
                sys.stderr.flush()
                self.shown = len(line)

    def _clear(self):
        if self.shown:
            sys.stderr.write("\r" + " " * self.shown + "\r")
            sys.stderr.flush()
            self.shown = 0
