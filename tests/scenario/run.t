#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/run keeps its word: status, signals, arguments, environment, streams, errors."""
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

ENDS = harness.built("tests", "scenario", "ends")
SIGSEGV, SIGKILL = 11, 9
MODULAR = """#include <dlfcn.h>
int number(void);
int main(int count, char **words)
{
	void *module = dlopen(words[count - 1], RTLD_NOW);
	int (*twice)(void) = module ? (int (*)(void))dlsym(module, "twice") : 0;
	return twice ? twice() + number() : 1;
}
"""


def statuses(tap):
    for number in (0, 1, 42, 255):
        result = harness.run(ENDS, "exit", str(number))
        tap.ok(result.status == number, f"exit status {number}", result.describe())
    killed = harness.run(ENDS, "signal", str(SIGKILL))
    tap.ok(killed.status == 128 + SIGKILL, "ended by SIGKILL: 137", killed.describe())
    fault = harness.run(ENDS, "touch", "0x10")
    tap.ok(fault.status == 128 + SIGSEGV, "ended by SIGSEGV: 139", fault.describe())
    late = harness.launch(["--timeout", "3", ENDS, "loop"])
    tap.ok(late.status == 124, "--timeout: 124", late.describe())


def first_process(tap):
    """The program is not process 1 unless that is asked for; see tests/scenario/first.c."""
    first = harness.built("tests", "scenario", "first")
    for options, how, status in ((["--init"], "immortal", 128 + SIGSEGV), ([], "ordinary", 42),
                                 (["--cpus", "2"], "ordinary", 42)):
        result = harness.run(first, how, options=options)
        said = re.findall(rb"^((?:not )?ok) - (.*)$", result.output, re.M)
        for verdict, name in said:
            tap.ok(verdict == b"ok", f"{how}: {name.decode()}", result.describe())
        tap.ok(said and result.status == status and b" facts, 0 wrong" in result.errors,
               f"{how}: its end is the machine's, status {status}", result.describe())
    missing = harness.boot("run=/nothing")
    tap.ok(missing.status == 127, "run=: a program that is missing: 127", missing.describe())


def unseen(tap):
    """Nobody asked for process 1: it is in /proc, and in nothing that is told of a program."""
    shell = shutil.which("busybox")
    script = "(sleep 0.01 &); cat /proc/1/maps /proc/1/cmdline; sleep 0.05"
    options = ["--append", "strace", "--explain", "--trace-events", "fault,frame,process,call"]
    result = harness.run(shell, "sh", "-c", script, options=options)
    tap.ok(result.output == b"00400000-00401000 r-xp 00000000 00:00 0 \ninit\0",
           "process 1 has a page and a name", result.describe())
    tap.ok(b"[2] wait4(" in result.errors and b", process 2 (" in result.errors and
           b"[1] " not in result.errors and b", process 1 (" not in result.errors,
           "neither strace nor --explain tells of it", result.describe())


def contents(tap):
    words = ["a b", "", "--memory", "'\"$x", "\u00e9"]
    result = harness.run(ENDS, *words)
    tap.same(result.output, "".join(f"[{word}]\n" for word in words).encode(),
             "arguments arrive as they are")
    long = [letter * 100000 for letter in "abcdefgh"]
    result = harness.run(ENDS, *long)
    tap.ok(result.output == "".join(f"[{word}]\n" for word in long).encode(),
           "long ones too", result.errors)
    result = harness.run(ENDS, "env", "COLOUR", options=["--env", "COLOUR=deep blue"])
    tap.same(result.output, b"deep blue\n", "--env sets a variable")
    result = harness.run(ENDS, "env", "LOGNAME")
    tap.same(result.output, b"(unset)\n", "the host's own environment stays outside")


def streams(tap):
    result = harness.run(ENDS, "stderr", "complaint", options=["--quiet"])
    tap.ok((result.output, result.errors) == (b"", b"complaint\n"),
           "--quiet: only the program's own stderr", result.describe())
    log = harness.built("run-test.log")
    result = harness.run(ENDS, "exit", "0", options=["--log", log])
    tap.ok(result.errors == b"", "--log: nothing on stderr", result.describe())
    with open(log, "rb") as file:
        tap.contains(file.read(), b"faultline: init exited with status 0", "--log has the log")


def files(tap):
    with tempfile.TemporaryDirectory() as directory:
        odd = os.path.join(directory, "a program's name")
        shutil.copy(ENDS, odd)
        result = harness.run(odd, "exit", "3")
        tap.ok(result.status == 3, "a name that is no word", result.describe())
        os.makedirs(os.path.join(directory, "tree", "below"))
        for name in ("one", "below/two"):
            with open(os.path.join(directory, "tree", name), "w", encoding="utf-8") as file:
                file.write(name)
        given = ["--file", f"{directory}/tree:/data", "--file", "Makefile"]
        result = harness.run(shutil.which("busybox"), "cat", "/data/one", "/data/below/two",
                             "Makefile", options=given)
        with open("Makefile", "rb") as file:
            tap.same(result.output, b"onebelow/two" + file.read(), "--file: trees and names")
    with open("/dev/zero", "rb") as endless:
        done = subprocess.run(["tools/run", "--quiet", "--timeout", "30", "--kernel",
                               harness.built("kernel.elf"), ENDS, "exit", "4"], stdin=endless,
                              check=False)
        tap.ok(done.returncode == 4, "input that nobody reads holds nothing up", done)


