# SPDX-License-Identifier: MIT
"""Bochs: the emulator whose TLB behaves as a processor's does. It keeps global entries and those
of other process-context identifiers over a change of CR3, where QEMU forgets everything.

Debian's Bochs has its debugger built in, which asks for a command before it starts and again
when it ends; other builds do not. Its screen needs no terminal as long as nothing switches to a
graphics mode, so the graphics card is given none. The kernel ends it by a port (exit.c); what it
wrote to the port that is QEMU's isa-debug-exit stands in Bochs's log.
"""
import os
import re
import shutil
import subprocess

from progress import Progress

from . import LaunchError, machine, verdict

BOCHS = "bochs"
CPU = "corei7_skylake_x"
# Instructions in an emulated second: fewer, and timers seem to come faster.
INSTRUCTIONS_PER_SECOND = 50000000
BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGA_BIOS = "/usr/share/bochs/VGABIOS-lgpl-latest"

CONFIGURATION = """\
config_interface: textconfig
display_library: term
megs: {megabytes}
cpu: model={cpu}, count={cpus}, ips={ips}, quantum=5, reset_on_triple_fault=0
romimage: file={bios}
vgaromimage: file={vga_bios}
vga: extension=none
ata0-master: type=cdrom, path={image}, status=inserted
boot: cdrom
port_e9_hack: enabled=1
com1: enabled=1, mode=file, dev={console}
clock: sync=none
log: {log}
panic: action=fatal
debug: action=ignore, unmapped=report
"""

DEBUGGER = re.compile(rb"^(\(\d+\)\.? ?\[|<bochs:\d+>)[^\n]*\n", re.M)
STATUS = re.compile(rb"unmapped: 8-bit write to 00f4 = ([0-9a-f]+)")
STOPPED = re.compile(rb">>PANIC<< (.*)")


def _megabytes(size):
    number, unit = int(size[:-1]), size[-1]
    return max(1, {"K": number // 1024, "M": number, "G": number * 1024,
                   "T": number * 1024 * 1024}[unit])


def _configure(options, image, directory):
    for path in (BIOS, VGA_BIOS):
        if not os.path.exists(path):
            raise LaunchError(f"{path} is not installed: run make deps")
    text = CONFIGURATION.format(
        megabytes=_megabytes(options.memory), cpu=CPU, cpus=options.cpus,
        ips=INSTRUCTIONS_PER_SECOND, bios=BIOS, vga_bios=VGA_BIOS, image=image,
        console=os.path.join(directory, "console"), log=os.path.join(directory, "bochs.log"))
    path = os.path.join(directory, "bochsrc")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _read(directory, name):
    try:
        with open(os.path.join(directory, name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class Run:
    """One run: the bytes of the console, the kernel's log, and what Bochs said of the end."""

    def __init__(self, options, initrd, command_line, directory):
        if not shutil.which(BOCHS):
            raise LaunchError(f"{BOCHS} is not installed: run make deps")
        image = machine.make_iso(options.kernel, initrd, command_line, directory)
        line = [BOCHS, "-q", "-f", _configure(options, image, directory)]
        self.timed_out = False
        try:
            with Progress("tools/run: Bochs runs; what it prints comes at the end"):
                done = subprocess.run(line, input=b"c\n", stdout=subprocess.PIPE, check=False,
                                      stderr=subprocess.DEVNULL, timeout=options.timeout,
                                      env=dict(os.environ, TERM="dumb"), start_new_session=True,
                                      preexec_fn=machine.die_with_parent)
            shown = done.stdout
        except subprocess.TimeoutExpired as late:
            self.timed_out = True
            shown = late.stdout or b""
        # The log of the kernel is between two prompts of the debugger.
        self.log = DEBUGGER.sub(b"", shown.partition(b"Next at t=0\n")[2])
        self.output = _read(directory, "console")
        self.said = _read(directory, "bochs.log")

    def verdict(self, has_program):
        """As verdict.judge: (exit status, complaint or None)."""
        if self.timed_out:
            return verdict.STATUS_TIMEOUT, "stopped after the time limit"
        wrote = STATUS.findall(self.said)
        if not wrote:
            reasons = STOPPED.findall(self.said) or [b"it did not say why"]
            reason = reasons[0].decode(errors="replace")
            return verdict.STATUS_KERNEL, f"Bochs ended early: {reason}"
        status = int(wrote[-1], 16) << 1 | 1
        return verdict.judge(status, self.log, has_program)
