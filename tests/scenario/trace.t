#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/run --trace and tools/trace: what the records add up to equals what the kernel counts
itself, on one CPU and on two; nothing is lost; every form of output says the same."""
import collections
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
from tracefile import decisions, records
from tracefile.header import ENUMS, EVENTS, KINDS, RESULTS
from tracefile.world import World, follow

PROGRAM = harness.built("tests", "scenario", "traced")
TRACE = os.path.join(harness.ROOT, "tools", "trace")
E = type("E", (), EVENTS)
KIND_NAMES = {"anon": "anonymous", "stack": "kernel-stack", "page-table": "page-table"}


def traced(directory, name, *arguments, options=()):
    path = os.path.join(directory, name)
    done = harness.run(PROGRAM, *arguments, options=["--trace", path, *options])
    return path, done


def tool(*arguments, **more):
    done = subprocess.run([TRACE, *arguments], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def counters(text):
    return {words[0]: int(words[1]) for words in map(str.split, text.splitlines())
            if len(words) == 2 and re.fullmatch(r"-?\d+", words[1])}


def between_marks(seen):
    """What lies between the program's two marks: sums of the records."""
    counts, inside = collections.Counter(), False
    for record in seen:
        if record.event == E.MARK:
            inside = record.a == 1
            continue
        if not inside:
            continue
        counts[record.event] += 1
        if record.event == E.FAULT:
            counts["fault_" + RESULTS[record.c]] += 1
        elif record.event == E.FRAME_ALLOC:
            counts["frames " + KINDS[record.c]] += 1 << record.b
        elif record.event == E.FRAME_FREE:
            counts["frames " + KINDS[record.c]] -= 1 << record.b
    return counts


def totals(tap, directory, cpus):
    """The records' sums against /proc/vmstat, the counters and the audit's frames."""
    path, done = traced(directory, f"cpus-{cpus}", options=["--icount", "--cpus", str(cpus)])
    title = f"{cpus} CPU{'s' if cpus > 1 else ''}"
    before, _, after = done.output.decode().partition("--\n")
    before, after = counters(before), counters(after)
    if not tap.ok(done.status == 0 and len(after) > 40, f"{title}: the program ran", done.describe()):
        return path
    seen = records.read(path)
    sums = between_marks(seen)
    change = {name: value - before.get(name, 0) for name, value in after.items()}
    pairs = [("pgfault", sums[E.FAULT]), ("forks", sums[E.TASK]), ("exits", 1),
             ("nr_tlb_remote_flush", sums[E.SHOOTDOWN])]
    pairs += [("fault_" + result, sums["fault_" + result]) for result in RESULTS.values()]
    pairs += [(KIND_NAMES.get(kind, kind), sums["frames " + kind])
              for kind in ("anon", "file", "page-table", "stack")]
    for name, number in pairs:
        tap.ok(change.get(name) == number, f"{title}: {name} as counted by the kernel",
               f"counter {change.get(name)}, records {number}")
    tap.ok(not any(record.event == E.LOST for record in seen), f"{title}: nothing lost")
    return path


def time_line(tap, path):
    """The JSON against the format's rules, and what it says against the records."""
    text, errors, _ = tool("json", path)
    try:
        events = json.loads(text)["traceEvents"]
    except ValueError as error:
        tap.ok(False, "json: a JSON text", f"{error}\n{errors}")
        return
    wrong = [event for event in events if not well_formed(event)]
    tap.ok(not wrong, "json: every event as the format has it", wrong[:3])
    tap.ok(not crossing(events), "json: slices of a track lie in or beside each other",
           crossing(events)[:2])
    slices = [event for event in events if event["ph"] == "X"]
    faults = [event for event in slices if event["cat"] == "fault"]
    wanted = [record for record in records.read(path) if record.event == E.FAULT]
    tap.ok([int(event["args"]["address"], 16) for event in sorted(
        faults, key=lambda event: event["args"]["fault"])] == [record.a for record in wanted],
        "json: every fault, in order")
    names = {event["args"]["name"] for event in events if event["name"] in NAMED}
    tap.ok({"/bin/traced", "traced", "CPUs", "CPU 0"} <= names, "json: names of tracks", names)
    tap.ok({"getpid", "fork"} & {event["name"] for event in slices} or
           any(event["name"] in ("clone", "fork", "mmap") for event in slices),
           "json: system calls by name")
    counters_seen = {event["name"] for event in events if event["ph"] == "C"}
    tap.ok({"free frames", "resident (RSS)", "mapped (VSZ)"} <= counters_seen, "json: counters",
           counters_seen)
    ours = [event for event in faults if event["args"]["function"] == "touch"]
    tap.ok(len(ours) >= 150 and all("decided by" in event["args"] for event in ours),
           "json: faults name the program's function and the kernel's", len(ours))


