# SPDX-License-Identifier: MIT
"""A run recorded, and run again exactly: --record and --replay. In the second run gdb can step
backwards, for which QEMU goes to the snapshot at the beginning and forwards from there again.

Works with QEMU 7.2, and with one processor. Time is counted in instructions (--icount), and the
program has no input: standard input is empty. What it writes is shown when it has ended. QEMU's own
APIC optimisation (vapic) can make it hang, and is off.

The directory of a recording has all that the second run needs: the kernel, which may be built anew
meanwhile, the initrd, QEMU's arguments, its log of events, and the disk with the snapshot."""
import json
import os
import re
import shutil
import struct
import subprocess

from progress import Progress

from . import LaunchError, machine, verdict

LIMIT = 60  # seconds for a recording, unless --timeout says otherwise
TRIED = (7, 2)
OUTPUTS = ("console", "errors", "log")
CLUSTER = 16  # bits


def version():
    """QEMU's, as two numbers; (0, 0) if it does not say."""
    try:
        said = subprocess.run([machine.QEMU, "-version"], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, timeout=20).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        raise LaunchError(f"{machine.QEMU} is not installed: run make deps") from None
    found = re.search(r"version (\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def untried():
    """A warning, or nothing."""
    here = version()
    if here == TRIED:
        return []
    return [f"recording was tried with QEMU {TRIED[0]}.{TRIED[1]} only; this is {here[0]}.{here[1]}"
            ", and newer ones are reported not to step backwards"]


def _empty_disk(path):
    """A qcow2 image of 1 MiB of nothing, as QEMU's docs/interop/qcow2.txt has it, for the snapshot:
    header, table of reference counts, one block of them, level-1 table, a cluster each."""
    size = 1 << CLUSTER
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, CLUSTER, 1 << 20, 0, 1,
                         3 * size, 1 * size, 1, 0, 0)
    counts = struct.pack(">Q", 2 * size)
    ones = struct.pack(">4H", 1, 1, 1, 1)
    with open(path, "wb") as file:
        for cluster in (header, counts, ones, b""):
            file.write(cluster.ljust(size, b"\0"))


def _line(asked, command_line):
    """QEMU's arguments but for the mode. Files are named from within the directory."""
    line = [machine.QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg", "-display", "none",
            "-no-reboot", "-m", asked.memory, "-smp", "1", "-cpu", asked.cpu, "-vga", "none",
            "-net", "none", "-global", "apic.vapic=off",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    for name in OUTPUTS:
        line += ["-chardev", f"file,id={name},path={name}"]
    return line + ["-serial", "chardev:console",
                   "-device", "isa-debugcon,iobase=0xe9,chardev=log",
                   "-device", "isa-debugcon,iobase=0xea,chardev=errors",
                   "-drive", "file=start.qcow2,if=none,format=qcow2,id=start",
                   "-rtc", "base=2024-01-01,clock=vm", "-seed", "1",
                   "-kernel", "kernel.elf", "-initrd", "initrd.cpio", "-append", command_line]


def _start(line, mode, directory):
    events = f"shift=0,sleep=off,rr={mode},rrfile=events,rrsnapshot=start"
    with open(os.path.join(directory, "qemu.log"), "wb") as log:
        return subprocess.Popen(line + ["-icount", events], cwd=directory, stdout=log, stderr=log,
                                stdin=subprocess.DEVNULL, start_new_session=True,
                                preexec_fn=machine.die_with_parent)


def _read(directory, name):
    try:
        with open(os.path.join(directory, name), "rb") as file:
            return file.read()
    except OSError:
        return b""


class Run:
    """One of the two runs, when it has ended."""

    def __init__(self, line, mode, directory, limit):
        process = _start(line, mode, directory)
        self.timed_out = False
        try:
            with Progress(f"tools/run: {mode}; what the program prints comes at the end"):
                process.wait(limit)
        except subprocess.TimeoutExpired:
            self.timed_out = True
        finally:
            process.kill()  # SIGKILL: one that hangs takes no other
            process.wait()
        self.status = process.returncode
        self.output, self.errors, self.log = (_read(directory, name) for name in OUTPUTS)
        self.complaints = machine.complaint(directory)
        self.limit = limit
        self.mode = mode

    def verdict(self):
        """As verdict.judge: (exit status, complaint or None)."""
        if self.timed_out:
            return (verdict.STATUS_TIMEOUT, f"the {self.mode} did not end within {self.limit:g} s: "
                    "the program runs long (--timeout), waits for input, or QEMU hangs")
        if self.status == 1 and not self.log:
            raise LaunchError("; ".join(self.complaints) or "QEMU did not start")
        return verdict.judge(self.status, self.log, True)


def record(asked, initrd, command_line):
    directory = asked.record
    machine.show(untried())
    try:
        os.makedirs(directory, exist_ok=True)
        shutil.copy(asked.kernel, os.path.join(directory, "kernel.elf"))
        machine.write(directory, "initrd.cpio", initrd)
        _empty_disk(os.path.join(directory, "start.qcow2"))
        line = _line(asked, command_line)
        machine.write(directory, "command.json", json.dumps(line).encode())
    except OSError as error:
        raise LaunchError(f"{error.filename}: {error.strerror}") from None
    return Run(line, "record", directory, asked.timeout or LIMIT)


def replay(asked):
    directory = asked.replay
    try:
        line = json.loads(_read(directory, "command.json"))
    except ValueError:
        raise LaunchError(f"{directory} is no recording: tools/run --record {directory} PROGRAM") \
            from None
    if asked.gdb:
        line += ["-gdb", f"tcp::{asked.gdb_port}", "-S"]
    return Run(line, "replay", directory, asked.timeout)
