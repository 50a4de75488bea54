# SPDX-License-Identifier: MIT
"""What all commands share: arguments, completion, errors in one line, a word when it takes long."""
import os
import re
import time

import gdb

from . import frames, kernel, memory, page_table, space

COMMANDS = []  # in order of their making, for `mm`

# Kinds of arguments, for completion.
ADDRESS, PID, PROGRAM, NUMBER = "address", "pid", "program", "number"


LAST_WORD = re.compile(r"(.*[^\s+\-*/%&|^<>=,(\[!~:?.])\s+([\w.-]+)", re.S)


class Progress:
    """A line on the terminal, from the third second on, that goes away again."""

    def __init__(self, what):
        self.what = what
        self.began = self.shown = time.monotonic()

    def step(self, done, total):
        now = time.monotonic()
        if now - self.began > 2 and now - self.shown > 0.2 and os.isatty(2):
            self.shown = now
            gdb.write(f"\r{self.what}: {100 * done // max(total, 1)} %", gdb.STDERR)
            gdb.flush(gdb.STDERR)

    def end(self):
        if self.shown != self.began:
            gdb.write("\r" + " " * (len(self.what) + 8) + "\r", gdb.STDERR)


class Command(gdb.Command):
    """A command with a name, takes and gives; subclasses have run(arguments)."""

    name = ""
    takes = ()     # kinds of the arguments
    least = 0      # how many there have to be
    needs = "frames"
    category = gdb.COMMAND_DATA

    def __init__(self):
        super().__init__(self.name, self.category)
        self.dont_repeat()
        COMMANDS.append(self)

    def usage(self):
        return (self.__doc__ or "").strip().splitlines()[-1].strip()

    def words(self, argument):
        """The arguments. An expression may have blanks and quotes in it; what follows it, if its
        last word does not belong to an operator, is the next argument."""
        argument = argument.strip()
        if ADDRESS not in self.takes or not argument:
            return gdb.string_to_argv(argument)
        if self.takes[0] != ADDRESS:
            return argument.split(None, 1)
        last = LAST_WORD.fullmatch(argument) if len(self.takes) > 1 else None
        return list(last.groups()) if last else [argument]

    def invoke(self, argument, from_tty):
        words = self.words(argument)
        if not self.least <= len(words) <= len(self.takes):
            raise gdb.GdbError(self.usage())
        try:
            if self.needs:
                kernel.require(self.needs)
            self.run(words)
        except page_table.Broken as broken:
            raise gdb.GdbError(f"{self.name}: {broken}") from None
        except gdb.GdbError as error:
            raise gdb.GdbError(f"{self.name}: {error}") from None
        except gdb.error as error:
            raise gdb.GdbError(f"{self.name}: {error}") from None

    def complete(self, text, word):
        before = text[:len(text) - len(word)]
        try:
            at = len(self.words(before)) if before.endswith(" ") else 0
            kind = self.takes[at] if at < len(self.takes) else None
            if kind == ADDRESS:
                return gdb.COMPLETE_EXPRESSION
            if kind == PID:
                return matching(word, [str(each["pid"]) for each in space.processes()])
            if kind == PROGRAM:
                found = space.processes()
                names = {space.name_of(each) for each in found}
                return matching(word, sorted(names) + [str(each["pid"]) for each in found])
        except (gdb.error, gdb.GdbError):
            pass
        return gdb.COMPLETE_NONE


def matching(word, choices):
    return [choice for choice in choices if choice.startswith(word)]


def say(text=""):
    gdb.write(text + "\n")


def evaluate(text):
    """(value of an expression as 64 bits, its gdb.Value). What has no value of its own stands for
    its address: a function, an array, a structure."""
    result = gdb.parse_and_eval(text)
    kind = result.type.strip_typedefs()
    if kind.code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION,
                     gdb.TYPE_CODE_FUNC):
        if result.address is None:
            raise gdb.GdbError(f"{text} has no address")
        return int(result.address) & memory.ALL, result.address
    try:
        return int(result) & memory.ALL, result
    except (gdb.error, TypeError, ValueError):
        raise gdb.GdbError(f"{text} is no address") from None


def address(text):
    at = evaluate(text)[0]
    if not page_table.canonical(at):
        raise gdb.GdbError(f"{at:#x} is no address: bits 63 to 47 are not all the same")
    return at


def number(text, what="number"):
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return evaluate(text)[0]
    except (gdb.error, gdb.GdbError):
        raise gdb.GdbError(f"{text!r} is no {what}") from None


def pid(text):
    wanted = number(text, "process")
    space.process(wanted)
    return wanted


def plural(count, word):
    return f"{count} {word}" + ("" if count == 1 else "s")


def kind_name(page, names):
    kind = frames.kind_of(page)
    return names[kind] if kind < len(names) else f"kind {kind}"


def leaf_line(page, names=None):
    """"frame 0x36: anonymous, 2 references", as /sys/kernel/debug/faultline/walk ends."""
    names = names or frames.kinds()
    if not frames.known(page):
        return f"frame {page:#x}: no RAM"
    each = kernel.record("frame", frames.address(page))
    return f"frame {page:#x}: {kind_name(page, names)}, {each['references']} references"
