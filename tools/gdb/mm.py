# SPDX-License-Identifier: MIT
"""Loads the commands: tools/gdb/inside has them."""
import os
import sys

import gdb

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from inside import (command, programs, show_audit, show_break, show_frame,  # noqa: E402
                    show_heap, show_page, show_process, show_reverse, show_trace)


class Mm(gdb.Command):
    """List the commands that look into the kernel's memory.
They only read, and work at any breakpoint. `help NAME` says more of each.
Usage: mm"""

    def __init__(self):
        super().__init__("mm", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for each in command.COMMANDS:
            usage = each.usage().removeprefix("Usage: ")
            gdb.write(f"{usage:<38} {each.__doc__.strip().splitlines()[0]}\n")


programs.install()
if os.environ.get("FAULTLINE_REPLAY"):
    show_reverse.End()
Mm()
for each in (show_process.Ps, show_process.Vmas, show_page.Walk, show_frame.Frame,
             show_frame.Buddy, show_heap.HeapCommand, show_trace.Trace, show_audit.Audit,
             show_break.BreakFault, show_reverse.WhoWrote):
    each()
