; SPDX-License-Identifier: MIT
;
; The kernel's first instructions: from 32-bit protected mode without paging, where every loader
; leaves us, to 64-bit mode in the higher half. Nothing here knows the loaders' formats; it passes
; on which one it was and where its information lies.
;
; .boot is linked at its physical address: it is the only part that runs before paging.

BOOT_MULTIBOOT2      equ 1 ; boot_main()'s first argument
BOOT_PVH             equ 2
MULTIBOOT2_BOOTED_BY equ 0x36d76289 ; in eax, from a Multiboot2 loader

CPUID_FEATURES       equ 0x80000001
CPUID_NX             equ 1 << 20 ; edx
CPUID_LONG_MODE      equ 1 << 29
EFLAGS_ID            equ 1 << 21
CR0_START            equ 0x80010033 ; PG, WP, NE, ET, MP, PE: SDM vol. 3A, 2.5
CR4_PAE              equ 1 << 5
MSR_EFER             equ 0xc0000080
EFER_START           equ (1 << 8) | (1 << 11) ; LME, NXE
MSR_GS_BASE          equ 0xc0000101

COM1                 equ 0x3f8
DEBUGCON             equ 0xe9
DEBUG_EXIT           equ 0xf4
EXIT_PANIC           equ 0x23 ; enum machine_exit
VGA_TEXT             equ 0xb8000

global boot_entry_multiboot2, boot_entry_pvh
extern boot_pml4, boot_gdt_pointer, boot_stack_top, boot_cpu, boot_main
extern secondary_start, secondary_main

; The order of SDM vol. 3A, 10.8.5: PAE, CR3, LME, then PG.
%macro ENTER_LONG_MODE 0
	mov eax, CR4_PAE
	mov cr4, eax
	mov eax, boot_pml4
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_START
	wrmsr
	mov eax, CR0_START
	mov cr0, eax
	lgdt [boot_gdt_pointer]
%endmacro

section .boot.text progbits alloc exec nowrite align=16
bits 32

; eax: magic, ebx: physical address of the information
boot_entry_multiboot2:
	mov edi, BOOT_MULTIBOOT2
	mov ebp, no_loader
	cmp eax, MULTIBOOT2_BOOTED_BY
	jne refuse
	jmp enter

; ebx: physical address of struct hvm_start_info. There is no magic to check here.
boot_entry_pvh:
	mov edi, BOOT_PVH

; edi: who loaded us, ebx: information
enter:
	cli
	cld
	mov esi, ebx ; CPUID writes ebx
	mov esp, early_stack_top

	; No CPUID: the ID flag cannot be changed (SDM vol. 2A, CPUID).
	mov ebp, no_long_mode
	pushfd
	pop eax
	mov ecx, eax
	xor eax, EFLAGS_ID
	push eax
	popfd
	pushfd
	pop eax
	cmp eax, ecx
	je refuse

	mov eax, 0x80000000
	cpuid
	cmp eax, CPUID_FEATURES
	jb refuse
	mov eax, CPUID_FEATURES
	cpuid
	test edx, CPUID_LONG_MODE
	jz refuse
	mov ebp, no_nx
	test edx, CPUID_NX
	jz refuse

	ENTER_LONG_MODE
	jmp 0x08:long_mode

; ebp: a line of text. Says it everywhere a person might look and stops.
refuse:
	mov edx, COM1 + 3
	mov al, 0x03 ; 8N1: the rate is the firmware's, or does not matter in QEMU
	out dx, al
	mov edi, VGA_TEXT
.next:
	mov al, [ebp]
	inc ebp
	test al, al
	jz .stop
	out DEBUGCON, al
	call refuse_serial
	mov ah, 0x0f
	stosw
	jmp .next
.stop:
	mov al, 10
	out DEBUGCON, al
	call refuse_serial
	mov al, EXIT_PANIC
	out DEBUG_EXIT, al
.halt:
	cli
	hlt
	jmp .halt

; Sends al to COM1, giving up on a port that is not there. No stack but the return address: esp
; may not be ours yet when the loader was wrong, and any loader leaves some.
refuse_serial:
	mov ah, al
	mov ecx, 100000
	mov edx, COM1 + 5
.wait:
	in al, dx
	test al, 0x20
	jnz .send
	loop .wait
.send:
	mov al, ah
	mov edx, COM1
	out dx, al
	ret

no_loader:
	db "faultline: started by something that is neither Multiboot2 nor PVH", 0
no_long_mode:
	db "faultline: this processor has no 64-bit long mode, which the kernel needs", 0
no_nx:
	db "faultline: this processor has no NX (no-execute pages), which the kernel needs", 0

; A secondary CPU, from its trampoline: 32-bit protected mode without paging, flat segments. The
; first CPU has found out that this is a processor we can run on.
global boot_secondary
boot_secondary:
	ENTER_LONG_MODE
	jmp 0x08:long_mode_secondary

bits 64
long_mode:
	mov rax, start64
	jmp rax

long_mode_secondary:
	mov rax, start64_secondary
	jmp rax

section .boot.data progbits alloc noexec write align=16
	times 64 db 0
early_stack_top:

section .init.text progbits alloc exec nowrite align=16
; edi: who loaded us, esi: information, still as set above. The upper halves are undefined after
; the mode change (SDM vol. 1, 3.4.1.1).
start64:
	xor eax, eax
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov fs, eax
	mov gs, eax
	mov rsp, boot_stack_top
	mov rax, boot_cpu
	mov rdx, rax
	shr rdx, 32
	mov ecx, MSR_GS_BASE
	wrmsr
	mov edi, edi
	mov esi, esi
	xor ebp, ebp ; ends every backtrace
	call boot_main
	ud2

; The same for a secondary CPU, one at a time: secondary_start (kernel/machine/secondary.c) says
; with which tables, on which stack, and as which CPU.
start64_secondary:
	xor eax, eax
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov fs, eax
	mov gs, eax
	mov rbx, secondary_start
	mov rax, [rbx]
	mov cr3, rax
	mov rsp, [rbx + 8]
	mov rax, [rbx + 16]
	mov rdx, rax
	shr rdx, 32
	mov ecx, MSR_GS_BASE
	wrmsr
	xor ebp, ebp
	call secondary_main
	ud2
