# SPDX-License-Identifier: MIT
"""What tests written in Python share: TAP, and running things on the kernel. Every run has a time
limit of its own, so that no test can hang."""
import difflib
import fcntl
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(ROOT, "tools"))  # progress.py, launch
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
BOCHS = os.environ.get("MACHINE") == "bochs"  # `make test-bochs`
# Seconds for one boot, unless the test says otherwise.
LIMIT = int(os.environ.get("LIMIT") or (240 if BOCHS else 60))


def with_clang():
    """Whether the kernel is compiled by clang."""
    with open(built("flags", "kernel"), encoding="utf-8") as flags:
        return "clang" in flags.read().split()[0]


def built(*parts):
    """Path of something that the build made."""
    return os.path.join(BUILD, *parts)


def terminals():
    """Whether this machine gives pseudo-terminals to tests that need them (containers may not)."""
    try:
        for descriptor in os.openpty():
            os.close(descriptor)
        return True
    except OSError:
        return False


class Tap:
    """Numbers the tests and prints them; the plan comes last, in done()."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def note(self, text):
        for line in str(text).splitlines():
            print("#", line)

    def ok(self, passed, name, explanation=""):
        self.count += 1
        print("ok" if passed else "not ok", self.count, "-", name.replace("#", ""))
        if not passed:
            self.failed += 1
            self.note(explanation)
        sys.stdout.flush()
        return bool(passed)

    def same(self, got, wanted, name):
        """Bytes that must be equal; shows the first lines that are not."""
        if got == wanted:
            return self.ok(True, name)
        lines = difflib.unified_diff(_lines(wanted), _lines(got), "wanted", "got", lineterm="")
        shown = [line for line, _ in zip(lines, range(20))]
        return self.ok(False, name, "\n".join(shown) or "same lines, different bytes")

    def contains(self, text, part, name):
        return self.ok(part in text, name, f"{part!r} is not in:\n{_tail(text)}")

    def skip(self, name):
        self.count += 1
        print("ok", self.count, "# SKIP", name)

    def done(self):
        print(f"1..{self.count}")
        return 1 if self.failed or not self.count else 0


def _lines(data):
    return data[:100000].decode(errors="backslashreplace").splitlines()


def _tail(data):
    return data[-3000:].decode(errors="backslashreplace")


class Result:
    """What a run gave: exit status, standard output, standard error (with the kernel's log)."""

    def __init__(self, status, output, errors):
        self.status = status
        self.output = output
        self.errors = errors

    def describe(self):
        return (f"status {self.status}\n--- stdout\n{_tail(self.output)}\n"
                f"--- stderr\n{_tail(self.errors)}")


def launch(arguments, stdin=b"", limit=LIMIT, kernel=None):
    """tools/run with these arguments; the kernel is the build's own unless named. CPUS in the
    environment says how many processors it has where the test does not, MUTANT which bug. A
    later --timeout among the arguments stands."""
    if "--timeout" in arguments:
        limit = max(limit, int(arguments[arguments.index("--timeout") + 1]))
    options = ["--kernel", kernel or built("kernel.elf"), "--timeout", str(limit)]
    if BOCHS:
        options.append("--bochs")
    if "CPUS" in os.environ and not {"--cpus", "--icount"} & set(arguments):
        options += ["--cpus", os.environ["CPUS"]]
    if "MUTANT" in os.environ:
        options += ["--append", "mutant=" + os.environ["MUTANT"]]
    given = {"input": stdin} if stdin else {"stdin": subprocess.DEVNULL}
    done = subprocess.run([os.path.join(ROOT, "tools", "run")] + options + arguments, **given,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=limit + 30)
    return Result(done.returncode, done.stdout, done.stderr)


def make_debug(*targets):
    """Builds in the directory of the debug kernel, one test at a time: what the build said, or
    None when all went well."""
    directory = os.path.join(os.environ.get("BUILD", "build"), "debug")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    os.makedirs(os.path.join(ROOT, directory), exist_ok=True)
    with open(os.path.join(ROOT, directory, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "DEBUG=1", f"BUILD={directory}", *targets], cwd=ROOT,
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, timeout=300)
    return done.stdout.decode(errors="replace") if done.returncode else None


def run(program, *arguments, options=(), **others):
    """A program on the kernel."""
    return launch(list(options) + [program] + list(arguments), **others)


def boot(words, options=(), **others):
    """The kernel without a program of the host: `words` are its boot options."""
    return launch(list(options) + ["--append", words], **others)