def tracks(tap, path):
    """What viewers go by: a thread's number alone (Perfetto), and from where to where an arrow goes."""
    events = json.loads(tool("json", path)[0])["traceEvents"]
    owners = {}
    for event in events:
        owners.setdefault(event["tid"], set()).add(event["pid"])
    tap.ok(0 not in owners and all(len(pids) == 1 for pids in owners.values()),
           "json: the number of a track says of which process it is", owners)
    named = {event["tid"] for event in events if event["name"] == "thread_name"}
    shown = {event["tid"] for event in events if event["ph"] in "Xi"}
    tap.ok(shown <= named, "json: every track has a name", shown - named)
    out = {event["bind_id"]: event for event in events if event.get("flow_out")}
    into = {event["bind_id"]: event for event in events if event.get("flow_in")}
    made = {hex(record.a) for record in records.read(path) if record.event == E.TASK}
    tap.ok(made and set(out) == set(into) == made, "json: an arrow to each task from its maker's call",
           (set(out), set(into), made))
    tap.ok(all(out[task]["args"]["result"] == int(task, 16) and into[task]["tid"] == int(task, 16) and
               into[task]["ts"] >= out[task]["ts"] for task in out), "json: ... and to its first slice")


NAMED = ("process_name", "thread_name")
REQUIRED = {"X": {"name", "cat", "ts", "dur", "pid", "tid", "args"}, "C": {"name", "ts", "args"},
            "i": {"name", "ts", "pid", "tid", "s"}, "M": {"name", "pid", "tid", "args"}}


def well_formed(event):
    """Trace Event Format: fields by phase, numbers where numbers are asked for."""
    if event.get("ph") not in REQUIRED or not REQUIRED[event["ph"]] <= set(event):
        return False
    if not all(isinstance(event[key], int) for key in ("pid", "tid")):
        return False
    if event["ts"] < 0 or event.get("dur", 0) < 0 or event.get("s", "t") not in "gpt":
        return False
    return event["ph"] != "C" or all(isinstance(value, (int, float))
                                     for value in event["args"].values())


def crossing(events):
    """Slices of one track that overlap without one holding the other, as viewers add the numbers:
    they drop them, or end the wrong one."""
    tracks = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append(event)
    bad = []
    for slices in tracks.values():
        stack = []
        for event in sorted(slices, key=lambda event: (event["ts"], -event["dur"])):
            end = event["ts"] + event["dur"]
            while stack and stack[-1] <= event["ts"]:
                stack.pop()
            if stack and end > stack[-1]:
                bad.append(event)
            stack.append(end)
    return bad


def explained(tap, path):
    """From a copy-on-write fault to the function of the kernel that decided it."""
    text, errors, _ = tool("explain", path, "--result", "copied", "--pid", "traced")
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    ours = [part for part in paragraphs if " touch(), at 0x" in part]
    tap.ok(len(ours) == 30 and all(
        "(tests/scenario/traced.c:" in part and "copy-on-write" in part and
        "Taken: 1 frame (anonymous)." in part and "Decided by copy() in mm/fault.c:" in part
        for part in ours), "explain: the child's 30 copies", (ours or [text + errors])[0])
    tap.ok(all(re.search(r"Called from: work < (measured < )?main\b", part) for part in ours),
           "explain: the calls that led there")
    text, _, _ = tool("explain", path)
    count = len(re.findall(r"^fault \d+, ", text, re.M))
    tap.ok(count == sum(record.event == E.FAULT for record in records.read(path)),
           "explain: every fault")
    tap.ok("\033" not in text, "explain: no colours but on a terminal")
    results = {name[len("FAULT_"):].lower().replace("_", "-") for name in ENUMS["fault_result"]}
    missing = results - set(decisions.DECISIONS) - {"last-resolved", "result-count"}
    tap.ok(not missing, "explain: every answer of the kernel", missing)
    gone = [(function, path) for _, function, path, caller in decisions.DECISIONS.values()
            for name in (function, caller) if not decisions.line_of(name, path)]
    tap.ok(not gone, "explain: every function it names is where it says", gone)


