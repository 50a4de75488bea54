# SPDX-License-Identifier: MIT
"""gdb in batch mode, on the kernel as `make debug` starts it: commands in, what each printed out."""
import os
import socket
import subprocess

import harness

SCRIPT = '''
import gdb
for line in {commands!r}:
    gdb.write("\\x01" + line + "\\n")
    try:
        gdb.execute(line)
    except gdb.error as error:
        gdb.write(f"error: {{error}}\\n")
'''


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def contains(tap, text, part, name):
    return tap.contains(text.encode(), part.encode(), name)


class Session:
    """What a gdb session gave: output by command, in order; and the run's own output."""

    def __init__(self, commands, program, *arguments, options=(), limit=60, kernel=None):
        port = free_port()
        kernel = kernel or harness.built("kernel.elf")
        command = [os.path.join(harness.ROOT, "tools", "run"), "--kernel", kernel, "--quiet",
                   "--timeout", str(limit), "--gdb", "--gdb-port", str(port), *options, program,
                   *arguments]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as run:
            try:
                self.text = self._debug(commands, port, program, kernel, limit)
                self.output = run.communicate(timeout=limit)[0].decode(errors="replace")
            finally:
                run.kill()
        self.status = run.returncode
        parts = self.text.split("\x01")[1:]
        self.answers = [part.split("\n", 1) for part in parts]

    def _debug(self, commands, port, program, kernel, limit):
        script = harness.built(f"gdb-{port}.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(SCRIPT.format(commands=list(commands)))
        environment = dict(os.environ, FAULTLINE_GDB_PORT=str(port), FAULTLINE_PROGRAM=program,
                           FAULTLINE_BUILD=harness.BUILD)
        try:
            done = subprocess.run(["gdb", "-q", "-nx", "-batch", "-x", "tools/gdb/faultline.gdb",
                                   "-x", script, kernel], cwd=harness.ROOT, env=environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                                  stderr=subprocess.STDOUT, timeout=limit)
        finally:
            os.unlink(script)
        return done.stdout.decode(errors="replace")

    def of(self, command, nth=0):
        """What the nth use of a command printed."""
        found = [text for line, text in self.answers if line == command]
        return found[nth] if nth < len(found) else f"({command} was not reached)\n"

    def describe(self):
        return f"status {self.status}\n{self.output[-2000:]}\n{self.text[-4000:]}"
