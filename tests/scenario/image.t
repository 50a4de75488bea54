#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ISO that `make iso` makes, on a plain machine under BIOS and under UEFI: it takes the tour to
its end, gives the prompt, and switches the machine off."""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

QEMU = ["qemu-system-x86_64", "-nodefaults", "-accel", "tcg", "-m", "512M", "-display", "none",
        "-vga", "std", "-serial", "stdio"]
LIMIT = 90      # seconds for one boot
PROMPT = re.compile(rb"faultline(:\S+)?> ")  # the small prompt's, or busybox's
PATIENCE = 0.3  # of silence, before another key is pressed


def boot(*more):
    """Everything the machine says, and QEMU's status. Presses keys like somebody who reads."""
    process = subprocess.Popen(QEMU + ["-cdrom", harness.built("faultline.iso"), *more],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    os.set_blocking(process.stdout.fileno(), False)
    said, end, quiet_since = b"", time.monotonic() + LIMIT, time.monotonic()
    while process.poll() is None and time.monotonic() < end:
        more_said = process.stdout.read() or b""
        said += more_said
        if more_said:
            quiet_since = time.monotonic()
        elif b"a guided tour of" in said and time.monotonic() - quiet_since > PATIENCE:
            press(process, b"exit\r" if PROMPT.search(said) else b" ")
            quiet_since = time.monotonic()
        time.sleep(0.02)
    if process.poll() is None:
        process.kill()
    said += process.communicate()[0] or b""
    return harness.Result(process.returncode, said, b"")


def press(process, keys):
    try:
        process.stdin.write(keys)
        process.stdin.flush()
    except BrokenPipeError:
        pass


def main():
    tap = harness.Tap()
    for name, options in ("BIOS", []), ("UEFI", ["-bios", "/usr/share/ovmf/OVMF.fd"]):
        result = boot(*options)
        tap.contains(result.output, b"checks, 0 failed.", f"the tour from the ISO under {name}")
        tap.contains(result.output, b"init exited with status 0", f"the prompt's exit under {name}")
        tap.ok(result.status == 0, f"the machine is switched off under {name}", result.describe())
    return tap.done()


sys.exit(main())
