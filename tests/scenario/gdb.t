#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gdb as `make debug` and `make gdb` start it: the first instruction, breakpoints on both sides,
one step into a page fault, one through `syscall`, and the running program's symbols."""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from gdb_session import free_port

COMMANDS = """
info symbol $pc
program-stop debugged
tbreak main
continue
tbreak touch
continue
while ($cs & 3) == 3
stepi
end
printf "after the store: "
info symbol $pc
tbreak mm_fault
continue
printf "fault: access %d\\n", access
backtrace 2
tbreak syscall_entry
continue
stepi
printf "after syscall: "
info symbol $pc
tbreak sys_getppid
continue
backtrace 1
detach
"""


def debug(port, program, directory):
    """gdb's output, in batch mode."""
    script = os.path.join(directory, "gdb-test.gdb")
    with open(script, "w", encoding="ascii") as file:
        file.write(COMMANDS)
    environment = dict(os.environ, FAULTLINE_GDB_PORT=str(port), FAULTLINE_PROGRAM=program,
                       FAULTLINE_BUILD=harness.BUILD)
    done = subprocess.run(["gdb", "-q", "-nx", "-batch", "-x", "tools/gdb/faultline.gdb", "-x",
                           script, harness.built("kernel.elf")], cwd=harness.ROOT,
                          env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=60)
    return done.stdout


def main():
    tap = harness.Tap()
    program = harness.built("tests", "scenario", "debugged")
    port = free_port()
    if not shutil.which("gdb"):
        tap.skip("gdb is not installed: run make deps")
        return tap.done()
    command = [os.path.join(harness.ROOT, "tools", "run"), "--kernel", harness.built("kernel.elf"),
               "--quiet", "--timeout", "60", "--gdb", "--gdb-port", str(port), program]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as run:
        output = debug(port, program, harness.BUILD)
        status = run.wait()
    tap.contains(output, b"boot_entry_pvh in section", "stops at the kernel's first instruction")
    tap.contains(output, b"symbols of", "loads the symbols of the program that runs")
    tap.contains(output, b"main () at tests/scenario/debugged.c", "a breakpoint in the program")
    tap.contains(output, b"after the store: page_fault_entry",
                 "a step over a store to a new page lands in the page fault's entry")
    tap.contains(output, b"#0  mm_fault (", "a breakpoint in the kernel, on the same fault")
    tap.contains(output, b"fault: access 2", "with its arguments")
    tap.contains(output, b"after syscall: syscall_entry", "a step through syscall")
    tap.contains(output, b"sys_getppid", "and on to the call itself")
    tap.ok(status == 7, "the program, let go, ends as it would have", f"status {status}")
    return tap.done()


sys.exit(main())