def other_forms(tap, path):
    seen = records.read(path)
    faults = sum(record.event == E.FAULT for record in seen)
    rows = list(csv.DictReader(io.StringIO(tool("csv", path)[0])))
    tap.ok(len(rows) == len(seen) and sum(row["event"] == "fault" for row in rows) == faults,
           "csv: every record is a row", len(rows))
    folded = dict(line.rsplit(" ", 1) for line in tool("folded", path)[0].splitlines())
    tap.ok(sum(map(int, folded.values())) == faults, "folded: every fault counts once")
    tap.ok(any(re.fullmatch(r"traced;(.*;)?main;(measured;)?work;touch;\(copied\)", stack) and
               number == "30" for stack, number in folded.items()),
           "folded: the way to the copies", "\n".join(folded))
    drawing, errors, _ = tool("flamegraph", path)
    try:
        tree = ElementTree.fromstring(drawing)
        titles = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}title")]
    except ElementTree.ParseError as error:
        titles = [f"{error} {errors}"]
    tap.ok(f"all: {faults} faults, 100.00 %" in titles, "flamegraph: an SVG of all faults",
           titles[:3])
    tap.ok(not re.search(r"(href|src)=|https?://(?!www.w3.org/2000/svg)", drawing),
           "flamegraph: it needs nothing else")
    text, _, _ = tool("summary", path)
    tap.ok(re.search(rf"^  all +{faults} ", text, re.M), "summary: all faults", text)


def heap(tap, directory):
    """What a program writes about its own heap."""
    path, _ = traced(directory, "heap", "heap", options=["--icount"])
    bytes_, live = tool("folded", "--of", "bytes", path)[0], tool("folded", "--of", "live", path)[0]
    tap.ok(re.search(r"work;heap 150$", bytes_, re.M), "heap: bytes by call stack", bytes_)
    tap.ok(re.search(r"work;heap 50$", live, re.M), "heap: bytes never freed", live)


def choices(tap, directory):
    path, _ = traced(directory, "chosen", options=["--trace-events", "fault,process"])
    events = {record.event for record in records.read(path)}
    tap.ok(E.FAULT in events and E.TASK in events and not events & {E.FRAME_ALLOC, E.SYSCALL},
           "--trace-events: these only", events)
    path, _ = traced(directory, "selected", options=["--trace-pid", "4"])
    tasks = {record.task for record in records.read(path) if record.event == E.FAULT}
    tap.ok(tasks == {4}, "--trace-pid: this process only", tasks)
    done = harness.run(PROGRAM, options=["--trace-events", "fault"])
    tap.ok(done.status == 125, "--trace-events without --trace is refused", done.describe())
    done = harness.run(PROGRAM, options=["--trace", path, "--trace-events", "fault,falt"])
    tap.ok(done.status == 125 and b"no event 'falt'" in done.errors, "--trace-events: a wrong name",
           done.describe())
    done = harness.run(PROGRAM, "heap", options=["--explain", "--quiet"])
    tap.contains(done.errors, b"Decided by ", "--explain: paragraphs on standard error")
    tap.ok(done.output == b"", "--explain: standard output is the program's own")


