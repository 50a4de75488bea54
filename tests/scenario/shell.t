#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An interactive shell at a pseudo-terminal: job control, signals from keys, raw mode; and the one
that `make run` ends in, with programs that take the whole screen."""
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

RUN = [os.path.join(harness.ROOT, "tools", "run"), "--kernel", harness.built("kernel.elf"),
       "--timeout", str(harness.LIMIT), "--quiet", "--env", "PS1=ready> "]
PROMPT = b"ready> "
ENDS = harness.built("tests", "scenario", "ends")
SLEEPER = ENDS.encode() + b" sleeper"  # says so when it begins, and when it goes on after a stop


class Session:
    """A child at a terminal that we play the person of."""

    def __init__(self, arguments, prompt=PROMPT):
        self.prompt = prompt
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execv(RUN[0], RUN + arguments)
        self.shown = b""
        self.ended = False

    def _read(self, wait):
        if not select.select([self.terminal], [], [], wait)[0]:
            return
        try:
            self.shown += os.read(self.terminal, 4096)
        except OSError:  # the other end is closed
            self.ended = True

    def until(self, text, limit=30):
        """Everything up to and with `text`, taken away; None when it does not come."""
        end = time.monotonic() + limit
        while text not in self.shown and not self.ended and time.monotonic() < end:
            self._read(0.2)
        if text not in self.shown:
            return None
        before, _, self.shown = self.shown.partition(text)
        return before + text

    def type(self, keys):
        os.write(self.terminal, keys)

    def line(self, command):
        """What a command shows up to the next prompt, without its own echo."""
        self.type(command + b"\r")
        if self.until(b"\r\n") is None:
            return b"(no echo) " + self.shown
        return self.until(self.prompt) or b"(no prompt) " + self.shown

    def start(self, command):
        """A command that goes on; it has begun. What is typed before that the shell's line editor
        gets, and signals the shell."""
        self.type(command + b"\r")
        self.until(b"\r\n")
        return self.until(b"begun\r\n")

    def status(self):
        while not self.ended:
            self._read(1)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    def kill(self):
        os.kill(self.child, signal.SIGKILL)


def commands(tap, shell):
    tap.ok(shell.until(PROMPT) is not None, "the shell asks for a command", shell.shown)
    tap.contains(shell.line(b"echo $((6 * 7))"), b"42\r\n", "a command")
    tap.contains(shell.line(b"echo pi | tr i e | wc -c"), b"3\r\n", "a pipeline")
    tap.contains(shell.line(b"test -t 0 && test -t 1 && echo yes"), b"yes\r\n", "a terminal")
    shell.start(b"echo begun; cat")
    shell.type(b"one lime\x7f\x7fne\rtwo\r")
    tap.ok(shell.until(b"one line\r\n") is not None, "lines are edited", shell.shown)
    shell.type(b"\x04")
    tap.ok(shell.until(PROMPT) is not None, "Ctrl-D ends the input of a command", shell.shown)


def keys(tap, shell):
    shell.start(SLEEPER)
    shell.type(b"\x03")
    tap.ok(shell.until(PROMPT) is not None, "Ctrl-C ends a command, not the shell", shell.shown)
    tap.contains(shell.line(b"echo status $?"), b"status 130\r\n", "by SIGINT")
    shell.start(SLEEPER)
    shell.type(b"\x1a")
    tap.ok(shell.until(b"Stopped") is not None, "Ctrl-Z stops it", shell.shown)
    shell.until(PROMPT)
    tap.contains(shell.line(b"jobs"), b"Stopped", "it is a job")
    shell.start(b"fg")  # SIGCONT is said last
    shell.type(b"\x1c")
    tap.ok(shell.until(PROMPT) is not None, "in the foreground Ctrl-\\ ends it", shell.shown)
    tap.contains(shell.line(b"echo status $?"), b"status 131\r\n", "by SIGQUIT")


def background(tap, shell):
    shell.line(b"cat >/dev/null &")
    end, jobs = time.monotonic() + 30, b""
    while b"Stopped (tty input)" not in jobs and time.monotonic() < end:
        jobs = shell.line(b"jobs")
    tap.contains(jobs, b"Stopped (tty input)", "a reader in the background stops")
    shell.line(b"kill -KILL %1")
    shell.line(b"sleep 1000 &")
    tap.contains(shell.line(b"kill $!; wait $!; echo status $?"), b"status 143\r\n", "kill")
    tap.contains(shell.line(ENDS.encode() + b" group"), b"terminal given, then -1\r\n",
                 "a group without its leader may have the terminal")
    tap.contains(shell.line(b"setsid sh -c 'echo x >/dev/tty' 2>&1 | cat"),
                 b"can't create /dev/tty", "a session of its own has no terminal")


def settings(tap, shell):
    tap.contains(shell.line(b"stty -a"), b" icanon ", "settings")
    tap.contains(shell.line(b"read -t 1 x; echo status $?"), b"status 1\r\n", "read in time")
    shell.start(b"echo begun; read -s -n 1 x; echo key $x")
    shell.type(b"k")
    tap.contains(shell.until(PROMPT) or b"", b"key k\r\n", "a key without Enter, not shown")


def whole_screen(tap, shell):
    tap.contains(shell.line(b"stty size"), b"24 80\r\n", "the terminal's size")
    shell.type(b"top -d 60\r")
    tap.ok(shell.until(b"\x1b[H\x1b[JMem: ") and shell.until(b"/bin/init --list"),
           "top draws the screen", shell.shown)
    shell.type(b"q")
    tap.ok(shell.until(shell.prompt), "q leaves it", shell.shown)
    shell.type(b"seq 100 | less\r")
    tap.ok(shell.until(b"\x1b[K23\r\n"), "less shows a page", shell.shown)
    shell.type(b"G")
    tap.ok(shell.until(b"\x1b[K100\r\n"), "G goes to the end", shell.shown)
    shell.type(b"q")
    shell.until(shell.prompt)
    shell.type(b"vi /tmp/text\r")
    shell.until(b"/tmp/text")
    shell.type(b"ifrom vi")
    shell.until(b"vi")
    shell.type(b"\x1b")
    shell.until(b"[Modified]")
    shell.type(b":wq\r")
    shell.until(shell.prompt)
    tap.contains(shell.line(b"cat /tmp/text"), b"from vi\r\n", "vi writes a file")


def system(tap):
    """What `make run` boots, without the tour."""
    shell = Session(["--env", "TERM=xterm", "--initrd", harness.built("system.cpio"), "--init",
                     "/bin/init", "--list"], b"faultline:~> ")
    try:
        tap.ok(shell.until(shell.prompt, 30) is not None, "busybox's shell after the tour",
               shell.shown)
        tap.contains(shell.line(b"echo $((40 + 2)) | cat"), b"42\r\n", "a pipeline")
        shell.type(b"\x1b[A\r")
        tap.ok(shell.until(b"42\r\n") is not None, "arrow up is the last command", shell.shown)
        shell.until(shell.prompt)
        shell.type(b"echo on two\x1b[D\x1b[D\x1b[D\x1b[De\r")
        tap.ok(shell.until(b"\none two\r\n") is not None, "arrow left", shell.shown)
        shell.until(shell.prompt)
        tap.contains(shell.line(b"which frames vi"), b"/bin/frames\r\n/bin/vi\r\n",
                     "its programs and busybox's are in PATH")
        tap.contains(shell.line(b"audit"), b" 0 wrong\r\n", "the audit")
        whole_screen(tap, shell)
        shell.type(b"exit 7\r")
        tap.ok(shell.status() == 7, "exit switches off")
    finally:
        if not shell.ended:
            shell.kill()


def switched_off(tap):
    shell = Session(["--initrd", harness.built("system.cpio"), "--init", "/bin/init", "--list"],
                    b"faultline:~> ")
    shell.until(shell.prompt, 30)
    tap.contains(shell.line(b"dmesg"), b"faultline: console ready\r\n", "dmesg")
    shell.type(b"poweroff\r")
    tap.ok(shell.status() == 0, "so does poweroff")


def small_prompt(tap):
    """What is left where busybox is not in the initrd."""
    shell = Session(["--initrd", harness.built("initrd.cpio"), "/bin/init", "--list"],
                    b"faultline>")
    tap.ok(shell.until(shell.prompt, 30) is not None, "without busybox the small prompt",
           shell.shown)
    shell.type(b"exit\r")
    tap.ok(shell.status() == 0, "which ends as well")


def main():
    tap = harness.Tap()
    busybox = shutil.which("busybox")
    if not busybox:
        tap.skip("no busybox here")
        return tap.done()
    shell = Session(["--file", ENDS, busybox, "sh", "-i"])
    try:
        commands(tap, shell)
        keys(tap, shell)
        background(tap, shell)
        settings(tap, shell)
        shell.type(b"exit 5\r")
        tap.ok(shell.status() == 5, "exit")
    finally:
        if not shell.ended:
            shell.kill()
    system(tap)
    switched_off(tap)
    small_prompt(tap)
    return tap.done()


sys.exit(main())
