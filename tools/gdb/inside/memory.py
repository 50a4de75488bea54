# SPDX-License-Identifier: MIT
"""Bytes of the guest. They come through gdb's remote protocol, some 2 KiB a packet, so they are
read by the page and kept until the machine runs on, or somebody writes. (Whoever looks in a
breakpoint's stop() has to forget() first.)"""
import gdb

PAGE = 4096
ALL = (1 << 64) - 1

_pages = {}


def forget(_event=None):
    _pages.clear()


for _event in (gdb.events.stop, gdb.events.cont, gdb.events.exited, gdb.events.memory_changed):
    _event.connect(forget)


def _fetch(address, size):
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except gdb.MemoryError:
        raise gdb.GdbError(f"nothing to be read at {address:#x}") from None
    except gdb.error as error:
        raise gdb.GdbError(str(error)) from None


def _fill(first, last):
    """Pages first..last, of which some may be known: each run of unknown ones at once."""
    page = first
    while page <= last:
        if page in _pages:
            page += PAGE
            continue
        end = page
        while end <= last and end not in _pages:
            end += PAGE
        data = _fetch(page, end - page)
        for at in range(page, end, PAGE):
            _pages[at] = data[at - page:at - page + PAGE]
        page = end


def read(address, size):
    """`size` bytes of the kernel's addresses. GdbError where nothing is."""
    address &= ALL
    if not size:
        return b""
    first, last = address & -PAGE, (address + size - 1) & -PAGE
    _fill(first, last)
    start = address - first
    if first == last:
        return _pages[first][start:start + size]
    return b"".join(_pages[at] for at in range(first, last + 1, PAGE))[start:start + size]


def word(address):
    return int.from_bytes(read(address, 8), "little")


def string(address, most=4096):
    """A NUL-terminated one."""
    found = b""
    while len(found) < most:
        piece = read(address + len(found), PAGE - (address + len(found)) % PAGE)
        end = piece.find(b"\0")
        if end >= 0:
            found += piece[:end]
            break
        found += piece
    return found[:most].decode(errors="backslashreplace")
