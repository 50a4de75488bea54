# SPDX-License-Identifier: MIT
"""The kernel's variables and structures, by its own debug information, and its CPUs.

A ring-3 program's symbols may be loaded beside the kernel's, with structures of the same names
(`struct list`, `struct cache`): everything is looked up in the kernel's file, structures from where
they are defined."""
import gdb

from . import memory

CR0_PAGING = 1 << 31

# A function of a file that knows the whole structure.
HOMES = {"cache": "slab_start", "frame": "frame_drain", "frame_extent": "frame_drain",
         "mm": "mm_fault", "vma": "mm_fault", "anon": "anon_prepare_slow",
         "object": "object_init", "page_index_node": "page_index_find",
         "tmpfs_inode": "object_inode", "inode": "object_inode",
         "process": "process_start_init", "task": "task_alloc", "cpu": "cpu_make_stacks"}
# Variables with a name that others have too: the file.
FILES = {"kept": "mm/page_table.c", "tables": "mm/kernel_table.c", "root": "mm/kernel_table.c",
         "free_count": "mm/buddy.c", "free_blocks": "mm/buddy.c", "extents": "mm/frame.c",
         "first_frame": "mm/device_memory.c", "frame_count": "mm/device_memory.c",
         "mapped_node": "kernel/file/framebuffer_device.c",
         "rings": "mm/trace.c", "ring_records": "mm/trace.c"}

_layouts = {}
_symbols = {}


def _forget(_event=None):
    _layouts.clear()
    _symbols.clear()


gdb.events.new_objfile.connect(_forget)
gdb.events.clear_objfiles.connect(_forget)


def file():
    """The kernel's symbol file."""
    for objfile in gdb.objfiles():
        if objfile.lookup_global_symbol("boot_main") or objfile.lookup_global_symbol("mm_start"):
            return objfile
    raise gdb.GdbError("the kernel's symbols are not loaded: gdb build/kernel.elf")


def symbol(name):
    found = _symbols.get(name)
    if found:
        return found
    home = file()
    if name in FILES:
        here = [each for each in gdb.lookup_static_symbols(name)
                if each.symtab.objfile == home and each.symtab.filename.endswith(FILES[name])]
        found = here[0] if here else None
    else:
        found = home.lookup_global_symbol(name) or home.lookup_static_symbol(name)
    if not found:
        raise gdb.GdbError(f"this kernel has no symbol {name!r}")
    _symbols[name] = found
    return found


def has(name):
    try:
        return bool(symbol(name))
    except gdb.GdbError:
        return False


def address_of(name):
    return int(symbol(name).value().address) & memory.ALL


class Field:
    """Where a member stands: bytes, and in bit fields bits."""

    def __init__(self, offset, size, signed, bits=None):
        self.offset, self.size, self.signed, self.bits = offset, size, signed, bits

    def of(self, data):
        value = int.from_bytes(data[self.offset:self.offset + self.size], "little",
                               signed=self.signed)
        if self.bits:
            shift, width = self.bits
            value = value >> shift & (1 << width) - 1
        return value


def _is_signed(kind):
    return kind.code == gdb.TYPE_CODE_INT and kind.is_signed


class Layout:
    """A structure's members by name, those of inner ones as "link.next". Arrays are found as
    bytes."""

    def __init__(self, kind):
        self.kind = kind.strip_typedefs()
        self.size = self.kind.sizeof
        self.fields = {}
        self.enter(self.kind, 0, "")

    def enter(self, kind, base, prefix):
        for field in kind.fields():
            inner = field.type.strip_typedefs()
            name = prefix + (field.name or "")
            offset = base + field.bitpos // 8
            if field.bitsize:
                start = base + field.bitpos // 64 * 8
                self.fields[name] = Field(start, min(8, self.size - start), False,
                                          (field.bitpos % 64, field.bitsize))
                continue
            if field.name:
                self.fields[name] = Field(offset, inner.sizeof, _is_signed(inner))
            if inner.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
                self.enter(inner, offset, name + "." if field.name else prefix)

    def offset(self, name):
        return self.fields[name].offset

    def at(self, address):
        return Record(self, address, memory.read(address, self.size))


class Record:
    """A structure in the guest, as it was when it was read."""
    __slots__ = ("layout", "address", "data")

    def __init__(self, layout, address, data):
        self.layout, self.address, self.data = layout, address, data

    def __getitem__(self, name):
        return self.layout.fields[name].of(self.data)

    def __contains__(self, name):
        return name in self.layout.fields

    def get(self, name):
        """None where kernels before had no such member."""
        return self[name] if name in self else None

    def bytes(self, name):
        field = self.layout.fields[name]
        return self.data[field.offset:field.offset + field.size]

    def text(self, name):
        """An array of characters."""
        return self.bytes(name).split(b"\0")[0].decode(errors="backslashreplace")

    def address_of(self, name):
        return self.address + self.layout.offset(name)


