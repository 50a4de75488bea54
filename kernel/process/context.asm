; SPDX-License-Identifier: MIT
;
; Changing from one task's kernel stack to another's. Everything the C calling convention lets a
; function clobber, the compiler has saved around the call; what it may rely on is pushed here.

global context_switch
global task_first_run
extern task_entered
extern return_to_user

section .text

; void context_switch(struct task *from, struct task *to): kernel_sp is the first field.
context_switch:
	push rbp
	push rbx
	push r12
	push r13
	push r14
	push r15
	mov [rdi], rsp
	mov rsp, [rsi]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
	ret

; Where a new task's first switch returns to (task_set_entry): r12 is a function to call first,
; or 0, r13 its argument. rsp is at the struct registers of ring 3, which is 8 short of the
; alignment that a call wants.
task_first_run:
	sub rsp, 8
	call task_entered
	test r12, r12
	jz .user
	mov rdi, r13
	call r12
.user:
	add rsp, 8
	jmp return_to_user
