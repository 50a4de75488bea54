# SPDX-License-Identifier: MIT
"""gdb in batch mode, on the kernel as `make debug` starts it: commands in, what each printed
out."""
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


class Answers:
    """What commands printed, in order."""

    def __init__(self, text):
        self.text = text
        self.answers = [part.split("\n", 1) for part in text.split("\x01")[1:]]

    def of(self, command, nth=0):
        """What the nth use of a command printed."""
        found = [text for line, text in self.answers if line == command]
        return found[nth] if nth < len(found) else f"({command} was not reached)\n"


class Script:
    """A file of commands for gdb, for a while."""

    def __init__(self, commands):
        self.path = harness.built(f"gdb-{os.getpid()}-{free_port()}.py")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(SCRIPT.format(commands=list(commands)))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        os.unlink(self.path)


class Session(Answers):
    """A run with gdb: its answers, the program's output and status."""

    def __init__(self, commands, program, *arguments, options=(), limit=60, kernel=None):
        port = free_port()
        kernel = kernel or harness.built("kernel.elf")
        command = [os.path.join(harness.ROOT, "tools", "run"), "--kernel", kernel, "--quiet",
                   "--timeout", str(limit), "--gdb", "--gdb-port", str(port), *options, program,
                   *arguments]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as run:
            try:
                with Script(commands) as script:
                    text = self._debug(script, port, program, kernel, limit)
                self.output = run.communicate(timeout=limit)[0].decode(errors="replace")
            finally:
                run.kill()
        self.status = run.returncode
        super().__init__(text)

    def _debug(self, script, port, program, kernel, limit):
        environment = dict(os.environ, FAULTLINE_GDB_PORT=str(port), FAULTLINE_PROGRAM=program,
                           FAULTLINE_BUILD=harness.BUILD)
        done = subprocess.run(["gdb", "-q", "-nx", "-batch", "-x", "tools/gdb/faultline.gdb",
                               "-x", script, kernel], cwd=harness.ROOT, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, timeout=limit)
        return done.stdout.decode(errors="replace")

    def describe(self):
        return f"status {self.status}\n{self.output[-2000:]}\n{self.text[-4000:]}"
