# SPDX-License-Identifier: MIT
"""gdb without a person: commands in, and what each of them printed. For the tests, and for the
documents, whose sessions are real (tools/docs)."""
import os
import socket
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARK = "\x01"  # before each command, in what gdb prints
SCRIPT = '''
import gdb
for line in {commands!r}:
    gdb.write("{mark}" + line + "\\n")
    try:
        gdb.execute(line)
    except gdb.error as error:
        gdb.write(f"error: {{error}}\\n")
gdb.write("{mark}{mark}")
'''


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Script:
    """A file of commands for gdb, for a while."""

    def __init__(self, commands):
        descriptor, self.path = tempfile.mkstemp(suffix=".py", prefix="faultline-gdb-")
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(SCRIPT.format(commands=list(commands), mark=MARK))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        os.unlink(self.path)


class Answers:
    """What commands printed, in order."""

    def __init__(self, text):
        self.text = text
        parts = text.partition(2 * MARK)[0].split(MARK)[1:]
        self.answers = [tuple(part.split("\n", 1)) for part in parts]

    def of(self, command, nth=0):
        """What the nth use of a command printed."""
        found = [text for line, text in self.answers if line == command]
        return found[nth] if nth < len(found) else f"({command} was not reached)\n"


def _output(line, environment, limit):
    try:
        done = subprocess.run(line, cwd=ROOT, env=dict(os.environ, **environment), check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit)
        text = done.stdout
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"") + f"\n(stopped after {limit} s)\n".encode()
    return text.decode(errors="replace")


class Session(Answers):
    """A run with gdb: its answers, the program's output and status."""

    def __init__(self, commands, program, *arguments, build="build", options=(), limit=60,
                 kernel=None):
        port = free_port()
        kernel = kernel or os.path.join(build, "kernel.elf")
        command = [os.path.join(ROOT, "tools", "run"), "--kernel", kernel, "--quiet",
                   "--timeout", str(limit), "--gdb", "--gdb-port", str(port), *options, program,
                   *arguments]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              cwd=ROOT) as run:
            try:
                with Script(commands) as script:
                    line = ["gdb", "-q", "-nx", "-batch", "-x", "tools/gdb/faultline.gdb", "-x",
                            script, kernel]
                    text = _output(line, {"FAULTLINE_GDB_PORT": str(port),
                                          "FAULTLINE_PROGRAM": program,
                                          "FAULTLINE_BUILD": build}, limit)
                self.output = run.communicate(timeout=limit)[0].decode(errors="replace")
            finally:
                run.kill()
        self.status = run.returncode
        super().__init__(text)

    def describe(self):
        return f"status {self.status}\n{self.output[-2000:]}\n{self.text[-4000:]}"


class Recorded(Answers):
    """The same on a recording: tools/replay with these options."""

    def __init__(self, commands, *options, build="build", limit=120):
        with Script(commands) as script:
            line = [os.path.join(ROOT, "tools", "replay"), "--build", build]
            line += [f"--gdb={option}" for option in ("-nx", "-batch", "-x", script)]
            super().__init__(_output(line + list(options), {}, limit))
