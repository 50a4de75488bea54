# SPDX-License-Identifier: MIT
"""Reading the kernel's trace (docs/tracing.md): used by tools/trace."""


class TraceError(Exception):
    """What is wrong with a file, in words for the person who named it."""
