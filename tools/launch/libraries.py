# SPDX-License-Identifier: MIT
"""What a dynamically linked program needs beside itself: its loader, its libraries, and, where it
draws on terminals, their descriptions. Which files those are the program's own loader says, so
only a machine that can run x86-64 programs finds them."""
import os
import re
import struct
import subprocess

PT_INTERP = 3
# Where Debian's loader looks when no cache tells it more.
DEFAULT_DIRECTORIES = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib",
                       "/lib64", "/usr/lib64"}
LOADER = "/lib64/ld-linux-x86-64.so.2"
CACHE = "/etc/ld.so.cache"
TERMINAL_LIBRARIES = ("libtinfo", "libncurses")
TERMINFO = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"]


def loader_of(image):
    """The path of an ELF program's loader; None when it is static, or cut short."""
    if len(image) < 64:
        return None
    start, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for offset in range(start, start + size * count, size or 1):
        if offset + 56 > len(image):
            return None
        kind, _, at, _, _, length = struct.unpack_from("<IIQQQQ", image, offset)
        if kind == PT_INTERP:
            return image[at:at + length].rstrip(b"\0").decode(errors="replace")
    return None


def _listed(loader, path, module):
    """What the loader would load for the program, by absolute paths; None: it can not be asked, or
    not all is found. What a module misses, the program that loads it may have loaded before."""
    try:
        done = subprocess.run([loader, "--list", path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                              timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0 and not module:
        return None
    found = re.findall(r"(?:^|=>)\s+(/\S+) \(0x", done.stdout.decode(errors="replace"), re.M)
    return [os.path.normpath(file) for file in found]  # from $ORIGIN/../lib, say


def _descriptions():
    """Files that say how terminals are driven: of the one here, and of a few that are usual."""
    for terminal in {os.environ.get("TERM") or "dumb", "dumb", "linux", "vt100", "xterm"}:
        for directory in TERMINFO:
            path = os.path.join(directory, terminal[0], terminal)
            if "/" not in terminal and os.path.isfile(path):
                yield path
                break


def needed(path, image):
    """The files that a program, or a module that it loads, wants at the same places in the guest;
    None when that can not be found out. A static program needs nothing."""
    loader = loader_of(image)
    module = loader is None and path.endswith(".so")
    if module:
        loader = LOADER
    if loader is None:
        return []
    listed = _listed(loader, path, module)
    if listed is None:
        return [] if module else None
    files = {loader, *listed}
    elsewhere = any(os.path.dirname(file) not in DEFAULT_DIRECTORIES for file in files)
    if elsewhere and os.path.isfile(CACHE):
        files.add(CACHE)
    if any(os.path.basename(file).startswith(TERMINAL_LIBRARIES) for file in files):
        files |= set(_descriptions())
    return sorted(files)
