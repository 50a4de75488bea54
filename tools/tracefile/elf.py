# SPDX-License-Identifier: MIT
"""Functions of ELF files: from an address to a name, and to a source line where the file says
which and addr2line is installed. Files may be members of a cpio archive: ARCHIVE#path."""
import bisect
import functools
import re
import shutil
import struct
import subprocess
import tempfile

from launch.archive import Archive

SHT_SYMTAB, SHT_DYNSYM = 2, 11
STT_FUNC, STT_NOTYPE = 2, 0
PT_LOAD = 1
PAGE = 4096


@functools.lru_cache(maxsize=4)
def _archive(path):
    archive = Archive()
    with open(path, "rb") as file:
        archive.load(file.read(), path)
    return archive


def read_image(name):
    """The bytes of a file, or of an archive's member; None when there is no such thing."""
    path, mark, member = name.partition("#")
    try:
        if mark:
            return _archive(path).get(member)
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError, UnicodeDecodeError):
        return None


class Elf:
    """One file's functions and segments."""

    def __init__(self, name, image):
        self.name = name
        self.image = image
        kind, = struct.unpack_from("<H", image, 16)
        self.fixed = kind == 2  # ET_EXEC
        self.segments = list(self._segments())
        self.functions = sorted(self._functions())
        self.starts = [start for start, _, _ in self.functions]
        self.lines = {}

    def _segments(self):
        offset, = struct.unpack_from("<Q", self.image, 32)
        size, count = struct.unpack_from("<HH", self.image, 54)
        for at in range(offset, offset + size * count, size or 1):
            kind, flags, place, address, _, _, length = struct.unpack_from("<IIQQQQQ", self.image,
                                                                           at)
            if kind == PT_LOAD:
                yield place, address, length, flags

    @property
    def high(self):
        """The end of what is loaded, rounded up to a page, without the bias."""
        return max((address + length + PAGE - 1) // PAGE * PAGE
                   for _, address, length, _ in self.segments)

    def bias_for(self, address, offset):
        """What was added to this file's addresses where its page at `offset` lies at `address`."""
        if self.fixed:
            return 0
        for place, virtual, _, _ in self.segments:
            if place // PAGE * PAGE == offset:
                return address - virtual // PAGE * PAGE
        return None

    def _functions(self):
        offset, = struct.unpack_from("<Q", self.image, 40)
        size, count = struct.unpack_from("<HH", self.image, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", self.image, offset + i * size)
                    for i in range(count if size >= 64 else 0)]
        kinds = [section[1] for section in sections]
        wanted = SHT_SYMTAB if SHT_SYMTAB in kinds else SHT_DYNSYM
        for section in sections:
            if section[1] == wanted:
                strings = sections[section[6]]
                yield from self._symbols(section, strings[4])

    def _symbols(self, section, strings):
        for at in range(section[4], section[4] + section[5], 24):
            name, info, _, index, value, length = struct.unpack_from("<IBBHQQ", self.image, at)
            if index == 0 or value == 0 or info & 15 not in (STT_FUNC, STT_NOTYPE):
                continue
            end = self.image.index(b"\0", strings + name)
            text = self.image[strings + name:end].decode(errors="replace")
            text = re.sub(r"\.(isra|constprop|part|cold)\b.*", "", text)
            if text and not text.startswith((".", "$")):
                yield value, length, text

    def function(self, address):
        """(name, offset in it) or None. Of several names the one with a size is the function."""
        at = bisect.bisect_right(self.starts, address) - 1
        best = None
        while at >= 0 and self.starts[at] > address - (1 << 20):
            start, length, name = self.functions[at]
            if length and address < start + length:
                return name, address - start
            if best is None and not length:
                best = name, address - start
            if length:
                break
            at -= 1
        return best

    def bytes_at(self, address, length):
        """What the file has at an address; b"" where it has nothing."""
        for place, start, size, _ in self.segments:
            if start <= address < start + size:
                return self.image[place + address - start:place + address - start + length]
        return b""

    def makes_frame(self, address):
        """Whether the function of this address begins by saving rbp (behind an ENDBR64)."""
        found = self.function(address)
        code = self.bytes_at(address - found[1], 5) if found else b""
        return code.startswith(b"\x55") or code == b"\xf3\x0f\x1e\xfa\x55"

    def called_from(self, address, callee):
        """Whether a call to the function of `callee` stands before `address`: one by name, or one
        through a register or memory, of which that can not be told."""
        found = self.function(callee)
        code = self.bytes_at(address - 7, 7)
        if not found or len(code) < 7:
            return False
        if code[2] == 0xe8:
            target = address + int.from_bytes(code[3:], "little", signed=True)
            return target == callee - found[1]
        return any(code[at] == 0xff and code[at + 1] >> 3 & 7 == 2 for at in (0, 1, 4, 5))

    def find_lines(self, addresses):
        """Asks addr2line for all of them at once; line() answers from what it said."""
        wanted = sorted(set(addresses) - set(self.lines))
        tool = shutil.which("addr2line")
        if not wanted or not tool or b".debug_line\0" not in self.image:
            return
        with tempfile.NamedTemporaryFile(prefix="faultline-elf-") as file:
            path = self.name
            if "#" in path:
                file.write(self.image)
                file.flush()
                path = file.name
            done = subprocess.run([tool, "-e", path], check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL,
                                  input="".join(f"{a:#x}\n" for a in wanted).encode())
        for address, text in zip(wanted, done.stdout.decode(errors="replace").splitlines()):
            text = text.split(" (")[0]
            self.lines[address] = None if text.startswith("?") or text.endswith((":?", ":0")) \
                else text

    def line(self, address):
        """"file:line", or None."""
        return self.lines.get(address)


@functools.lru_cache(maxsize=None)
def load(name):
    """The file as an Elf, or None when it is none."""
    image = read_image(name)
    if not image or image[:4] != b"\x7fELF" or len(image) < 64 or image[4] != 2:
        return None
    try:
        return Elf(name, image)
    except (struct.error, ValueError, IndexError):
        return None
