# SPDX-License-Identifier: MIT
#
# `make gdb`: attaches to the QEMU that `make debug` has stopped at reset and goes to the kernel's
# first instruction. Until the kernel's own tables are loaded only hardware breakpoints hold.
set pagination off
set confirm off
set disassembly-flavor intel
set architecture i386:x86-64
set breakpoint pending on
python import os
python if os.environ.get("NO_COLOR"): gdb.execute("set style enabled off")
# gdb tries again until QEMU listens, for a while.
python
try:
    gdb.execute("target remote 127.0.0.1:" + os.environ.get("FAULTLINE_GDB_PORT", "1234"))
except gdb.error:
    print("make gdb: no QEMU waits for it: `make debug` in another terminal first")
    gdb.execute("quit 1")
end
thbreak *boot_entry_pvh
thbreak *boot_entry_multiboot2
continue
python [each.delete() for each in gdb.breakpoints() if each.temporary]
source tools/gdb/mm.py
