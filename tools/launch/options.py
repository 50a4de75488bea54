# SPDX-License-Identifier: MIT
"""The command line of tools/run."""
import argparse
import os
import re
import sys

from . import LaunchError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

MEMORY = "512M"
EVENTS = ("fault, frame, table, vma, call, process, switch, signal, syscall, shootdown, program, heap, "
          "stack")
MEMORY_LEAST = 4  # MiB
MEMORY_PICTURE = "64M"  # small enough for one mark a frame

DESCRIPTION = """\
Boots the kernel in QEMU and runs PROGRAM, an x86-64 Linux program of this machine, until it ends,
and with it the machine; a dynamically linked one brings its libraries with it. Standard input and output are the program's own, byte for byte; so is standard error,
which also shows the kernel's log unless --log or --quiet says otherwise."""

EPILOG = """\
Exit status: the program's own; 128+N when signal N ended it; 124 after --timeout; 125 when the
launcher itself failed; 70 when the kernel did. At a terminal Ctrl-A x leaves and Ctrl-A a sends
Ctrl-A."""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise LaunchError(f"{message} (tools/run --help)")


def _size(text):
    if not re.fullmatch(r"[1-9][0-9]*[KMGT]?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: say 64M or 1G")
    text = text if text[-1] in "KMGT" else text + "M"
    if int(text[:-1]) << 10 * "KMGT".index(text[-1]) < MEMORY_LEAST << 10:
        raise argparse.ArgumentTypeError(f"{text}: the kernel needs {MEMORY_LEAST}M to start")
    return text


def _positive(kind):
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
        return value
    return convert


