#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The mm- commands of tools/gdb, beside what the kernel says of itself at the same moment."""
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from gdb_session import Session, contains

PAGE = 4096

BREAK = ["mm-break-fault places[0] 3", "continue", "backtrace 4", "step",
         "mm-break-fault places[3] watched", "mm-break-fault 0x1000", "mm-break-fault 0x2000",
         "mm-break-fault 0x3000", "disable", "print fault_watch", "enable", "print fault_watch",
         "delete", "print fault_watch", "print fault_breaks[0].end"]
EARLY = ["mm-ps", "mm-walk 0x1000", "break kernel_main", "continue", "mm-ps",
         "mm-walk &frame_limit", "delete"]
ERRORS = ["mm-vmas", "mm-vmas 77", "mm-vmas nonsense", "mm-walk 0x8000000000000000",
          "mm-walk nonsense", "mm-walk 0x1000 77", "mm-frame 0x7fffffffffff", "mm-frame",
          "mm-audit now", "mm-who-wrote places", "mm-break-fault kernel_main"]
PLACES = 6
LOOK = ["program-stop watched", "tbreak stand_still", "continue", "mm-ps", "mm-vmas 2",
        "mm-buddy", "mm-audit", "mm-frame $rsp", "mm-frame &frame_limit", "mm",
        *(f"mm-walk places[{at}] 2" for at in range(PLACES)),
        *(f"mm-frame places[{at}]" for at in range(PLACES))]
SPOIL = ["mm-frame places[1]", "set variable $_frame->references = 9", "mm-audit",
         "set variable $_frame->references = 2", "set variable $kind = $_frame->kind",
         "set variable $_frame->kind = 2", "mm-audit", "set variable $_frame->kind = $kind",
         "mm-audit"]
# Whose they are, in words.
OWNERS = {"$_entry": "PT (level 1) of process 2 (watched), for ",
          "all_processes.next": "a slab of process: objects of ",
          "'mm/buddy.c'::free_blocks[10].next": "heads a block of order 10: 1024 frames",
          "(struct frame *)'mm/buddy.c'::free_blocks[10].next + 5":
          "inside of a block of order 10 that frame ",
          "cpus[0]->tss.ist[0]-8": "a stack of the kernel's",
          "cpus[1]->kernel_stack_top-8": "kernel stack of task ",
          "zero_frame": "the one shared frame of zeros"}
COMFORT = ["complete mm-vmas 2", "complete program-stop deb", "complete mm-walk frame_lim",
           "complete mm-walk $sp - 8 ", "help mm-walk", "mm-walk $sp - 0x8", "mm-walk $sp - 0x8 3"]