def modules(tap):
    """A program whose library lies beside it, and which loads a module that names the library but
    not where it is: as Java and Python are."""
    if platform.machine() != "x86_64":
        tap.skip("this machine's loader cannot say what an x86-64 program needs")
        return
    with tempfile.TemporaryDirectory() as base:
        for directory in ("bin", "lib"):
            os.mkdir(os.path.join(base, directory))
        for name, text, options in (
                ("lib/libnumber.so", "int number(void) { return 7; }", ["-shared", "-fPIC"]),
                ("lib/module.so", "int number(void); int twice(void) { return 2 * number(); }",
                 ["-shared", "-fPIC", "-Wl,--no-as-needed", f"-L{base}/lib", "-lnumber"]),
                ("bin/program", MODULAR, [f"-L{base}/lib", "-Wl,-rpath,$ORIGIN/../lib",
                                          "-Wl,--no-as-needed", "-lnumber", "-ldl"])):
            subprocess.run(["gcc", "-x", "c", "-", "-o", os.path.join(base, name), *options],
                           input=text.encode(), check=True)
        result = harness.run(f"{base}/bin/program", f"{base}/lib/module.so",
                             options=["--with", f"{base}/lib"])
    tap.ok(result.status == 21, "--with: a module and its program's library", result.describe())


def empty_input(tap):
    """The kernel knows from the start that nothing comes, so that no interrupt of the host's
    choosing tells it later."""
    with tempfile.TemporaryFile() as file, open("/proc/version", "rb") as unsized:
        for name, given, text in (("/dev/null", subprocess.DEVNULL, b""), ("a file", file, b""),
                                  ("a file without a size", unsized, b"Linux")):
            done = subprocess.run(["tools/run", "--kernel", harness.built("kernel.elf"),
                                   shutil.which("busybox"), "cat"], stdin=given, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            told = b" stdin=empty" in done.stderr
            tap.ok(told == (not text) and done.stdout.startswith(text) and
                   bool(text) == bool(done.stdout), f"input from {name}", done)


def other_emulator(tap):
    if not shutil.which("bochs"):
        tap.skip("bochs is not installed: run make deps")
        return
    result = harness.run(ENDS, "env", "COLOUR", options=["--bochs", "--env", "COLOUR=blue"])
    tap.ok((result.status, result.output) == (0, b"blue\n"), "--bochs: output and status",
           result.describe())
    tap.contains(result.errors, b"faultline: init exited with status 0", "--bochs: the log")
    result = harness.launch(["--bochs", "--icount", ENDS])
    tap.ok(result.status == 125, "--bochs refuses what is QEMU's", result.describe())


def account(tap):
    """Tables for many kernel stacks at a time stay; the log tells them from a leak."""
    result = harness.run(ENDS, "crowd", "300")
    more = re.search(rb"page-table ([+]\d+) since", result.errors)
    own = re.search(rb"(\d+) of page-table are the kernel's own", result.errors)
    tap.ok(result.status == 0 and more and own and int(more[1]) == int(own[1]),
           "tables left behind are the kernel's own", result.describe())
    tap.contains(result.errors, b" facts, 0 wrong", "and the audit finds nothing wrong")


def own_errors(tap):
    cases = [("no program", []), ("no such program", ["/nonexistent"]),
             ("a directory", ["/tmp"]), ("not ELF", ["/etc/passwd"]),
             ("a bad size", ["--memory", "lots", ENDS]),
             ("too little memory", ["--memory", "3M", ENDS]),
             ("an unknown option", ["--nonsense", ENDS]),
             ("a file that is not there", ["--file", "/nonexistent", ENDS]),
             ("no directory for pictures", ["--picture=/nonexistent/x.png", ENDS]),
             ("pictures of a machine that gdb stops", ["--picture=x.png", "--gdb", ENDS]),
             ("QEMU refuses", ["--cpu", "no-such-model", ENDS])]
    for name, arguments in cases:
        result = harness.launch(arguments)
        one_line = result.errors.count(b"\n") == 1 and result.errors.startswith(b"tools/run: ")
        tap.ok(result.status == 125 and one_line, f"{name}: 125 and one line", result.describe())


def main():
    tap = harness.Tap()
    for part in (statuses, first_process, unseen, contents, streams, files, modules, empty_input,
                 other_emulator, account, own_errors):
        part(tap)
    return tap.done()


sys.exit(main())
