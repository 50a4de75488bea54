# SPDX-License-Identifier: MIT
"""What became of the program, from QEMU's exit status and the kernel's log."""
import re

STATUS_TIMEOUT = 124
STATUS_LAUNCHER = 125
STATUS_KERNEL = 70
STATUS_BROKEN_PIPE = 128 + 13
STATUS_LEFT = 128 + 15

# isa-debug-exit makes (value << 1) | 1 of what the kernel writes (enum machine_exit).
QEMU_DONE = 33
QEMU_PANIC = 71

EXITED = re.compile(rb"^(?:\[[^\]]*\] *)?faultline: init exited with status (\d+)\r?$", re.M)
KILLED = re.compile(rb"^(?:\[[^\]]*\] *)?faultline: init killed by signal (\d+)", re.M)
AUDIT = re.compile(rb"^(?:\[[^\]]*\] *)?faultline: audit: \d+ facts, (\d+) wrong.*$", re.M)


def judge(qemu_status, log, has_program, others=()):
    """(exit status, complaint or None). `others`: who else may end QEMU, which then tells no
    more than when the machine resets itself."""
    if qemu_status == QEMU_PANIC:
        return STATUS_KERNEL, "the kernel panicked"
    if qemu_status == 0 and others:
        return STATUS_LEFT, f"{' or '.join(others)} ended the machine, or it was reset"
    if qemu_status == 0:
        return STATUS_KERNEL, "the machine was reset: the kernel failed without a report"
    if qemu_status != QEMU_DONE:
        return STATUS_KERNEL, f"QEMU ended with status {qemu_status}"
    wrong = [match for match in AUDIT.finditer(log) if int(match[1])]
    if wrong:
        return STATUS_KERNEL, "the audit found " + wrong[0][0].decode(errors="replace").strip()
    ends = list(EXITED.finditer(log))
    if ends:
        return int(ends[-1][1]) & 255, None
    ends = list(KILLED.finditer(log))
    if ends:
        return 128 + int(ends[-1][1]), None
    if has_program:
        return STATUS_KERNEL, "the kernel stopped without saying how the program ended"
    return 0, None
