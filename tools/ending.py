# SPDX-License-Identifier: MIT
"""How a tool ends that somebody interrupts: quietly, with the status a shell gives for it."""
import signal
import sys


def end(main):
    """Runs `main` and exits with what it returns."""
    try:
        status = main()
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    sys.exit(status)
