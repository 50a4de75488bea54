; SPDX-License-Identifier: MIT
;
; Where a secondary CPU begins: in real mode, at the page below 1 MiB that its start-up interrupt
; names (SDM vol. 3A, 9.4.4). This code is copied to that page (kernel/machine/secondary.c), so it
; finds its own data through CS; all it does is to get to 32-bit mode, where boot/entry.asm goes on.

global trampoline, trampoline_end
extern boot_secondary

CR0_PE equ 1

section .init.data progbits alloc noexec write align=16
bits 16
trampoline:
	cli
	cld
	mov ax, cs
	mov ds, ax
	; The page's linear address goes into the descriptor table's pointer.
	movzx ebx, ax
	shl ebx, 4
	add [gdt_base - trampoline], ebx
	o32 lgdt [gdt_pointer - trampoline]
	mov eax, cr0
	or al, CR0_PE
	mov cr0, eax
	mov ax, 0x10
	mov ds, ax
	mov ss, ax
	jmp dword 0x08:boot_secondary

align 8
gdt:
	dq 0
	dq 0x00cf9b000000ffff ; 0x08: 32-bit code, flat
	dq 0x00cf93000000ffff ; 0x10: data, flat
gdt_pointer:
	dw gdt_pointer - gdt - 1
gdt_base:
	dd gdt - trampoline
trampoline_end:
