# SPDX-License-Identifier: MIT
#
# `make gdb`: attaches to the QEMU that `make debug` has stopped at reset, and goes to the first
# instruction of the kernel's C code. Hardware breakpoints, because the text is not loaded yet.
set pagination off
set confirm off
set disassembly-flavor intel
set architecture i386:x86-64
target remote localhost:1234
hbreak kernel_main
continue
