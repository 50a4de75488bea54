# SPDX-License-Identifier: MIT
"""The program to run, as files of an initrd."""
import os
import re
import shutil
import stat
import struct

from . import LaunchError, libraries
from .archive import Archive
from .options import ROOT

EM_X86_64 = 62

PAUSE = "2"  # seconds that a marked moment stays in the window

# Who is who, for programs that ask (ps, ls -l), where nobody says otherwise.
USERS = ["passwd", "group"]


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise LaunchError(f"{path}: {error.strerror}") from None


def find(name):
    """As a shell finds it, except that a file here needs no ./ before its name."""
    if os.path.isfile(name):
        return name
    found = None if "/" in name else shutil.which(name)
    if found:
        return found
    if os.path.isdir(name):
        raise LaunchError(f"{name}: is a directory, not a program")
    raise LaunchError(f"{name}: no such program")


def check(path, image):
    """Refuses what the kernel could not run, in words better than its ENOEXEC."""
    if image[:4] != b"\x7fELF" or len(image) < 64:
        raise LaunchError(f"{path}: not an ELF program")
    if image[4] != 2 or image[5] != 1 or struct.unpack_from("<H", image, 18)[0] != EM_X86_64:
        raise LaunchError(f"{path}: not a program for x86-64")


def _add_libraries(archive, path, image):
    """What the program is linked with, unless --file has brought another of the same name."""
    files = libraries.needed(path, image)
    if files is None:
        loader = libraries.loader_of(image)
        if loader in archive:
            return
        raise LaunchError(f"{path}: is dynamically linked, and its libraries are not found here; "
                          f"link it with -static, or give {loader} and them with --file")
    for file in files:
        if file not in archive:
            archive.add(file, _read(file), os.stat(file).st_mode)
    if files:
        for name in USERS:
            if f"etc/{name}" not in archive:
                archive.add(f"etc/{name}", _read(os.path.join(ROOT, "user", "etc", name)))


def _guest_path(host):
    """The same name means the same file to the program: an absolute path stays, a relative one
    is seen from the guest's working directory, which is /."""
    if os.path.isabs(host):
        return host
    parts = os.path.normpath(host).split("/")
    return "/" + "/".join(part for part in parts if part != "..")


def _add_tree(archive, host, guest):
    for directory, _, files in os.walk(host):
        inside = os.path.normpath(os.path.join(guest, os.path.relpath(directory, host)))
        if inside.strip("/"):
            archive.add_directory(inside)
        for name in files:
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                archive.add(os.path.join(inside, name), _read(path), os.stat(path).st_mode)


def add_file(archive, argument):
    """--file HOST[:GUEST]; a directory brings all that is in it."""
    host, colon, guest = argument.rpartition(":")
    if not colon or os.path.exists(argument):
        host, guest = argument, ""
    guest = guest or _guest_path(host)
    if os.path.isdir(host):
        _add_tree(archive, host, guest)
        return
    data = _read(host)
    if guest.endswith("/"):
        guest += os.path.basename(host)
    archive.add(guest, data, os.stat(host).st_mode)
    archive.origins["/" + guest.strip("/")] = host


def add_with(archive, argument):
    """--with HOST[:GUEST]: as --file, and the libraries of the programs and modules in it."""
    host = argument
    if not os.path.exists(host):
        host = host.rpartition(":")[0] or host
    if not os.path.exists(host):
        host = argument = find(argument)
    add_file(archive, argument)
    files = [host]
    if os.path.isdir(host):
        files = [os.path.join(directory, name) for directory, _, names in os.walk(host)
                 for name in names if os.path.isfile(os.path.join(directory, name))]
    for path in files:
        image = _read(path)
        if image[:4] == b"\x7fELF":
            _add_libraries(archive, path, image)


def _strings(values):
    return b"".join(os.fsencode(value) + b"\0" for value in values)


def pack(options):
    """The initrd for these options, the path of the program that the kernel is to run (None: as
    --append says), and which files of the host some of its files are."""
    archive = Archive()
    if options.initrd:
        archive.load(_read(options.initrd), options.initrd)
        archive.origins[""] = options.initrd
    for argument in options.file:
        add_file(archive, argument)
    for argument in options.with_libraries:
        add_with(archive, argument)
    path = None
    if options.program:
        path = _add_program(archive, options)
        words = [options.program] + options.arguments
        if options.picture is not None and os.path.basename(path) != "memmap":
            path, words = _beneath_memmap(archive, options, path)
        archive.add(".faultline/argv", _strings(words))
    environment = {"PATH": "/bin:/usr/bin:/sbin:/usr/sbin", "HOME": "/", "TERM": os.environ.get("TERM", "dumb")}
    if os.environ.get("NO_COLOR"):
        environment["NO_COLOR"] = os.environ["NO_COLOR"]  # whoever set it here means it there too
    environment.update(pair.split("=", 1) for pair in options.env)
    archive.add(".faultline/env", _strings(f"{k}={v}" for k, v in environment.items()))
    return archive.image(), path, archive.origins


def _beneath_memmap(archive, options, guest):
    """What draws is a program as well, and runs the one that was asked for."""
    path = "/bin/memmap"
    if path not in archive:
        built = os.path.join(os.path.dirname(options.kernel), "user", "memmap")
        archive.add(path, _read(built), stat.S_IFREG | 0o755)
    pause = [] if options.picture else ["--pause", PAUSE]
    return path, [path, "--draw"] + pause + ["--run", guest] + options.arguments


def _add_program(archive, options):
    if options.initrd and options.program in archive:
        return options.program
    host = find(options.program)
    image = _read(host)
    check(host, image)
    if not os.access(host, os.X_OK):
        raise LaunchError(f"{host}: not executable")
    # The path becomes a word of the kernel's command line.
    guest = "/bin/" + re.sub(r"[^\w.+-]", "_", os.path.basename(host), flags=re.ASCII)[:64]
    if libraries.loader_of(image):
        _add_libraries(archive, host, image)
        # Some find what belongs to them by where they lie themselves.
        if os.path.isabs(host) and re.fullmatch(r"[\w.+/-]{1,200}", host, flags=re.ASCII):
            guest = host
    archive.add(guest, image, stat.S_IFREG | 0o755)
    archive.origins[guest] = host
    return guest