def same_again(tap, directory):
    """A trace does not depend on how fast the host reads it, nor on what else the host does."""
    names = [traced(directory, name, "storm", options=["--icount", "--trace-events",
                                                       "syscall,program"])[0]
             for name in ("first", "second")]
    seen, again = [records.read(name) for name in names]
    tap.ok([record[1:] for record in seen] == [record[1:] for record in again],
           "--icount: the same run gives the same trace")
    calls = sum(record.event == E.SYSCALL and record.a == 110 for record in seen)
    tap.ok(calls == 100000 and any(record.event == E.MARK and record.a == 77 for record in seen),
           "a storm of records: none is lost", calls)


def damaged(tap, path, directory):
    """Part of a trace, and what is none."""
    with open(path, "rb") as file:
        data = file.read()
    for name, content, said, expected in (
            ("part", data[:-10], "its last record is not whole", 0),
            ("noise", data[:640] + bytes(range(256)), "not a trace, or damaged", 1),
            ("nothing", b"", "an empty trace", 1)):
        broken = os.path.join(directory, name)
        with open(broken, "wb") as file:
            file.write(content)
        _, errors, status = tool("summary", broken)
        tap.ok(status == expected and said in errors and errors.count("\n") == 1,
               f"a damaged trace: {name}", errors)
    _, errors, status = tool("json", path, "-o", os.path.join(directory, "none", "x"))
    tap.ok(status == 1 and "none/x: No such file" in errors, "an output that can not be", errors)
    _, errors, status = tool("explain", "--address", "here", path)
    tap.ok(status == 2 and "here is no number" in errors and
           errors.startswith("usage: tools/trace explain "), "an address that is none", errors)


def after_a_panic(tap, directory):
    """What was recorded before the kernel's end is there."""
    path = os.path.join(directory, "panic")
    done = harness.boot("test=panic_null_pointer", options=["--trace", path],
                        kernel=harness.built("kernel-test.elf"))
    seen = records.read(path) if os.path.getsize(path) else []
    tap.ok(done.status == 70 and any(record.event == E.START for record in seen),
           "a kernel that stops leaves its trace",
           done.describe())


def sites(tap):
    """Where nobody wants an event there is one instruction, a NOP of five bytes."""
    kernel = harness.built("kernel.elf")
    done = subprocess.run(["objdump", "-d", "--no-show-raw-insn", kernel], check=False,
                          stdout=subprocess.PIPE, timeout=60)
    code = {}
    for line in done.stdout.decode().splitlines():
        found = re.match(r"^(f{8}[0-9a-f]{8}):\t(\S.*)", line)
        if found:
            code[int(found[1], 16)] = found[2].strip()
    table = subprocess.run(["nm", kernel], check=False, stdout=subprocess.PIPE).stdout.decode()
    bounds = [int(re.search(rf"^(\w+) . __{end}_trace_sites$", table, re.M)[1], 16)
              for end in ("start", "stop")]
    places = list(site_addresses(kernel, *bounds))
    tap.ok(len(places) > 30, "sites of the trace in the kernel", len(places))
    others = {code.get(place) for place in places} - {"nopl   0x0(%rax,%rax,1)"}
    tap.ok(not others, "each is one NOP", others)


def site_addresses(kernel, start, stop):
    """The table as it lies in the file: three words a site, the first one relative to itself."""
    with open(kernel, "rb") as file:
        image = file.read()
    for place, virtual, length in segments(image):
        if virtual <= start < virtual + length:
            for at in range(start, stop, 12):
                offset = place + at - virtual
                yield at + int.from_bytes(image[offset:offset + 4], "little", signed=True)


def segments(image):
    offset = int.from_bytes(image[32:40], "little")
    for at in range(offset, offset + 56 * image[56], 56):
        fields = [int.from_bytes(image[at + i:at + i + 8], "little") for i in (8, 16, 32)]
        yield fields


def main():
    tap = harness.Tap()
    with tempfile.TemporaryDirectory(prefix="trace-") as directory:
        path = totals(tap, directory, 1)
        totals(tap, directory, 2)
        time_line(tap, path)
        tracks(tap, path)
        explained(tap, path)
        other_forms(tap, path)
        damaged(tap, path, directory)
        heap(tap, directory)
        choices(tap, directory)
        same_again(tap, directory)
        after_a_panic(tap, directory)
    sites(tap)
    return tap.done()


sys.exit(main())
