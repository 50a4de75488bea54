#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's procps, dynamic programs that nobody compiled for this kernel: each reads the /proc files
it was made for, and what it says agrees with the kernel's own account, to the byte."""
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

TOOLS = ["free", "ps", "pmap", "vmstat", "top", "slabtop", "uptime", "w"]
# A process that does nothing while the others look at it; the kernel's account of it and of
# everything, then the programs. `cat` warms up first: from then on it takes no more memory.
SCRIPT = """
head -c 1000000 /dev/zero >/tmp/shared
sleep 1000 & child=$!
while ! grep -q ^sleep_ /proc/$child/wchan; do :; done
say() { echo; echo "@ $1"; shift; "$@"; echo "@ status $?"; }
account=/sys/kernel/debug/faultline
say account cat /proc/self/smaps_rollup /proc/self/smaps_rollup /proc/[0-9]*/smaps_rollup $account/frames
say meminfo cat $account/frames /proc/meminfo $account/frames
say child cat /proc/$child/stat /proc/$child/statm /proc/$child/status
say smaps cat /proc/$child/smaps
say free /usr/bin/free -kw
say ps /usr/bin/ps -eo pid,vsz,rss,maj_flt,min_flt,comm
say aux /usr/bin/ps aux
say shares /usr/bin/ps -o pid,pss,uss,wchan:20 -p $child
say pmap /usr/bin/pmap -x $child
say columns /usr/bin/pmap -X $child
say vmstat /usr/bin/vmstat 1 2
say sums /usr/bin/vmstat -s
say top /usr/bin/top -bn1
say slabtop /usr/bin/slabtop -o
say uptime /usr/bin/uptime
say w /usr/bin/w
say bbfree free
say bbps ps -o pid,vsz,rss,comm
say bbtop top -bn1
say audit cat $account/audit
echo "$child" >/tmp/child; say number cat /tmp/child
"""


def run_all():
    options = ["--cpus", "2", "--file", os.path.join(harness.BUILD, "tests", "procps.sh") + ":/s"]
    for name in TOOLS:
        options += ["--with", shutil.which(name)]
    with open(harness.built("tests", "procps.sh"), "w", encoding="ascii") as file:
        file.write(SCRIPT)
    return harness.run(shutil.which("busybox"), "sh", "/s", options=options)


def sections(text):
    """What each program said, and its status, by the name given to `say`."""
    found = {}
    for part in re.split(r"^@ (?=\w+$)(?!status)", text, flags=re.M)[1:]:
        name, _, rest = part.partition("\n")
        said, _, status = rest.rpartition("@ status ")
        found[name] = (said.rstrip("\n") + "\n", int(status))
    return found


def numbers(text):
    """Names and numbers of lines like those of meminfo and of the kernel's own files."""
    return {name: int(value) for name, value in re.findall(r"^(\S+?):?\s+(\d+)", text, re.M)}


def row(text, first):
    """The words of the line that begins with this word."""
    for line in text.splitlines():
        if line.split()[:1] == [str(first)]:
            return line.split()
    return []


def whole(tap, said):
    """free, vmstat and top beside the frames' kinds."""
    account, meminfo, after = re.split(r"(?=^MemTotal)|(?<=kB\n)(?=reserved)", said["meminfo"],
                                       flags=re.M)
    frames, frames_after, lines = numbers(account), numbers(after), numbers(meminfo)
    total = (frames["total"] - frames["reserved"]) * 4
    for line, kind in (("AnonPages", "anonymous"), ("Cached", "file"), ("PageTables", "page-table"),
                       ("KernelStack", "kernel-stack")):
        tap.ok(lines[line] in (frames[kind] * 4, frames_after[kind] * 4),
               f"meminfo: {line} is the frames that are {kind}", said["meminfo"])
    tap.ok(lines["MemTotal"] == total, "MemTotal is all of RAM", said["meminfo"])
    tap.ok(lines["Shmem"] >= 976, "what was written to /tmp is Shmem", str(lines["Shmem"]))
    _, have, used, free, shared, buffers, cache, available = row(said["free"], "Mem:")
    have, used, free, shared, buffers, cache, available = map(
        int, (have, used, free, shared, buffers, cache, available))
    tap.ok(have == total and used + free + buffers + cache - shared == have
           and used + available == have, "free's columns add up", said["free"])
    tap.ok(lines["Shmem"] == shared, "and its shared is Shmem", said["free"])
    tap.ok(abs(free - lines["MemFree"]) < 2000, "and its free is MemFree, but for the program itself",
           said["free"])
    tap.ok(row(said["sums"], total)[1:] == ["K", "total", "memory"], "vmstat -s has the same total",
           said["sums"])
    tap.ok(row(said["bbfree"], "Mem:")[1] == str(total), "and so has busybox's free",
           said["bbfree"])


