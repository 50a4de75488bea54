#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""malloc's threads under ThreadSanitizer, on Linux."""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


def main():
    tap = harness.Tap()
    program = harness.built("tests", "sanitize", "malloc_threads")
    if not os.path.exists(program) or not shutil.which("setarch"):
        print("1..0 # SKIP tests/sanitize/malloc_threads is not built, or there is no setarch")
        return 0
    # Addresses as ThreadSanitizer expects them, whatever the machine's kernel randomises.
    done = subprocess.run(["setarch", "-R", program], check=False, timeout=300,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if b"FATAL: ThreadSanitizer" in done.stderr or b"setarch:" in done.stderr:
        tap.skip("ThreadSanitizer does not run here: " +
                 done.stderr.decode(errors="replace").splitlines()[0])
        return tap.done()
    tap.ok(done.returncode == 0 and done.stdout == b"nothing is left\n" and not done.stderr,
           "threads that allocate and free what others allocated: no race",
           (done.stdout + done.stderr).decode(errors="replace")[:4000])
    return tap.done()


sys.exit(main())
