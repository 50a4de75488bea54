# SPDX-License-Identifier: MIT
"""Why a page fault ends as it does, and which function of the kernel decides it. The functions are
looked for in the sources each time, so the lines given are right; a test checks that all exist."""
import functools
import os
import re

from .header import ROOT

FAULT, OBJECT = "mm/fault.c", "mm/fault_object.c"

# result: (what was found and done, the function that decides, its file, who calls it)
DECISIONS = {
    "demand-zero": ("Nothing was mapped there yet and the memory is private and has no file behind "
                    "it: its first write gets a new frame, filled with zeros (demand paging)",
                    "demand_zero", FAULT, "decide"),
    "zero-frame": ("Nothing was mapped there yet and it was only read: the one shared frame of "
                   "zeros is enough, mapped read-only", "demand_zero", FAULT, "decide"),
    "zero-replaced": ("It had only been read so far, from the shared frame of zeros: the first "
                      "write gets a new frame of zeros of its own", "replace_zero", FAULT,
                      "write_to_present"),
    # The frame is a page of a file; the other case, after a fork, is "copied".
    "copied-file": ("The page is there, read-only because its frame is the file's own: the file "
                    "must not see this write, so the writer gets a copy (copy-on-write)",
                    "copy", FAULT, "write_to_present"),
    "copied": ("The page is there, read-only because others hold the same frame since a fork: "
               "they must not see this write, so the writer gets a copy (copy-on-write)",
               "copy", FAULT, "write_to_present"),
    "reused": ("The page is there, read-only, but nobody else holds its frame any more: the last "
               "owner gets write permission back and nothing is copied", "write_to_present",
               FAULT, "decide"),
    "file-mapped": ("Nothing was mapped there yet; the page of the file was in the page cache and "
                    "is mapped from there", "map_file_page", OBJECT, "fault_object"),
    "file-read": ("Nothing was mapped there yet and the page of the file was not in the page cache: "
                  "it was read first (a major fault)", "map_file_page", OBJECT, "fault_object"),
    "file-copied": ("Nothing was mapped there yet; a write to a private mapping of a file must not "
                    "reach the file, so it gets a copy of the file's page", "copy_file_page",
                    OBJECT, "fault_object"),
    "stack-grown": ("The address lies below a stack, within its limit and its guard gap: the stack "
                    "grows down to it, then the page is made", "grow_stack", FAULT, "decide"),
    "spurious": ("The entry allows the access by now: a translation that was out of date, or "
                 "another CPU was faster. Nothing had to be done", "decide", FAULT, "handle"),
    "no-mapping": ("No VMA has this address, and no stack above it that could grow: the program "
                   "has no business there (SIGSEGV, SEGV_MAPERR)", "decide", FAULT, "handle"),
    "protection": ("The VMA forbids this kind of access (SIGSEGV, SEGV_ACCERR)", "access_allowed",
                   FAULT, "decide"),
    "stack-limit": ("The stack may not grow that far: its limit, the guard gap below it or memory "
                    "that may be promised is exhausted (SIGSEGV, SEGV_MAPERR)", "grow_stack",
                    FAULT, "decide"),
    "no-memory": ("There was no frame left: the process is ended", "decide", FAULT, "handle"),
    "beyond-end": ("The page lies beyond the end of the file (SIGBUS, BUS_ADRERR)", "result_of",
                   OBJECT, "fault_object"),
    "io-error": ("The page of the file could not be read (SIGBUS)", "result_of", OBJECT,
                 "fault_object"),
}


@functools.lru_cache(maxsize=None)
def line_of(function, path):
    """Where a function of the kernel is defined, or None."""
    try:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    for number, text in enumerate(lines, 1):
        # A definition: its name and the type of its first parameter.
        if re.search(rf"\b{function}\((?:struct|const|enum|int|void)\b", text) and text[:1] != "\t":
            return number
    return None


def decider(result):
    """"function() in file:line, called by caller()" for a result, or None."""
    if result not in DECISIONS:
        return None
    _, function, path, caller = DECISIONS[result]
    line = line_of(function, path)
    where = f"{path}:{line}" if line else path
    return f"{function}() in {where}, called by {caller}()"