def layout_of(kind):
    key = str(kind)
    if key not in _layouts:
        _layouts[key] = Layout(kind)
    return _layouts[key]


def layout(name):
    """struct NAME of the kernel."""
    if name not in _layouts:
        block = symbol(HOMES[name]).symtab.static_block()
        _layouts[name] = Layout(gdb.lookup_type("struct " + name, block))
    return _layouts[name]


def record(name, address):
    return layout(name).at(address)


def pointer(name, address):
    """The gdb.Value of a pointer to struct NAME."""
    layout(name)
    return gdb.Value(address).cast(_layouts[name].kind.pointer())


def value(name):
    """A variable of one word or less."""
    found = symbol(name)
    kind = found.type.strip_typedefs()
    data = memory.read(address_of(name), kind.sizeof)
    return int.from_bytes(data, "little", signed=_is_signed(kind))


def lock_held(name):
    """Whether somebody holds this spin lock."""
    kind = layout_of(symbol(name).type)
    return bool(kind.at(address_of(name))["held"])


def array(name):
    """A variable that is an array of structures: the records."""
    found = symbol(name)
    inner = layout_of(found.type.target())
    start = address_of(name)
    data = memory.read(start, found.type.sizeof)
    return [Record(inner, start + at, data[at:at + inner.size])
            for at in range(0, len(data), inner.size)]


def words(name):
    """A variable that is an array of numbers or pointers."""
    found = symbol(name)
    size = found.type.target().sizeof
    data = memory.read(address_of(name), found.type.sizeof)
    return [int.from_bytes(data[at:at + size], "little") for at in range(0, len(data), size)]


def enumeration(function, name):
    """{enumerator: value} of enum NAME, as the file of `function` knows it."""
    kind = gdb.lookup_type("enum " + name, symbol(function).symtab.static_block())
    return {field.name: field.enumval for field in kind.fields()}


def enumerators(function, name):
    """The same by value."""
    return {value: each for each, value in enumeration(function, name).items()}


def _names_of(function):
    """The array `names`: inside of the function, or of its file."""
    home = symbol(function).symtab
    for inner in gdb.block_for_pc(int(symbol(function).value().address) & memory.ALL):
        if inner.name == "names":
            return inner
    for each in gdb.lookup_static_symbols("names"):
        if each.symtab.objfile == home.objfile and each.symtab.filename == home.filename:
            return each
    raise gdb.GdbError(f"{function} has no names")


def names_in(function):
    """What the array of strings says from which a function takes its answers, by index."""
    found = _names_of(function)
    start = int(found.value().address) & memory.ALL
    pointers = [memory.word(start + at) for at in range(0, found.type.sizeof, 8)]
    return [memory.string(pointer) if pointer else "?" for pointer in pointers]


def follow(head, kind, member):
    """The structures on a list whose head is at this address. One that was never initialised is
    empty; one that does not come back ends with an error instead of never; one that leads to
    nowhere ends there, with a word."""
    offset = layout(kind).offset(member)
    at, seen = memory.word(head), set()
    while at and at != head:
        if at in seen:
            raise gdb.GdbError(f"the list at {head:#x} does not come back to its beginning")
        seen.add(at)
        try:
            found = record(kind, (at - offset) & memory.ALL)
        except gdb.GdbError:
            gdb.write(f"(a list of struct {kind} leads to {at:#x}, where nothing is: something on "
                      "it was freed)\n")
            return
        yield found
        at = found[member + ".next"]


def register(name):
    """GdbError when nothing runs."""
    try:
        value = gdb.parse_and_eval("$" + name).cast(gdb.lookup_type("unsigned long"))
        return int(value) & memory.ALL
    except gdb.error:
        raise gdb.GdbError("nothing runs: make debug in one terminal, make gdb in another") \
            from None


def require(part="frames"):
    """A GdbError unless the machine stands where there is something to look at."""
    if not register("cr0") & CR0_PAGING:
        number = gdb.selected_thread().num
        if number > 1:
            raise gdb.GdbError(f"CPU {number - 1} has not been started yet: thread 1")
        raise gdb.GdbError("paging is not on yet: break kernel_main, continue")
    if part == "paging":
        return
    if not value("frame_limit"):
        raise gdb.GdbError("mm/ is not set up yet: break start_on_own_stack, continue")
    if part == "processes" and not memory.word(address_of("all_processes")):
        raise gdb.GdbError("there is no process yet: break process_exec, continue")


def cpus():
    count = value("cpu_count") or 1
    return [record("cpu", at) for at in words("cpus")[:count] if at]


def this_cpu():
    """That of the selected thread, or None before it has one. In ring 0 GS is the kernel's, in
    ring 3 it lies in wait for swapgs; at the entries it may be either."""
    bases = [register("gs_base"), register("k_gs_base")]
    for cpu in cpus():
        if cpu.address in bases:
            return cpu
    return None
