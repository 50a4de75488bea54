#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner itself: it must be able to fail."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness


def prove(*files):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HARNESS", "PERL5"))}
    done = subprocess.run(["tests/run", *files], cwd=harness.ROOT, env=environment, check=False,
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return harness.Result(done.returncode, done.stdout, b"")


def silent():
    """A test that ends well but printed no result."""
    path = harness.built("silent.t")
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexit 0\n")
    os.chmod(path, 0o755)
    return path


def main():
    tap = harness.Tap()
    broken = prove("tests/broken/broken.t")
    tap.ok(broken.status != 0, "a broken test makes the runner fail", broken.describe())
    tap.contains(broken.output, b"Failed test:  2", "and it is named")
    empty = prove(silent())
    tap.ok(empty.status != 0, "so does a test without any result", empty.describe())
    missing = prove("tests/broken/nonexistent.t")
    tap.ok(missing.status != 0, "and one that is not there", missing.describe())
    return tap.done()


sys.exit(main())
