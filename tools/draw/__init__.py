# SPDX-License-Identifier: MIT
"""Drawing the picture of memory on the reader's machine: see tools/picture."""


class PictureError(Exception):
    """What is wrong with what was given, for the person who gave it."""
