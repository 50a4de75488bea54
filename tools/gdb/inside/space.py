# SPDX-License-Identifier: MIT
"""Processes, threads, address spaces, VMAs, and the files behind them."""
import gdb

from . import kernel, memory, page_table

ALIVE_STATES = ("alive", "exiting", "zombie", "reaped")
FLAGS = {"read": 1, "write": 2, "exec": 4, "shared": 8, "grows_down": 32}


def processes():
    """All of them, oldest first; without what is no process any more (the first one is freed
    before the machine ends)."""
    found = kernel.follow(kernel.address_of("all_processes"), "process", "link")
    return [each for each in found if each["state"] < len(ALIVE_STATES)]


def process(pid):
    for each in processes():
        if each["pid"] == pid:
            return each
    raise gdb.GdbError(f"there is no process {pid}: mm-ps lists them")


def threads(of):
    """Its tasks; none of a zombie, and none yet of one that is being made."""
    return list(kernel.follow(of.address_of("tasks"), "task", "thread_link"))


def name_of(of):
    tasks = threads(of)
    return (tasks[0].text("name") if tasks else of.text("name")) or "?"


def state_of(of):
    state = of["state"]
    return ALIVE_STATES[state] if state < len(ALIVE_STATES) else f"state {state}"


def mm_of(of):
    """The address space of a process, or None: a zombie's, a half-made one's."""
    for task in threads(of):
        if task["mm"]:
            return kernel.record("mm", task["mm"])
    return None


def spaces():
    return list(kernel.follow(kernel.address_of("mm_list"), "mm", "link"))


def users():
    """{address of an mm: [processes that run in it]}."""
    found = {}
    for each in processes():
        mm = mm_of(each)
        if mm:
            found.setdefault(mm.address, []).append(each)
    return found


def label(mm_address, by_mm):
    """"process 3 (sh)" for an address space."""
    owners = by_mm.get(mm_address)
    if not owners:
        return f"mm {mm_address:#x} (no process any more, or not yet)"
    return " and ".join(f"process {each['pid']} ({name_of(each)})" for each in owners)


def current_task():
    cpu = kernel.this_cpu()
    return kernel.record("task", cpu["current"]) if cpu and cpu["current"] else None


def current_process():
    task = current_task()
    return kernel.record("process", task["process"]) if task and task["process"] else None


def root_for(pid):
    """The physical address of a process's top-level table; pid None: the one that is loaded."""
    if pid is None:
        return kernel.register("cr3") & page_table.ADDRESS
    mm = mm_of(process(pid))
    if not mm:
        raise gdb.GdbError(f"process {pid} has no address space: it is "
                           + ("a zombie" if process(pid)["state"] == 2 else "half-made"))
    return mm["root"]


def need_mm(pid):
    mm = mm_of(process(pid))
    if not mm:
        root_for(pid)
    return mm


def vmas(mm):
    """In order of their addresses. The tree may be between two states: each node counts once."""
    found, path, seen = [], [], set()
    at = mm["vmas.root"]
    offset = kernel.layout("vma").offset("node")
    while path or at:
        while at and at not in seen:
            seen.add(at)
            each = kernel.record("vma", (at - offset) & memory.ALL)
            path.append(each)
            at = each["node.left"]
        if not path:
            break
        each = path.pop()
        found.append(each)
        at = each["node.right"]
    return found


def vma_at(mm, address):
    return next((each for each in vmas(mm) if each["start"] <= address < each["end"]), None)


def resident(mm):
    return mm["anon_resident"] + mm["file_resident"]


def is_device(object_address):
    return bool(object_address and kernel.record("object", object_address).get("device"))


def inode_of(object_address):
    """The inode whose page cache an object is, or None: kernel/file/tmpfs_inode.c."""
    if not object_address:
        return None
    if is_device(object_address):
        node = kernel.value("mapped_node")
        return kernel.record("inode", node) if node else None
    operations = kernel.record("object", object_address)["ops"]
    tmpfs_fill = int(kernel.symbol("tmpfs_fill").value().address) & memory.ALL
    if memory.word(operations) != tmpfs_fill:
        return None
    node = kernel.layout("tmpfs_inode")
    return kernel.record("inode", object_address - node.offset("file.object")
                         + node.offset("inode"))


def path_of(inode):
    """As /proc shows it."""
    parts, at, steps = [], inode, 0
    while at["parent"] and at["parent"] != at.address and steps < 256:
        parts.append(memory.string(at["name"]) if at["name"] else "?")
        at = kernel.record("inode", at["parent"])
        steps += 1
    return "/" + "/".join(reversed(parts)) + ("" if inode["links"] else " (deleted)")


def object_name(object_address):
    inode = inode_of(object_address)
    return path_of(inode) if inode else "/dev/zero (deleted)"


def vma_name(mm, vma):
    """The last column of /proc/PID/maps."""
    if vma["object"]:
        return object_name(vma["object"])
    if vma["start"] < mm["brk"] and vma["end"] > mm["brk_start"]:
        return "[heap]"
    if vma["flags"] & FLAGS["grows_down"] and vma["start"] <= mm["stack_top"] <= vma["end"]:
        return "[stack]"
    return ""


def permissions(vma):
    flags = vma["flags"]
    return "".join(letter if flags & FLAGS[name] else "-"
                   for letter, name in (("r", "read"), ("w", "write"), ("x", "exec"))) + \
        ("s" if flags & FLAGS["shared"] else "p")


def maps_line(mm, vma):
    """The line of /proc/PID/maps, byte for byte."""
    inode = inode_of(vma["object"])
    nameless = 1 if vma["object"] else 0
    device = inode["device"] if inode else nameless
    number = inode["number"] if inode else nameless
    offset = vma["page_offset"] * memory.PAGE if vma["object"] else 0
    line = (f"{vma['start']:08x}-{vma['end']:08x} {permissions(vma)} {offset:08x} "
            f"{device >> 8 & 0xfff:02x}:{device & 0xff:02x} {number} ")
    name = vma_name(mm, vma)
    return f"{line:<73}{name}" if name else line


def read_user(root, address, size):
    """Bytes of a ring-3 program, through its own page table; b"" at the first page that is not
    there ends it."""
    found = b""
    while len(found) < size:
        at = address + len(found)
        place = page_table.physical(root, at)
        if place is None:
            break
        found += memory.read(page_table.direct(place),
                             min(size - len(found), memory.PAGE - at % memory.PAGE))
    return found
