# SPDX-License-Identifier: MIT
"""Every record as a line of comma-separated values."""
import csv

from .header import EVENTS

COLUMNS = ["time", "event", "cpu", "task", "process", "name", "a", "b", "c", "d", "e", "f"]
# Arguments that are addresses or bits; the others are numbers.
HEXADECIMAL = {"FAULT_BEGIN": "abcd", "FAULT_FRAME": "abcd", "FAULT": "abe", "FRAME_ALLOC": "a",
               "FRAME_FREE": "a", "TABLE_ALLOC": "ac", "TABLE_FREE": "ac", "VMA": "abc",
               "BRK": "abc", "MMAP": "acd", "MUNMAP": "a", "MPROTECT": "ac", "MREMAP": "ade",
               "MADVISE": "a", "TASK": "c", "EXEC": "abcd", "SIGNAL": "c", "SYSCALL": "bcdef",
               "SHOOTDOWN": "abc", "SHOOTDOWN_ANSWER": "ab", "HEAP": "bd", "STACK": "abcdef",
               "NAME": "abcdef", "START": "b"}


def write(records, world, out):
    writer = csv.writer(out, lineterminator="\n")
    hexadecimal = {EVENTS[name]: letters for name, letters in HEXADECIMAL.items()}

    writer.writerow(COLUMNS)
    for record in records:
        world.see(record)
        letters = hexadecimal.get(record.event, "")
        values = [hex(value) if letter in letters else record.signed(value)
                  for letter, value in zip("abcdef", record[4:])]
        writer.writerow([record.time, record.name.lower(), record.cpu, record.task,
                         world.task(record.task).pid, world.task_name(record.task)] + values)
