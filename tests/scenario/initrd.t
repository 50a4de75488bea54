#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A file system out of archives that cpio wrote: what Linux says of the tree they were made from,
the kernel says of the initrd. And archives that are no such thing: the kernel says so and boots."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

TREE = harness.built("tests", "scenario", "tree")
LOOP = 45  # links in a row: more than the 40 that a lookup follows

PATHS = [
    ".", "plain", "plain/", "plain/x", "empty", "big", "directory", "directory/", "directory/.",
    "directory/..", "directory/deep/er", "directory/../plain", "./directory/./deep/../deep/er",
    "missing", "missing/x", "directory/missing", "hard", "hard/one", "hard/two", "hard/three",
    "link", "link/", "link-to-directory", "link-to-directory/", "link-to-directory/deep/er",
    "link-to-link", "dangling", "dangling/", "self-loop", "ping", "up/tree/plain",
    "link0", "link10", f"link{LOOP - 40}", f"link{LOOP - 41}", "a name with spaces",
    "\u00fcml\u00e4ut", "n" * 255, "n" * 256, "later", "modes/none", "modes/all",
]


def write(root, name, data, mode=0o644):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def make_tree(root):
    write(root, "plain", b"hello\n")
    write(root, "empty", b"")
    write(root, "big", bytes(range(256)) * 700 + b"end")
    write(root, "directory/deep/er", b"deep")
    write(root, "hard/one", b"three names, one file" * 300)
    os.link(os.path.join(root, "hard/one"), os.path.join(root, "hard/two"))
    os.link(os.path.join(root, "hard/one"), os.path.join(root, "hard/three"))
    write(root, "a name with spaces", b" ")
    write(root, "\u00fcml\u00e4ut", b"utf-8")
    write(root, "n" * 255, b"long")
    write(root, "modes/none", b"0", 0o400)
    write(root, "modes/all", b"7", 0o777)
    for name, target in [("link", "plain"), ("link-to-directory", "directory"),
                         ("link-to-link", "link-to-directory/../link"), ("dangling", "nowhere"),
                         ("self-loop", "self-loop"), ("ping", "pong"), ("pong", "ping"),
                         ("up", "..")]:
        os.symlink(target, os.path.join(root, name))
    for i in range(LOOP):
        os.symlink(f"link{i + 1}", os.path.join(root, f"link{i}"))
    os.symlink("plain", os.path.join(root, f"link{LOOP}"))


def archive(directory, names):
    return subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=directory, check=True,
                          input="\n".join(names).encode(), stdout=subprocess.PIPE).stdout


def listing(directory, top):
    return [os.path.relpath(os.path.join(where, name), directory)
            for where, below, files in os.walk(os.path.join(directory, top))
            for name in sorted(below + files)]


def boot(image, words):
    """Past tools/run, which makes an archive of its own out of what --initrd names."""
    return harness.boot(words, options=["--qemu=-initrd", f"--qemu={image}"])


def compare_trees(tap, directory):
    root = os.path.join(directory, "tree")
    os.makedirs(root)
    make_tree(root)
    os.mkdir(os.path.join(directory, "bin"))
    shutil.copy(TREE, os.path.join(directory, "bin"))
    write(directory, ".faultline/argv", b"".join(
        word.encode() + b"\0" for word in ["tree", "/tree"] + PATHS))
    names = ["bin", "bin/tree", ".faultline", ".faultline/argv", "tree"]
    first = archive(directory, names + listing(directory, "tree"))
    # A second archive behind the first, as loaders put them: one more file, in the same tree.
    write(root, "later", b"of the second archive")
    second = archive(directory, ["tree", "tree/later"])
    image = os.path.join(directory, "initrd.cpio")
    with open(image, "wb") as file:
        file.write(first + bytes(-len(first) % 512 + 512) + second)
    wanted = subprocess.run([TREE, root] + PATHS, stdout=subprocess.PIPE, check=True).stdout
    got = boot(image, "init=/bin/tree console=raw")
    tap.ok(got.status == 0, "it ends well", got.describe())
    tap.same(got.output, wanted, "the same tree as on Linux")
    tap.contains(got.errors, b" 0 wrong", "the audit finds nothing")


def hostile(tap, directory):
    good = archive(directory, ["tree/plain"])
    dotted = good.replace(b"tree/plain", b"../../evil")
    cases = [
        ("no archive at all", b"\x7fELF nothing of the kind", b"initrd: no cpio header"),
        ("cut off in a header", good[:50], b"initrd: an archive that is cut off"),
        ("cut off in the data", good[:124], b"initrd: an archive that is cut off"),
        ("a number that is none", good[:30] + b"g" + good[31:], b"initrd: a header with"),
        ("a name that leads out", dotted, b"initrd: ../../evil: "),
    ]
    for name, data, complaint in cases:
        image = os.path.join(directory, "bad.cpio")
        with open(image, "wb") as file:
            file.write(data)
        got = boot(image, "init=/tree/plain")
        tap.contains(got.errors, complaint, f"{name}: the log says so")
        tap.ok(got.status not in (70, 124), f"{name}: no panic", got.describe())


def main():
    tap = harness.Tap()
    with tempfile.TemporaryDirectory(prefix="faultline-test-") as directory:
        compare_trees(tap, directory)
        hostile(tap, directory)
    return tap.done()


sys.exit(main())
