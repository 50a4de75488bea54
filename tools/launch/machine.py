# SPDX-License-Identifier: MIT
"""QEMU: its command line, the ways of booting, and starting it."""
import ctypes
import os
import shutil
import signal
import subprocess
import sys

from progress import Progress

from . import LaunchError

QEMU = "qemu-system-x86_64"

# OVMF as one file (Debian, Fedora, Arch), or only its code part, which has to be a flash chip.
FIRMWARE = ["/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd",
            "/usr/share/edk2/ovmf/OVMF.fd", "/usr/share/edk2/x64/OVMF.4m.fd"]
FLASH = ["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_CODE.fd",
         "/opt/homebrew/share/qemu/edk2-x86_64-code.fd",
         "/usr/local/share/qemu/edk2-x86_64-code.fd"]


def _firmware():
    for path in FIRMWARE:
        if os.path.exists(path):
            return ["-bios", path]
    for path in FLASH:
        if os.path.exists(path):
            return ["-drive", f"if=pflash,format=raw,readonly=on,file={path}"]
    raise LaunchError("no UEFI firmware (OVMF) is installed: run make deps")


def write(directory, name, data):
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def make_iso(kernel, initrd, command_line, directory):
    """An ISO of its own for this run: the program and the command line are inside."""
    if not shutil.which("grub-mkrescue"):
        raise LaunchError("grub-mkrescue is not installed: run make deps")
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in command_line.split())
    config = ("set timeout=0\ninsmod all_video\nset gfxpayload=1024x768x32,auto\n"
              f"menuentry Faultline {{\n multiboot2 /boot/kernel.elf {quoted}\n"
              " module2 /boot/initrd.cpio\n boot\n}\n")
    tree = os.path.join(directory, "iso")
    write(tree, "boot/grub/grub.cfg", config.encode())
    write(tree, "boot/initrd.cpio", initrd)
    shutil.copy(kernel, os.path.join(tree, "boot", "kernel.elf"))
    image = os.path.join(directory, "boot.iso")
    with Progress("tools/run: making the ISO image"):
        made = subprocess.run(["grub-mkrescue", "-o", image, tree], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if made.returncode != 0:
        last = made.stdout.decode(errors="replace").strip().splitlines()[-1:]
        raise LaunchError("grub-mkrescue failed: " + "".join(last))
    return image


def _window():
    """The kind of window this QEMU can open."""
    said = subprocess.run([QEMU, "-display", "help"], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    for kind in ("gtk", "sdl", "cocoa"):
        if kind in said.split():
            return kind
    raise LaunchError("--picture: this QEMU opens no windows (on Debian: install "
                      "qemu-system-gui); --picture=FILE.png keeps pictures in files")


def _screen(options, usual):
    """A graphics card. Of marked moments QEMU hears by its pvpanic device."""
    if options.picture is None:
        return ["-vga", usual]
    if not options.picture:
        return ["-vga", "std"]
    return ["-vga", "std", "-device", "pvpanic,ioport=0x505", "-action", "panic=pause"]


def _boot(options, initrd, command_line, directory):
    if options.iso or options.uefi:
        image = make_iso(options.kernel, initrd, command_line, directory)
        firmware = _firmware() if options.uefi else []
        return ["-cdrom", image] + _screen(options, "std") + firmware
    path = write(directory, "initrd.cpio", initrd)
    return ["-kernel", options.kernel, "-initrd", path, "-append", command_line
            ] + _screen(options, "none")


def command(options, initrd, command_line, directory, descriptors):
    """QEMU's arguments. `descriptors`: sockets by name: console, errors, log; monitor, if pictures
    are kept; window, for a person at a terminal: then the console is COM1, and COM2 says how large
    the window is. For programs the console is a port of virtio-serial, many times as fast. Not a
    `virtconsole`, which drops what a slow reader leaves no room for. Without ioeventfd QEMU takes
    its bytes at once, which keeps --icount exact."""
    if not shutil.which(QEMU):
        raise LaunchError(f"{QEMU} is not installed: run make deps")
    line = [QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg",
            "-display", _window() if options.picture == "" else "none",
            "-no-reboot", "-m", options.memory, "-smp", str(options.cpus), "-cpu", options.cpu,
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    for name, descriptor in descriptors.items():
        line += ["-chardev", f"socket,id={name},fd={descriptor}"]
    terminal = "window" in descriptors
    line += ["-serial", "chardev:console" if terminal else "null"]
    line += ["-serial", "chardev:window"] if terminal else []
    line += ["-device", "isa-debugcon,iobase=0xe9,chardev=log",
             "-device", "isa-debugcon,iobase=0xea,chardev=errors"]
    if not terminal:
        line += ["-device", "virtio-serial-pci,disable-modern=on,ioeventfd=off,max_ports=2",
                 "-device", "virtserialport,nr=1,chardev=console"]
    if "monitor" in descriptors:
        line += ["-mon", "chardev=monitor,mode=control"]
    if options.icount:
        line += ["-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm",
                 "-seed", "1"]
    if options.gdb:
        line += ["-gdb", f"tcp::{options.gdb_port}", "-S"]
    return line + _boot(options, initrd, command_line, directory) + options.qemu


def die_with_parent():
    """Linux only, elsewhere nothing: the emulator must not stay behind when the launcher is killed."""
    try:
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


def start(line, descriptors, directory):
    """QEMU in a session of its own, so that Ctrl-C at the terminal is not sent to it too. What
    it complains about goes to a file, whose text complaint() gives."""
    with open(os.path.join(directory, "qemu.log"), "wb") as log:
        try:
            return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    pass_fds=descriptors, start_new_session=True,
                                    preexec_fn=die_with_parent)
        except OSError as error:
            raise LaunchError(f"{line[0]}: {error.strerror}") from None


def complaint(directory):
    with open(os.path.join(directory, "qemu.log"), "rb") as log:
        lines = log.read().decode(errors="replace").strip().splitlines()
    # TCG is asked for features of `max` that it does not have; that says nothing to anybody.
    return [text for text in lines if "TCG doesn't support requested feature" not in text]


def show(lines):
    for text in lines:
        print(f"tools/run: {text}", file=sys.stderr)
