# SPDX-License-Identifier: MIT
"""Symbols of the program that runs. Whenever the kernel has started a program (exec), its ELF file
is looked for on this machine by name, and its symbols take the place of the last program's.

Looked in: FAULTLINE_PROGRAM (the file itself; `make gdb PROGRAM=FILE` sets it), then what the build
made. Other files are loaded by hand: `program FILE`. Position-independent programs are not
relocated: link with -no-pie to debug."""
import os

import gdb

BUILD = os.environ.get("FAULTLINE_BUILD", "build")
PLACES = [os.path.join(BUILD, *place) for place in
          (("user",), ("tests", "ring3"), ("tests", "scenario"))]

_loaded = None
started = None  # the breakpoint, once install() has set it


def same_file(a, b):
    return os.path.realpath(a) == os.path.realpath(b)


def find(name):
    """The file of this machine that a program of this name was made from, or None."""
    given = os.environ.get("FAULTLINE_PROGRAM", "")
    candidates = [given] if os.path.basename(given) == name else []
    candidates += [os.path.join(place, name) for place in PLACES]
    return next((path for path in candidates if os.path.isfile(path)), None)


def unload(path):
    """gdb knows a file by the name it has made of it."""
    for each in gdb.objfiles():
        if each.is_valid() and each.filename and same_file(each.filename, path):
            gdb.execute(f'remove-symbol-file "{each.filename}"', to_string=True)


def load(path):
    """Makes `path` the one program whose symbols gdb knows."""
    global _loaded
    if _loaded == path:
        return
    if _loaded:
        unload(_loaded)
    gdb.execute(f'add-symbol-file "{path}"', to_string=True)
    _loaded = path
    gdb.write(f"symbols of {path}\n")


class Started(gdb.Breakpoint):
    """Where exec has just made the new program the task's own. Goes on by itself, unless
    `program-stop` has asked for a stop at that program's first instruction."""

    def __init__(self):
        super().__init__("process_count_exec", internal=True)
        self.silent = True
        self.wanted = None

    def stop(self):
        task = gdb.parse_and_eval("*(struct task **)($gs_base + 8)")
        name = task["name"].string()
        path = find(name)
        if path:
            load(path)
        if self.wanted != name:
            return False
        self.wanted = None
        return True


class Program(gdb.Command):
    """program FILE: take the symbols of the ring-3 program FILE in place of the last program's."""

    def __init__(self):
        super().__init__("program", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        if not os.path.isfile(argument):
            raise gdb.GdbError(f"program: there is no file {argument!r}")
        load(argument)


class ProgramStop(gdb.Command):
    """program-stop NAME: go on until the program NAME has been started and its symbols are known;
then set breakpoints in it and continue."""

    def __init__(self, started):
        super().__init__("program-stop", gdb.COMMAND_RUNNING)
        self.started = started

    def complete(self, text, word):
        names = {name for place in PLACES if os.path.isdir(place) for name in os.listdir(place)}
        return sorted(name for name in names if name.startswith(word) and find(name) and
                      os.access(find(name), os.X_OK))

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("program-stop: which program?")
        self.started.wanted = argument
        gdb.execute("continue")


def install():
    global started
    started = Started()
    Program()
    ProgramStop(started)
