; SPDX-License-Identifier: MIT
;
; What loaders look for in the file: a Multiboot2 header for GRUB (it must lie in the first 32 KiB)
; and a PVH note for QEMU's -kernel. There is no Multiboot1 header on purpose: QEMU would try that
; one first and refuse an ELF64 file.

MULTIBOOT2_MAGIC        equ 0xe85250d6
ARCHITECTURE_I386       equ 0 ; entered in 32-bit protected mode, paging off
TAG_END                 equ 0
TAG_INFORMATION_REQUEST equ 1
TAG_FRAMEBUFFER         equ 5
TAG_MODULE_ALIGN        equ 6
TAG_OPTIONAL            equ 1 ; flag: start the kernel even if the loader cannot do this
XEN_ELFNOTE_PHYS32_ENTRY equ 18

extern boot_entry_pvh

section .boot.header align=8
global multiboot2_header
multiboot2_header:
header:
	dd MULTIBOOT2_MAGIC
	dd ARCHITECTURE_I386
	dd header_end - header
	dd -(MULTIBOOT2_MAGIC + ARCHITECTURE_I386 + (header_end - header)) & 0xffffffff

	; Command line, loader's name, modules, memory map, framebuffer, ACPI old and new.
information:
	dw TAG_INFORMATION_REQUEST, TAG_OPTIONAL
	dd information_end - information
	dd 1, 2, 3, 6, 8, 14, 15
information_end:

	align 8, db 0
	dw TAG_FRAMEBUFFER, TAG_OPTIONAL
	dd 20
	dd 1024, 768, 32

	align 8, db 0
	dw TAG_MODULE_ALIGN, 0 ; modules begin at a page
	dd 8

	align 8, db 0
	dw TAG_END, 0
	dd 8
header_end:

section .note.pvh note alloc noexec nowrite align=4
	dd note_name_end - note_name
	dd note_value_end - note_value
	dd XEN_ELFNOTE_PHYS32_ENTRY
note_name:
	db "Xen", 0
note_name_end:
note_value:
	dd boot_entry_pvh
note_value_end:
