# SPDX-License-Identifier: MIT
"""cpio archives in the `newc` form. Times and owners are zero, so that the same files always
give the same bytes and a run under --icount repeats exactly."""
import stat

from . import LaunchError

FIELDS = 13
HEADER = 6 + 8 * FIELDS


def _padding(length):
    return b"\0" * (-length % 4)


def _entry(name, mode, data, inode):
    encoded = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    numbers = [inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return head + _padding(len(head)) + data + _padding(len(data))


class Archive:
    """Files by their path in the guest, without the leading slash; directories come by
    themselves."""

    def __init__(self):
        self.entries = {}
        self.origins = {}  # files of the host by their absolute path in the guest, where known

    def add(self, path, data, mode=stat.S_IFREG | 0o644):
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            raise LaunchError(f"{path!r} is no path for a file of the guest")
        for depth in range(1, len(parts)):
            self.entries.setdefault("/".join(parts[:depth]), (stat.S_IFDIR | 0o755, b""))
        self.entries["/".join(parts)] = (mode, data)

    def add_directory(self, path):
        self.add(path, b"", stat.S_IFDIR | 0o755)

    def __contains__(self, path):
        return path.strip("/") in self.entries

    def get(self, path):
        return self.entries.get(path.strip("/"), (0, None))[1]

    def load(self, image, name):
        """Adds what another archive holds; `name` is what an error calls it."""
        offset = 0
        while image[offset:offset + 6] in (b"070701", b"070702"):
            fields = [int(image[at:at + 8], 16)
                      for at in range(offset + 6, offset + HEADER, 8)]
            mode, size, name_size = fields[1], fields[6], fields[11]
            path = image[offset + HEADER:offset + HEADER + name_size - 1].decode()
            if path == "TRAILER!!!":
                return
            data = offset + HEADER + name_size
            data += -data % 4
            if path.strip("./"):
                self.add(path, image[data:data + size], mode)
            offset = data + size
            offset += -offset % 4
        raise LaunchError(f"{name} is not a cpio archive in the newc form")

    def image(self):
        pieces = [_entry(path, mode, data, inode)
                  for inode, (path, (mode, data)) in enumerate(sorted(self.entries.items()), 1)]
        return b"".join(pieces) + _entry("TRAILER!!!", 0, b"", 0)