def sections(text):
    """What the program printed, by title."""
    parts = re.split(r"^== (.*)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def early(tap, session):
    contains(tap, session.of("mm-ps"), "error: mm-ps: paging is not on yet",
                 "before paging is on it says so")
    contains(tap, session.of("mm-walk 0x1000"), "paging is not on yet", "so does mm-walk")
    contains(tap, session.of("mm-ps", 1), "error: mm-ps: mm/ is not set up yet",
                 "before mm/ is set up it says so")
    contains(tap, session.of("mm-walk &frame_limit"), "2MiB-page",
                 "but the boot's own table can be walked")


def walks(tap, session, told):
    texts = [text for title, text in told.items() if title.startswith("walk ")]
    for at, text in enumerate(texts):
        command = f"mm-walk places[{at}] 2"
        lines = re.sub(r"^table 0x[0-9a-f]+  ", "", session.of(command), flags=re.M)
        wanted = re.sub(r" \(frame kept, no access\)", "", text)
        got = re.sub(r" frame 0x[0-9a-f]+ \(frame kept, no access\)", "", lines)
        missing = [line for line in wanted.splitlines() if line not in got.splitlines()]
        tap.ok(text and not missing, f"{command} is the kernel's own walk",
               f"missing: {missing}\nkernel:\n{text}\ngdb:\n{session.of(command)}")
    tap.ok(len(texts) == PLACES, "all of them", session.describe())
    hidden = session.of("mm-walk places[2] 2")
    contains(tap, hidden, "nobody may access it now (PROT_NONE)", "a hidden page's frame is found")


def smaps(text):
    """[(start-end, resident pages, name)]"""
    found = []
    for line in text.splitlines():
        head = re.match(r"([0-9a-f]+-[0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)", line)
        if head:
            found.append([head[1], 0, head[2]])
        elif line.startswith("Rss:"):
            found[-1][1] = int(line.split()[1]) // 4
    return [tuple(each) for each in found]


def vmas(tap, session, told):
    rows = []
    for line in session.of("mm-vmas 2").splitlines():
        row = re.match(r" *([0-9a-f]+-[0-9a-f]+) +(\S+) +\d+ +(\d+) +(\d+) +\d+  "
                       r"(?:anonymous|file 0x\w+|shared memory 0x\w+) *(.*)", line)
        if row:
            rows.append((row[1], int(row[3]) + int(row[4]), row[5]))
    tap.ok(rows and rows == smaps(told["/proc/self/smaps"]),
           "mm-vmas has the mappings, resident pages and names of smaps",
           f"{rows}\n{smaps(told['/proc/self/smaps'])}\n{session.of('mm-vmas 2')}")
    tap.ok("but its counter" not in session.of("mm-vmas 2"), "and agrees with the counters")


def ps(tap, session, told):
    wanted = {}
    for title, text in told.items():
        if title.endswith("/statm"):
            pid = 2 if "self" in title else int(title.split("/")[2])
            size, resident = map(int, text.split()[:2])
            wanted[pid] = (size * 4, resident * 4)
    got = {int(row[1]): (int(row[2]), int(row[3])) for row in re.finditer(
        r"^ *(\d+) +\d+  .* 0x\w+ +(\d+) +(\d+)  watched$", session.of("mm-ps", 2), re.M)}
    tap.ok(len(wanted) == 2 and got == wanted, "mm-ps has the sizes of statm",
           f"{got} {wanted}\n{session.of('mm-ps')}")
    tap.ok(re.search(r"^ +2 +2  running +\d\*", session.of("mm-ps", 2), re.M) and
           re.search(r"^ +3 +3  sleeping ", session.of("mm-ps", 2), re.M),
           "and says who runs and who sleeps", session.of("mm-ps", 2))


def frames(tap, session, addresses):
    shared = session.of("mm-frame places[1]")
    tap.ok("anonymous, 2 references" in shared and
           f"mapped by process 2 (watched) at {addresses[1]:#x}, read-only" in shared and
           f"mapped by process 3 (watched) at {addresses[1]:#x}, read-only" in shared and
           "references that" not in shared,
           "mm-frame: a page shared by copy-on-write is mapped by both", shared)
    own = session.of("mm-frame places[0]")
    tap.ok("anonymous, 1 reference\n" in own and "process 3" not in own and "writable" in own,
           "a copied one by its writer alone", own)
    common = session.of("mm-frame places[4]")
    tap.ok("/dev/zero (deleted)" in common and "process 2 (watched)" in common and
           "page cache" in common, "shared memory has its object", common)
    code = session.of("mm-frame places[5]")
    tap.ok("page 1 of /bin/watched" in code and "references that" not in code,
           "a file's page has the file's name", code)
    zero = session.of("mm-frame places[3]")
    tap.ok("the one shared frame of zeros" in zero and
           f"at {addresses[3]:#x}, read-only" in zero and "references that" not in zero,
           "the frame of zeros is found in the page tables", zero)
    contains(tap, session.of("mm-frame $rsp"), "private memory of anon", "the stack's frame")
    contains(tap, session.of("mm-frame &frame_limit"), "kernel-image", "a variable of the kernel")


def owners(tap, session):
    for what, words in OWNERS.items():
        contains(tap, session.of(f"mm-frame {what}"), words, f"mm-frame {what}")


def totals(tap, session, told):
    kinds = dict(line.split() for line in
                 told["/sys/kernel/debug/faultline/frames"].splitlines())
    contains(tap, session.of("mm-buddy"), f"free: {kinds['free']} frames",
                 "mm-buddy finds as many free frames as the kernel counts")
    tap.ok("kernel's count" not in session.of("mm-buddy"), "and on each list as many")
    tap.ok(", 0 wrong\n" in told["/sys/kernel/debug/faultline/audit"] and
           session.of("mm-audit").endswith(", 0 wrong\n"), "both audits find nothing wrong",
           session.of("mm-audit"))


def spoiled(tap, session):
    frame = int(re.search(r"^frame (0x\w+):", session.of("mm-frame places[1]"), re.M)[1], 16)
    contains(tap, session.of("mm-audit", 1), f"frame {frame:#x} (anonymous): counted 2 references, "
                 "it has 9", "mm-audit finds a wrong count of references")
    contains(tap, session.of("mm-audit", 2), f"maps frame {frame:#x} at",
                 "and a frame of the wrong kind")
    contains(tap, session.of("mm-audit", 2), "frames of kind anonymous: counted",
                 "and that the kinds do not add up")
    tap.ok(session.of("mm-audit", 3).endswith(", 0 wrong\n"), "and that all is well again",
           session.of("mm-audit", 3))


def breaks(tap, session):
    """The child's first write to the page that both have is the one; its parent's came before."""
    told = session.of("continue", 2)
    tap.ok(re.search(r"^fault at 0x\w+: write, process 3 \(watched\)$", told, re.M) and
           "fault_awaited (" in told, "mm-break-fault stops at the fault of one process", told)
    contains(tap, session.of("backtrace 4"), "page_fault_entry", "of ring 3")
    contains(tap, session.of("step"), "mm_fault (mm=", "and a step leads into mm_fault")
    contains(tap, session.of("mm-break-fault 0x3000"), "4 are set already", "four at most")
    told = [session.of("print fault_watch", at).split("= ")[1] for at in range(3)]
    tap.ok(told == ["0\n", "2\n", "0\n"], "disable, enable and delete reach the kernel", told)
    contains(tap, session.of("print fault_breaks[0].end"), "= 0", "nothing stays behind")


def comfort(tap, session):
    for command in ERRORS:
        text = session.of(command)
        tap.ok(text.startswith("error: ") and text.count("\n") == 1 and "Python" not in text,
               f"{command}: an error in one line", text)
    tap.same(session.of("complete mm-vmas 2").encode(), b"mm-vmas 2\n", "PIDs are completed")
    contains(tap, session.of("complete program-stop deb"), "program-stop debugged\n",
             "names of programs are")
    contains(tap, session.of("complete mm-walk frame_lim"), "mm-walk frame_limit",
                 "so are expressions")
    contains(tap, session.of("mm-walk $sp - 0x8"), "in process 2 (watched)",
             "an expression may have blanks in it")
    contains(tap, session.of("mm-walk $sp - 0x8 3"), "in process 3 (watched)",
             "and a process behind it")
    contains(tap, session.of("help mm-walk"), "Usage: mm-walk ADDRESS [PID]", "help of a command")
    names = re.findall(r"^(mm-[\w-]+)", session.of("mm"), re.M)
    tap.ok({"mm-ps", "mm-vmas", "mm-walk", "mm-frame", "mm-buddy", "mm-audit", "mm-break-fault",
            "mm-who-wrote"} <= set(names),
           "mm lists them", session.of("mm"))


def main():
    tap = harness.Tap()
    if not shutil.which("gdb"):
        tap.skip("gdb is not installed: run make deps")
        return tap.done()
    frames_of = [f"mm-frame {each}" for each in OWNERS]
    session = Session(EARLY + LOOK + frames_of + ERRORS + COMFORT + SPOIL + BREAK + ["continue"],
                      harness.built("tests", "scenario", "watched"), options=("--cpus", "2"))
    told = sections(session.output)
    addresses = [int(title.split()[1], 16) for title in told if title.startswith("walk ")]
    if not tap.ok(len(addresses) == PLACES and session.status == 0,
                  "the program runs, and goes on to its end", session.describe()):
        return tap.done()
    early(tap, session)
    ps(tap, session, told)
    vmas(tap, session, told)
    walks(tap, session, told)
    frames(tap, session, addresses)
    owners(tap, session)
    totals(tap, session, told)
    spoiled(tap, session)
    breaks(tap, session)
    comfort(tap, session)
    return tap.done()


sys.exit(main())
