; SPDX-License-Identifier: MIT
;
; Where the sites of the trace in short code go when their event is wanted (mm/trace.h).

global trace_site_called
extern trace_site

section .text

; Called with `subject` in rdi and on the stack, above the return address: `event`, rdi as it was,
; `change`. Changes rdi and flags only. The frame pointer leads backtraces to the function with the
; site.
trace_site_called:
	push rbp
	mov rbp, rsp
	push rax
	push rcx
	push rdx
	push rsi
	push r8
	push r9
	push r10
	push r11
	and rsp, -16
	mov rsi, rdi
	mov rdi, [rbp + 16]
	mov rdx, [rbp + 32]
	call trace_site
	lea rsp, [rbp - 64]
	pop r11
	pop r10
	pop r9
	pop r8
	pop rsi
	pop rdx
	pop rcx
	pop rax
	pop rbp
	ret
