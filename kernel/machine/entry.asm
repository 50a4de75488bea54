; SPDX-License-Identifier: MIT
;
; Every way into the kernel and out of it. All of them leave a whole struct registers on the stack
; and arrive in C with interrupts off (system calls: on).
;
; GS: in ring 3 the GS base is the program's, in ring 0 this CPU's struct cpu; SWAPGS at the border
; tells them apart by the saved CS. #DF, NMI and #MC can come while the border is being crossed,
; when CS says ring 0 and GS is still the program's: they find their CPU at the top of their own
; stack instead.
;
; Not here: defences against speculation (no page-table isolation, no IBRS, no fences).

%include "kernel/machine/offsets.inc"

global trap_stubs, page_fault_entry, page_fault_entry.called, syscall_entry, return_to_user
extern trap, syscall_dispatch, return_work
extern page_fault_user, page_fault_failed, page_fault_ring0

; What follows orig_rax and rdi in struct registers.
%macro PUSH_FROM_RSI 0
	push rsi
	push rdx
	push rcx
	push rax
	push r8
	push r9
	push r10
	push r11
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
%endmacro

; And back, down to rip.
%macro POP_ALL 0
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	pop r11
	pop r10
	pop r9
	pop r8
	pop rax
	pop rcx
	pop rdx
	pop rsi
	pop rdi
	add rsp, 8
%endmacro

; Completes struct registers where it was left out: what functions keep for their callers.
%macro STORE_KEPT 0
	mov [rsp], r15
	mov [rsp + 1 * 8], r14
	mov [rsp + 2 * 8], r13
	mov [rsp + 3 * 8], r12
	mov [rsp + 4 * 8], rbp
	mov [rsp + 5 * 8], rbx
%endmacro

section .text

; One stub per vector, 16 bytes apart (trap.c counts on it): a place for the error code where the
; processor pushes none, rdi, and the vector in edi.
align 16
trap_stubs:
%assign vector 0
%rep 256
	align 16
	%if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || \
	      vector == 21 || vector == 29 || vector == 30)
		push 0
	%endif
	push rdi
	mov edi, vector
	%if vector == 2 || vector == 8 || vector == 18
		jmp near own_stack_entry
	%else
		jmp near trap_entry
	%endif
%assign vector vector + 1
%endrep

align 16
trap_entry:
	PUSH_FROM_RSI
	SMAP_SITE clac
	cld
	test byte [rsp + REGISTERS_CS], 3
	jz .ring0
	swapgs
.ring0:
	mov esi, edi
	mov rdi, rsp
	call trap
	test byte [rsp + REGISTERS_CS], 3
	jnz return_to_user
	POP_ALL
	iretq

; The page fault's own way, which every page a program touches takes: interrupts stay off, and the
; registers that C keeps anyway are left where they are unless somebody is going to look at them.
; Until then the first of their places keeps CR2, which the next fault overwrites.
align 16
page_fault_entry:
	push rdi
	push rsi
	push rdx
	push rcx
	push rax
	push r8
	push r9
	push r10
	push r11
	sub rsp, REGISTERS_R11
	SMAP_SITE clac
	cld
	mov rsi, cr2
	mov rdi, rsp
	test byte [rsp + REGISTERS_CS], 3
	jz .ring0
	mov [rsp], rsi
	swapgs
	call page_fault_user
.called: ; trace_machine.c knows ring 3's faults by it
	cmp eax, FAULT_LAST_RESOLVED
	ja .failed
	cmp dword [gs:CPU_WORK], 0
	jne .work
	add rsp, REGISTERS_R11
	pop r11
	pop r10
	pop r9
	pop r8
	pop rax
	pop rcx
	pop rdx
	pop rsi
	pop rdi
	add rsp, 8
	swapgs
	iretq
.work:
	STORE_KEPT
	jmp return_to_user
.failed:
	mov rsi, [rsp]
	STORE_KEPT
	mov rdi, rsp
	mov edx, eax
	call page_fault_failed
	jmp return_to_user
.ring0:
	STORE_KEPT
	call page_fault_ring0
	POP_ALL
	iretq

; The way back to ring 3 with every register from the stack; also where a new task begins.
align 16
return_to_user:
	cli
	test dword [gs:CPU_WORK], ~WORK_FULL_RETURN
	jnz .work
	lock and dword [gs:CPU_WORK], ~WORK_FULL_RETURN
	POP_ALL
	swapgs
	iretq
.work:
	mov rdi, rsp
	call return_work
	jmp return_to_user

; #DF, NMI, #MC. The word above struct registers is this CPU's struct cpu (cpu_start.c).
align 16
own_stack_entry:
	PUSH_FROM_RSI
	SMAP_SITE clac
	cld
	mov ebx, edi
	mov ecx, MSR_GS_BASE
	rdmsr
	mov r12d, eax
	mov r13d, edx
	mov rax, [rsp + REGISTERS_SIZE]
	mov rdx, rax
	shr rdx, 32
	wrmsr
	mov rdi, rsp
	mov esi, ebx
	call trap
	mov ecx, MSR_GS_BASE
	mov eax, r12d
	mov edx, r13d
	wrmsr
	POP_ALL
	iretq

; SYSCALL: rip is in rcx, rflags in r11; the mask register has cleared IF, DF, TF and AC.
align 16
syscall_entry:
	swapgs
	mov [gs:CPU_USER_RSP], rsp
	mov rsp, [gs:CPU_STACK_TOP]
	push SELECTOR_USER_DATA
	push qword [gs:CPU_USER_RSP]
	push r11
	push SELECTOR_USER_CODE
	push rcx
	push rax
	push rdi
	PUSH_FROM_RSI
	sti
	mov rdi, rsp
	call syscall_dispatch

	; The short way out: C has kept rbx, rbp and r12-r15, and SYSRET takes the rest. It needs
	; rip in rcx, and one that is canonical, or it faults in ring 0 with ring 3's stack (SDM
	; vol. 2B, SYSRET): a rip that has been changed goes by IRET. An unchanged one is canonical,
	; because the last page below the hole is never mapped.
	cli
	cmp dword [gs:CPU_WORK], 0
	jne return_to_user
	mov rcx, [rsp + REGISTERS_RIP]
	cmp rcx, [rsp + REGISTERS_RCX]
	jne return_to_user
	mov r11, [rsp + REGISTERS_RFLAGS]
	mov r10, [rsp + REGISTERS_R10]
	mov r9, [rsp + REGISTERS_R9]
	mov r8, [rsp + REGISTERS_R8]
	mov rax, [rsp + REGISTERS_RAX]
	mov rdx, [rsp + REGISTERS_RDX]
	mov rsi, [rsp + REGISTERS_RSI]
	mov rdi, [rsp + REGISTERS_RDI]
	mov rsp, [rsp + REGISTERS_RSP]
	swapgs
	o64 sysret
