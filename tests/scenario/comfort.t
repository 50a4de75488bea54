#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What makes it pleasant to use: `make doctor` on machines where things are missing, lines of
progress, and colours, at a terminal only and not where NO_COLOR is set."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

# What every system has: without these no shell script gets far.
ESSENTIAL = "sh sed grep cat uname dirname id env test ls".split()
SLOW = """\
import sys, threading
sys.dont_write_bytecode = True
sys.path.insert(0, "tools")
from progress import Progress
Progress.delay = Progress.interval = 0.05
with Progress("the first thing") as progress:
    seen = threading.Event()
    write = sys.stderr.write
    def told(text):
        write(text)
        seen.set()
    sys.stderr.write = told
    if sys.stderr.isatty():
        seen.wait(10)
    progress.at("the second")
    seen.clear()
    if sys.stderr.isatty():
        seen.wait(10)
    progress.print("a line between")
print("over")
"""


class Machine:
    """A directory that is all of PATH."""

    def __init__(self, directory, programs=()):
        self.directory = directory
        for name in [*ESSENTIAL, *programs]:
            where = shutil.which(name)
            if where:
                os.symlink(where, os.path.join(directory, name))

    def fake(self, name, says):
        path = os.path.join(self.directory, name)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\necho '{says}'\n")
        os.chmod(path, 0o755)

    def doctor(self):
        done = subprocess.run([os.path.join(harness.ROOT, "tools", "doctor")], check=False,
                              env={"PATH": self.directory}, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return harness.Result(done.returncode, done.stdout, b"")


def doctor(tap):
    everything = subprocess.run([os.path.join(harness.ROOT, "tools", "deps"), "--list"],
                                stdout=subprocess.PIPE, check=True).stdout.decode()
    commands = [line.split()[2] for line in everything.splitlines()]
    commands = [name for name in commands if "/" not in name]
    with tempfile.TemporaryDirectory() as directory:
        bare = Machine(directory).doctor()
        tap.ok(bare.status == 1 and all(
            f"MISSING  {name} ".encode() in bare.output for name in ("gcc", "nasm", "gdb")),
            "on a bare machine nearly everything is missing, and the status says so",
            bare.describe())
        tap.contains(bare.output, b"This system has no apt-get", "how to get it elsewhere")
        tap.ok(b"not found" not in bare.output, "it needs nothing itself", bare.describe())
    with tempfile.TemporaryDirectory() as directory:
        machine = Machine(directory, [*commands, "apt-get", "awk", "realpath"])
        whole = machine.doctor()
        if b"missing" in everything.encode():
            tap.skip("this machine itself lacks something: " + everything)
            return
        tap.ok(whole.status == 0 and b"Everything needed is here." in whole.output,
               "where all is there it says so", whole.describe())
        tap.ok(b"ld.lld" in whole.output and b"(package lld)" in whole.output,
               "what is optional names its package and its use", whole.describe())
        machine.fake("qemu-system-x86_64", "QEMU emulator version 9.2.1")
        newer = machine.doctor()
        tap.ok(newer.status == 0 and b"make gdb-record: other versions" in newer.output,
               "another QEMU: what it can not do", newer.describe())
        machine.fake("python3", "Python 3.6.1")
        old = machine.doctor()
        tap.ok(old.status == 1 and b"Too old: python3" in old.output, "Python is too old",
               old.describe())
        os.unlink(os.path.join(directory, "nasm"))
        without = machine.doctor()
        tap.ok(without.status == 1 and
               b"apt-get install --no-install-recommends nasm\n" in without.output,
               "one package is missing: the command that gets it", without.describe())


def at_terminal(command, environment=None):
    """All that a terminal shows of it."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(harness.ROOT)
        os.execvpe(command[0], command, dict(os.environ, TERM="xterm", **(environment or {})))
    shown, limit = b"", time.monotonic() + 60
    while time.monotonic() < limit:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
    os.close(terminal)
    os.waitpid(child, 0)
    return shown


def progress(tap):
    shown = at_terminal([sys.executable, "-c", SLOW])
    tap.ok(re.search(rb"\rthe first thing \(\d+ s\).*\rthe second \(\d+ s\)", shown, re.S),
           "what takes long says what it does", shown)
    tap.ok(b" \ra line between\r\n" in shown and shown.rstrip().endswith(b"over"),
           "and takes it away again", shown)
    piped = subprocess.run([sys.executable, "-c", SLOW], cwd=harness.ROOT, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    tap.same(piped.stdout, b"a line between\nover\n", "where no terminal is it says nothing")


def colours(tap):
    run = [os.path.join(harness.ROOT, "tools", "run"), "--kernel", harness.built("kernel.elf"),
           "--quiet", "--timeout", str(harness.LIMIT), "--initrd", harness.built("initrd.cpio"),
           "/bin/memmap"]
    coloured, bare = at_terminal(run), at_terminal(run, {"NO_COLOR": "1"})
    tap.ok(b"\033[" in coloured and b"\033[" not in bare and len(bare) > 500,
           "programs of the kernel keep to NO_COLOR of the one who started them",
           coloured[:500] + b"\n" + bare[:500])
    broken = ["tests/run", "tests/broken/broken.t"]
    coloured, bare = at_terminal(broken), at_terminal(broken, {"NO_COLOR": "1"})
    tap.ok(b"\033[3" in coloured and b"\033[3" not in bare and b"FAIL" in bare,
           "so does the test runner", coloured + b"\n" + bare)


def hear_interrupts():
    """Who runs the tests in the background may have told all its children to ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(tap):
    """Ctrl-C while a tool works: the status a shell gives for it, and nothing said."""
    for command in (["tools/trace", "csv", "-"], ["tools/picture", "-", "-o", "unused.svg"]):
        tool = subprocess.Popen(command, cwd=harness.ROOT, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=hear_interrupts)
        tool.stdin.write(bytes(200000))  # more than a pipe holds: it reads
        tool.stdin.flush()
        tool.send_signal(signal.SIGINT)
        said = tool.communicate(timeout=30)
        tap.ok(tool.returncode == 130 and said == (b"", b""), f"{command[0]}: Ctrl-C",
               (tool.returncode, *said))


def main():
    tap = harness.Tap()
    doctor(tap)
    interrupted(tap)
    if harness.terminals():
        progress(tap)
        colours(tap)
    else:
        tap.skip("no pseudo-terminals here: progress and colours")
    return tap.done()


sys.exit(main())