def one(tap, said, child):
    """A process's size in every place that tells it."""
    status, smaps = numbers(said["child"]), said["smaps"]
    stat = said["child"].split(")")[1].split()
    statm = next(line for line in said["child"].splitlines() if line.count(" ") == 6)
    resident = sum(map(int, re.findall(r"^Rss: +(\d+)", smaps, re.M)))
    size = sum(map(int, re.findall(r"^Size: +(\d+)", smaps, re.M)))
    wanted = [str(child), str(size), str(resident), stat[9], stat[7], "sleep"]
    tap.ok(row(said["ps"], child) == wanted, "ps: sizes and faults are stat's and smaps'",
           f"{wanted} is not in\n{said['ps']}")
    tap.ok(status["VmRSS"] == resident == int(statm.split()[1]) * 4 == int(stat[21]) * 4,
           "resident: status, statm, stat and smaps agree", said["child"])
    tap.ok(status["VmSize"] == size == int(stat[20]) // 1024, "so they do on the size",
           said["child"])
    total = said["pmap"].splitlines()[-1].split()
    dirty = sum(map(int, re.findall(r"^\w+_Dirty: +(\d+)", re.sub("Pss_Dirty.*", "", smaps), re.M)))
    tap.ok(total == ["total", "kB", str(size), str(resident), str(dirty)],
           "pmap -x: its total is the same", said["pmap"])
    tap.ok(said["columns"].splitlines()[-1].split()[:2] == [str(size), str(resident)],
           "and pmap -X's", said["columns"])
    _, pss, uss, place = row(said["shares"], child)
    tap.ok(0 < int(uss) < int(pss) < resident, "ps: a share of what is shared", said["shares"])
    tap.ok(place.startswith("sleep_"), "and it knows where the process waits", said["shares"])
    words = row(said["bbps"], child)
    tap.ok([size, resident] == [int(word) for word in words[1:3]], "busybox's ps says the same",
           said["bbps"])


def shares_of_all(tap, said):
    """Every anonymous frame is somebody's: shares of all processes add up to them. The first
    rollup only warms `cat` up; each loses less than 1 kB by rounding."""
    shares = [int(value) for value in re.findall(r"^Pss_Anon: +(\d+)", said["account"], re.M)][1:]
    anonymous = numbers(said["account"])["anonymous"] * 4
    tap.ok(anonymous - len(shares) <= sum(shares) <= anonymous,
           "the processes' anonymous shares are the anonymous frames",
           f"{shares} of {anonymous} kB\n{said['account']}")


def programs(tap, said):
    lines = said["vmstat"].splitlines()
    tap.ok(len(lines) == 4 and all(len(line.split()) == 17 for line in lines[1:]),
           "vmstat 1 2: two lines of numbers", said["vmstat"])
    top = said["top"]
    parts = [float(value) for value in re.findall(r"([\d.]+) (?:us|sy|ni|id|wa|hi|si|st)\b", top)]
    tap.ok(len(parts) == 8 and abs(sum(parts) - 100) < 1, "top: the CPUs' time is 100 %", top)
    tap.ok(re.search(r"^ +\d+ root +20 +0 +\d+ +\d+ +\d+ S +[\d.]+ +[\d.]+ +\d+:\d\d\.\d\d sleep$",
                     top, re.M), "top: a line for a process", top)
    tap.ok(re.search(r"^root +\d+ +[\d.]+ +[\d.]+ +\d+ +\d+ \? +S +\d\d:\d\d +0:00 sleep 1000$",
                     said["aux"], re.M), "ps aux: the same", said["aux"])
    slabs = re.findall(r"^ *\d+ +\d+ +\d+% +[\d.]+K +(\d+) +\d+ +(\d+)K (\S+)", said["slabtop"], re.M)
    tap.ok({"vma", "task", "file"} <= {name for _, _, name in slabs}, "slabtop lists the caches",
           said["slabtop"])
    tap.ok(re.match(r" ..:..:.. up 0 min,  0 user,  load average: ", said["uptime"]), "uptime",
           said["uptime"])
    tap.ok("USER     TTY" in said["w"], "w", said["w"])
    tap.ok("sleep 1000" in said["bbtop"], "busybox's top", said["bbtop"])


def other_programs(tap):
    """Other dynamic programs, with what they load while they run."""
    if shutil.which("perl"):
        result = harness.run(shutil.which("perl"), "-e", "print 6 * 7", options=["--quiet"])
        tap.ok((result.status, result.output) == (0, b"42"), "perl", result.describe())
    result = harness.run("/bin/true", options=["--quiet"])
    tap.ok(result.status == 0, "a program that the loader is run for", result.describe())


def main():
    missing = [name for name in TOOLS + ["busybox"] if not shutil.which(name)]
    if missing:
        print(f"1..0 # SKIP not installed: {' '.join(missing)} (make deps)")
        return 0
    tap = harness.Tap()
    result = run_all()
    found = sections(result.output.decode(errors="replace"))
    failed = [name for name, (_, status) in found.items() if status]
    tap.ok(result.status == 0 and len(found) == SCRIPT.count("\nsay ") + 1 and not failed,
           "every program runs", f"failed: {failed}\n{result.describe()}")
    said = {name: text for name, (text, _) in found.items()}
    child = int(said["number"])
    for part in (whole, shares_of_all, programs):
        part(tap, said)
    one(tap, said, child)
    tap.ok(said["audit"].endswith(" 0 wrong\n"), "the audit finds nothing wrong", said["audit"])
    other_programs(tap)
    return tap.done()


sys.exit(main())
