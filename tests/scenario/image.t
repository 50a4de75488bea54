#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ISO that `make iso` makes, under BIOS and under UEFI: it takes the tour to its end."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

QEMU = ["qemu-system-x86_64", "-nodefaults", "-accel", "tcg", "-cpu", "max,la57=off", "-m", "512M",
        "-display", "none", "-vga", "std", "-no-reboot", "-serial", "null", "-debugcon", "stdio",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
DONE = 33


def boot(*more):
    """Only up to the log's line about the first program: the tour waits for a key then."""
    process = subprocess.Popen(QEMU + ["-cdrom", harness.built("faultline.iso"), *more],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    watchdog = subprocess.Popen(["sleep", "90"])
    log = b""
    os.set_blocking(process.stdout.fileno(), False)
    while process.poll() is None and watchdog.poll() is None and b"console ready" not in log:
        log += process.stdout.read() or b""
        try:
            watchdog.wait(0.1)
        except subprocess.TimeoutExpired:
            pass
    watchdog.kill()
    process.kill()
    process.wait()
    watchdog.wait()
    return log


def main():
    tap = harness.Tap()
    tap.contains(boot(), b"console ready", "the ISO boots under BIOS")
    tap.contains(boot("-bios", "/usr/share/ovmf/OVMF.fd"), b"console ready",
                 "the ISO boots under UEFI")
    return tap.done()


sys.exit(main())
