#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""/proc beside this machine's own: the same names in the same order, in lines of the same form,
widths and units. What is missing here stands below with the reason; what a kernel of another
version than the one this was written beside has more is only noted."""
import os
import platform
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

WRITTEN_BESIDE = "6.18"
MODEL = "6.1"  # whose lines are the model

# Missing here: a pattern of names, and why.
MISSING = {
    "meminfo": {
        "Balloon": f"newer than {MODEL}",
        "Cma.*": "no contiguous areas are set aside",
        "Unaccepted|Percpu|Zswap.*|Shadow.*|GPUActive|GPUReclaim": "configured, or newer",
    },
    "vmstat": {
        "nr_free_pages_blocks|nr_memmap.*|nr_iommu_pages|nr_hugetlb|nr_balloon_pages|"
        "nr_kernel_file_pages|nr_unaccepted|pgdemote.*|pgpromote.*|"
        "direct_map_level._collapses|.*_prmcg|kstack_.*|vma_lock.*": f"newer than {MODEL}",
        "numa_.*": "one node",
        "workingset_.*|pgactivate|pgdeactivate|pglazyfree.*|pgrefill|pgreuse|pgsteal_.*|pgscan_.*|"
        "pgskip_.*|pginodesteal|slabs_scanned|kswapd_.*|pageoutrun|pgrotated|zone_reclaim_.*|"
        "allocstall_.*|drop_.*|unevictable_.*": "pages are not sorted by age, nothing is written out",
        "pgalloc_.*|pgfree": "not counted: that would be paid for at every fault",
        "pgmigrate.*|compact_.*|thp_.*|htlb_.*|cma_.*": "pages are not moved, and of one size",
        "balloon_.*|swap_.*|swpin.*|swpout.*|ksm_.*|cow_ksm|zswp.*|nr_zspages": "no such thing",
        "direct_map_.*": "the map of RAM is never split",
        "nr_unstable": "older than it",
    },
    "zoneinfo": {},
    "status": {
        "Kthread|untag_mask|x86_Thread.*": f"newer than {MODEL}",
        "Seccomp_filters|Speculation.*|THP_enabled": "configured",
    },
    "stat": {"softirq": "there are none"},
    "cpuinfo": {"microcode": "not looked at", "TLB size|cache size|vmx flags": "not every "
                "processor has it", "bugs": "empty in an emulator"},
    "interrupts": {},
    "smaps": {"ProtectionKey": "keys are left out"},
    "smaps_rollup": {},
    "limits": {},
    "pagetypeinfo": {"CMA": "no contiguous areas are set aside"},
    "sys/vm": {
        "compact.*|defrag_mode|extfrag_.*|watermark_.*|zone_reclaim.*|lowmem_.*|min_slab.*|"
        "min_unmapped.*|percpu_.*": "one zone, no compaction",
        "dirty_.*bytes|dirty_.*centisecs|dirtytime.*|laptop_mode|block_dump": "no disk",
        "huge.*|nr_huge.*|nr_over.*|numa.*|memory_fail.*": "no huge pages, one node",
        "mmap_rnd.*|legacy_va_layout": "addresses are not random",
        "unprivileged_userfaultfd|memfd_noexec|nr_trim_pages|stat_.*|page_lock.*|shrink_.*|"
        "vfs_cache_pressure_denom|enable_soft_offline|admin.*|swap_.*": "configured, newer, or no "
        "such thing",
    },
}
# Here, and not on every Linux: of 6.1, or of a configuration that Debian has.
MORE = {
    "meminfo": "HardwareCorrupted|Zswap.*|SecPageTables",
    "vmstat": "nr_bounce|nr_writeback_temp|nr_tlb_remote_flush.*|nr_zspages|nr_sec_.*|"
              "nr_throttled_.*|nr_foll_.*|nr_swapcached",
    "status": "Speculation.*|Seccomp.*|THP_enabled",
    "cpuinfo": "cache size",
    "smaps": "KSM|LazyFree|Pss_Dirty|THPeligible",
    "smaps_rollup": "KSM|LazyFree|Pss_Dirty",
    "sys/vm": "",
}
PATHS = ["meminfo", "vmstat", "zoneinfo", "buddyinfo", "pagetypeinfo", "slabinfo", "stat",
         "uptime", "loadavg", "cpuinfo", "version", "filesystems", "mounts", "interrupts",
         "self/stat", "self/statm", "self/status", "self/maps", "self/smaps",
         "self/smaps_rollup", "self/limits", "self/comm", "self/oom_score",
         "self/oom_score_adj", "self/wchan"]
TOO_WIDE = ("VmallocTotal",)  # on Linux, for its column
# Lines of files that are not lists of names.
FORMS = {
    "buddyinfo": r"Node \d+, zone +\w+ (( *\d+ ){11})",
    "slabinfo": r"[\w.:-]+ +\d+ +\d+ +\d+ +\d+ +\d+ : tunables +\d+ +\d+ +\d+ : slabdata +\d+ +\d+"
                r" +\d+|slabinfo - version: 2.1|# name .*",
    "uptime": r"\d+\.\d\d \d+\.\d\d",
    "loadavg": r"\d+\.\d\d \d+\.\d\d \d+\.\d\d \d+/\d+ \d+",
    "version": r"Linux version \d+\.\d+\S* .*",
    "filesystems": r"(nodev)?\t\w+",
    "mounts": r"\S+ /\S* \S+ r[ow]\S* 0 0",
    "self/stat": r"\d+ \(\S+\) R( -?\d+){49}",
    "self/statm": r"\d+ \d+ \d+ \d+ 0 \d+ 0",
    "self/maps": r"[0-9a-f]{8,16}-[0-9a-f]{8,16} [r-][w-][x-][ps] [0-9a-f]{8} [0-9a-f]+:[0-9a-f]+ "
                 r"\d+ ( *[/\[].*)?",
    "self/comm": r"\w+",
    "self/oom_score": r"\d+",
    "self/oom_score_adj": r"-?\d+",
    "self/wchan": r"0",
}


def form(line):
    """A line with its numbers, and the blanks before them, as many # as they are wide. Many a
    Linux is built without soft-dirty."""
    if line.startswith("VmFlags"):
        return line.replace(" sd", "")
    return re.sub(r"[ \t]*-?\d[\d.]*", lambda found: "#" * len(found[0].expandtabs()), line)


def names_of(text):
    """(name, form of what follows) for each line `NAME:...`, `NAME ...`."""
    found = []
    for line in text.splitlines():
        parts = re.match(r"\s*([^\s:]+(?:[ ]\w+)*?\s*(?=:)|\S+)", line)
        if parts:
            found.append((parts[1].rstrip(), form(line)))
    return found


def first_part(path, text):
    """What is repeated is compared once."""
    if path == "cpuinfo":
        return text.split("\n\n")[0]
    if path == "zoneinfo":
        text = text.split("pagesets")[0]
        return "".join(line + "\n" for line in text.splitlines() if line.startswith("      nr_"))
    if path == "self/smaps":
        lines = text.splitlines()[1:]
        end = next(i for i, line in enumerate(lines) if line.startswith("VmFlags"))
        return "\n".join(lines[:end + 1])
    if path == "self/smaps_rollup":
        return "\n".join(text.splitlines()[1:])
    if path == "stat":
        return re.sub(r"^cpu1\d* .*\n|^cpu[2-9]\d* .*\n", "", text, flags=re.M)
    return text


def lists(tap, path, ours, theirs, widths):
    """The same names in the same order; where there are widths, lines of the same form."""
    kind = path.rsplit("/", 1)[-1] if path.startswith("self/") else path
    missing = MISSING.get(kind, {})
    if kind == "zoneinfo":
        missing = dict(MISSING["vmstat"])
    mine, other = dict(ours), dict(theirs)
    lacking = [name for name, _ in theirs if name not in mine]
    unexplained = [name for name in lacking
                   if not any(re.fullmatch(pattern, name) for pattern in missing)]
    if not platform.release().startswith(WRITTEN_BESIDE + "."):
        tap.note(f"{path}: only on this machine's Linux: {unexplained}" if unexplained else "")
        unexplained = []
    tap.ok(not unexplained, f"{path}: nothing is missing without a reason", str(unexplained))
    allowed = MORE.get("vmstat" if kind == "zoneinfo" else kind, "")
    more = [name for name, _ in ours if name not in other and not re.fullmatch(allowed, name)]
    tap.ok(not more, f"{path}: nothing is invented", str(more))
    common = [name for name, _ in ours if name in other]
    order = [name for name, _ in theirs if name in mine]
    tap.ok(common == order, f"{path}: the order", f"{common}\n{order}")
    if not widths:
        return
    different = [f"{mine[name]!r} is {other[name]!r} on Linux" for name in common
                 if mine[name] != other[name] and name not in TOO_WIDE]
    tap.ok(not different, f"{path}: the form of each line", "\n".join(different))


def read_theirs(path):
    try:
        with open("/proc/" + path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def limits_of(text):
    return [(line[:26].rstrip(), line[68:].rstrip() + f"|{len(line)}") for line in text.splitlines()]


def compare(tap, path, ours):
    theirs = read_theirs(path)
    if path in FORMS:
        for text, whose in ((ours, "here"), (theirs, "on Linux")):
            wrong = [line for line in (text or "").splitlines()
                     if not re.fullmatch(FORMS[path], line)]
            tap.ok(not wrong, f"{path}: the form of its lines {whose}", "\n".join(wrong[:5]))
        return
    if theirs is None:
        tap.skip(f"{path}: this machine does not show its own")
        return
    if path == "self/limits":
        lists(tap, path, limits_of(ours), limits_of(theirs), True)
    elif path == "pagetypeinfo":
        heads = [[line for line in text.splitlines() if not line.startswith("Node")]
                 for text in (ours, theirs)]
        tap.ok(re.sub(r" +CMA", "", "\n".join(heads[1])).startswith("\n".join(heads[0])),
               f"{path}: its headings", f"{heads}")
    elif path == "interrupts":
        tap.ok(re.match(r"( +CPU\d+)+ *\n( *\d+: +\d+ .*\n)+", ours), "interrupts: its form", ours)
    else:
        parts = [names_of(first_part(path, text)) for text in (ours, theirs)]
        lists(tap, path, *parts, path in ("meminfo", "self/smaps", "self/smaps_rollup"))


def main():
    busybox = shutil.which("busybox")
    if not busybox or platform.system() != "Linux":
        print("1..0 # SKIP needs busybox, and Linux to compare with")
        return 0
    tap = harness.Tap()
    script = "cat >/dev/null; for f in %s; do echo \"@ $f\"; cat /proc/$f; echo; done; " \
        "echo '@ sys/vm'; ls /proc/sys/vm" % " ".join(PATHS)
    result = harness.run(busybox, "sh", "-c", script, options=["--quiet"])
    said = dict(part.split("\n", 1) for part in
                ("\n" + result.output.decode(errors="replace")).split("\n@ ")[1:])
    tap.ok(result.status == 0 and list(said) == PATHS + ["sys/vm"], "every file is there",
           result.describe())
    for path in PATHS:
        compare(tap, path, said[path].removesuffix("\n"))
    settings = [(name, "") for name in said["sys/vm"].split()]
    lists(tap, "sys/vm", settings, [(name, "") for name in sorted(os.listdir("/proc/sys/vm"))],
          False)
    return tap.done()


sys.exit(main())