def _list(text):
    if not re.fullmatch(r"[\w.,+-]{1,120}", text, flags=re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list like a,b,c")
    return text


def _events(text):
    """What the kernel would not know it refuses with a line in its log, and records nothing."""
    with open(os.path.join(ROOT, "lib", "trace_events.c"), encoding="ascii") as file:
        known = re.findall(r'"([a-z-]+)"', file.read())
    for word in _list(text).split(","):
        if word and word not in known:
            raise argparse.ArgumentTypeError(f"there is no event {word!r}; {EVENTS}")
    return text


def _pair(text):
    if not re.match(r"[^=]+=", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return text


def _parser():
    parser = Parser(prog="tools/run", description=DESCRIPTION, epilog=EPILOG,
                    usage="tools/run [options] PROGRAM [ARG...]", allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("program", nargs="?", metavar="PROGRAM")
    add("arguments", nargs=argparse.REMAINDER, metavar="ARG")
    add("--memory", type=_size, metavar="SIZE",
        help=f"RAM (default {MEMORY}; with --picture {MEMORY_PICTURE})")
    add("--cpus", type=_positive(int), default=1, metavar="N", help="processors (default 1)")
    add("--cpu", default="max,la57=off", metavar="MODEL", help="as QEMU's -cpu (default max)")
    add("--icount", action="store_true", help="rdtsc counts guest instructions, exactly")
    add("--file", action="append", default=[], metavar="HOST[:GUEST]",
        help="a file or directory that the program can open; may be repeated")
    add("--with", action="append", default=[], metavar="HOST[:GUEST]", dest="with_libraries",
        help="the same, with the shared libraries it needs: another program for a shell to run")
    add("--env", action="append", default=[], type=_pair, metavar="NAME=VALUE",
        help="a variable of the program's environment; may be repeated")
    add("--append", action="append", default=[], metavar="OPTIONS",
        help="boot options for the kernel; may be repeated")
    add("--initrd", metavar="FILE", help="start from this archive; PROGRAM may be a path in it")
    add("--init", action="store_true", help="PROGRAM is process 1: the parent of all orphans, whom "
        "signals that it does not handle do not reach (otherwise it is process 2, a child of the "
        "kernel's own process 1)")
    add("--timeout", type=_positive(float), metavar="S",
        help="end with status 124 after S seconds")
    add("--log", metavar="FILE", help="the kernel's log goes to FILE")
    add("--quiet", action="store_true", help="show the kernel's log only if the kernel fails")
    add("--picture", metavar="FILE.png", help="draw physical memory on the screen while PROGRAM "
        "runs: in a window, or with --picture=FILE.png into files, one for each mark the program "
        "makes (user/lib/mark.h) and FILE.png for the last moment")
    add("--iso", action="store_true", help="boot through GRUB from an ISO image")
    add("--uefi", action="store_true", help="the same, under UEFI firmware")
    add("--bochs", action="store_true", help="the same in Bochs, whose TLB is like hardware's; "
        "standard input is empty, standard error goes with the output")
    add("--trace", metavar="FILE", help="what the kernel does, as records in FILE (tools/trace)")
    add("--trace-events", metavar="LIST", type=_events,
        help=f"only these, with commas between: {EVENTS} (default: all)")
    add("--trace-pid", metavar="LIST", type=_list, help="only of these processes: numbers, names")
    add("--explain", action="store_true",
        help="explain every page fault, at the end, on standard error")
    add("--gdb", action="store_true", help="stop at reset and wait for gdb")
    add("--gdb-port", type=_positive(int), default=1234, metavar="N", help="its port (1234)")
    add("--record", metavar="DIR", help="record the run in DIR, without input, on one "
        "processor, so that gdb can step backwards in it (make gdb-record)")
    add("--replay", metavar="DIR", help="run again what DIR has recorded; PROGRAM is not given")
    add("--kernel", metavar="FILE", help="another kernel than build/kernel.elf")
    add("--debug", action="store_true", help="the kernel of `make DEBUG=1`")
    add("--qemu", action="append", default=[], metavar="ARG",
        help="one more argument for QEMU; may be repeated")
    return parser


def _check_recording(options):
    """Of --record and --replay, what does not go together."""
    named = "record" if options.record else "replay"
    for other in ("iso", "uefi", "bochs", "trace", "explain", "picture"):
        if getattr(options, other) not in (None, False):
            raise LaunchError(f"--{named} does not go with --{other}")
    if options.cpus != 1:
        raise LaunchError(f"--{named} is for one processor")
    if options.record and (options.replay or options.gdb):
        raise LaunchError("--record first, then --replay, with --gdb if you like")
    if options.replay and options.program:
        raise LaunchError("--replay runs what was recorded, no other program")


def _with_value(parser, arguments):
    """--picture alone does not take the next word for its file. What comes after PROGRAM is the
    program's."""
    words = list(arguments)
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "--picture":
            words[at] = "--picture="
        action = parser._option_string_actions.get(words[at])
        at += 2 if action and action.nargs is None else 1
    return words


def _check_picture(options):
    if options.picture and not options.picture.endswith(".png"):
        raise LaunchError(f"--picture={options.picture}: the name has to end in .png")
    directory = os.path.dirname(options.picture) or "."
    if not os.path.isdir(directory):
        raise LaunchError(f"--picture={options.picture}: there is no directory {directory}")
    if os.path.isdir(options.picture):
        raise LaunchError(f"--picture={options.picture}: it is a directory")
    if options.bochs or not options.program:
        raise LaunchError("--picture needs a PROGRAM, and does not go with --bochs")
    if options.picture and options.gdb:  # each would stop the machine, and let it go on, by itself
        raise LaunchError("--picture=FILE.png does not go with --gdb; --picture in a window does")
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    if not options.picture and sys.platform != "darwin" and not any(map(os.environ.get, screens)):
        raise LaunchError("--picture: there is no display for a window; "
                          "--picture=FILE.png keeps pictures in files")


def parse(arguments):
    parser = _parser()
    options = parser.parse_args(_with_value(parser, arguments))
    if not options.memory:
        options.memory = MEMORY if options.picture is None else MEMORY_PICTURE
    if options.record or options.replay:
        _check_recording(options)
    if options.replay:
        return options
    if options.picture is not None:
        _check_picture(options)
    qemu_only = [name for name in ("icount", "uefi", "trace", "explain", "gdb", "qemu")
                 if getattr(options, name)]
    if options.bochs and qemu_only:
        raise LaunchError(f"--{qemu_only[0]} is QEMU's and does not go with --bochs")
    if (options.trace_events or options.trace_pid) and not (options.trace or options.explain):
        raise LaunchError("--trace-events and --trace-pid go with --trace or --explain")
    if not options.kernel:
        variant = "build/debug" if options.debug else "build"
        options.kernel = os.path.join(ROOT, variant, "kernel.elf")
    if not os.path.isfile(options.kernel):
        raise LaunchError(f"{os.path.relpath(options.kernel)} is not there: run make"
                          + (" DEBUG=1" if options.debug else ""))
    boots_itself = any(re.search(r"(^|\s)(init|run|test)=", words) for words in options.append)
    if not options.program and not boots_itself:
        raise LaunchError("which program? (tools/run --help)")
    return options
