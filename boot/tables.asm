; SPDX-License-Identifier: MIT
;
; What 64-bit mode needs before C can build its own: page tables, descriptors, a stack. All of it
; is given back to the allocator with the other .init sections.
;
; The tables map physical 0-4 GiB in 2 MiB pages, three times over: at identity (for the jump into
; 64-bit mode), at DIRECT_MAP_BASE, and its first GiB at KERNEL_IMAGE. Laid out by the assembler
; rather than by code: there is nothing in them to decide at run time.

global boot_pml4, boot_gdt_pointer, boot_stack_top

TABLE equ 0x003 ; present, writable
LEAF  equ 0x083 ; the same, and a 2 MiB page

section .boot.tables progbits alloc noexec write align=4096
boot_pml4:
	dq pdpt_low + TABLE
	times 255 dq 0
	dq pdpt_low + TABLE ; DIRECT_MAP_BASE
	times 254 dq 0
	dq pdpt_image + TABLE ; KERNEL_IMAGE: the top 2 GiB

pdpt_low:
	dq directories + 0x0000 + TABLE
	dq directories + 0x1000 + TABLE
	dq directories + 0x2000 + TABLE
	dq directories + 0x3000 + TABLE
	times 508 dq 0

pdpt_image:
	times 510 dq 0
	dq directories + TABLE
	dq 0

directories:
%assign address 0
%rep 4 * 512
	dq address | LEAF
%assign address address + 0x200000
%endrep

section .boot.data progbits alloc noexec write align=16
; The final table (kernel/machine/cpu.c) has the same two at the same places.
gdt:
	dq 0
	dq 0x00af9b000000ffff ; 0x08: ring 0, 64-bit code
	dq 0x00cf93000000ffff ; 0x10: ring 0, data
boot_gdt_pointer:
	dw boot_gdt_pointer - gdt - 1
	dq gdt

section .init.data progbits alloc noexec write align=16
	times 16384 db 0
boot_stack_top:
