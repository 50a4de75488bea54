; SPDX-License-Identifier: MIT
;
; Calls that come back even when they fault: the fault's handler (ring0.c) returns to
; ring0_recover with the stack as it was when the call began.

global ring0_call_guarded, ring0_enter_user, ring0_recover, ring0_recover_rsp

SELECTOR_USER_DATA equ 0x2b
SELECTOR_USER_CODE equ 0x33
RFLAGS_START       equ 0x2 ; interrupts stay off

%macro SAVE 0
	push rbp
	push rbx
	push r12
	push r13
	push r14
	push r15
	mov [ring0_recover_rsp], rsp
%endmacro

section .text

; void ring0_call_guarded(void (*function)(void *), void *argument)
ring0_call_guarded:
	SAVE
	mov rax, rdi
	mov rdi, rsi
	call rax
ring0_recover:
	mov rsp, [ring0_recover_rsp]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
	ret

; void ring0_enter_user(uintptr_t rip, uintptr_t rsp)
ring0_enter_user:
	SAVE
	push SELECTOR_USER_DATA
	push rsi
	push RFLAGS_START
	push SELECTOR_USER_CODE
	push rdi
	swapgs
	iretq

section .bss
alignb 8
ring0_recover_rsp: resq 1
