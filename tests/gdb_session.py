# SPDX-License-Identifier: MIT
"""Sessions of gdb in tests: tools/gdb/batch.py with the build that is tested."""
import functools
import os
import sys

import harness

sys.path.insert(1, os.path.join(harness.ROOT, "tools", "gdb"))
import batch

free_port = batch.free_port
Session = functools.partial(batch.Session, build=harness.BUILD)
Recorded = functools.partial(batch.Recorded, build=harness.BUILD)


def contains(tap, text, part, name):
    return tap.contains(text.encode(), part.encode(), name)
