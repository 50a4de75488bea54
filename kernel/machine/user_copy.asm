; SPDX-License-Identifier: MIT
;
; The loops and instructions that touch ring 3's memory. user_copy.c has checked the range. By
; quadwords: a byte costs as much as eight where there is no ERMS.

%include "kernel/machine/offsets.inc"

EFAULT       equ 14
ENAMETOOLONG equ 36

global user_copy_raw, user_clear_raw, user_string_raw
global user_fpu_save_raw, user_fpu_restore_raw
global user_load32_raw, user_compare_exchange32_raw

section .text

; int user_copy_raw(void *to, const void *from, size_t count)
; What can not be copied whole is tried again by bytes: all that lies before the bad page is copied,
; as on Linux. Four bytes go in one store, as its put_user does: other threads look at such a word
; while it is written (the tid that is cleared when a thread ends), and a half of it is no value.
align 16
user_copy_raw:
	mov rcx, rdx
	shr rcx, 3
	and edx, 7
	SMAP_SITE stac
.quadwords:
	rep movsq
	test dl, 4
	jz .rest
.doubleword:
	movsd
	and edx, 3
.rest:
	mov ecx, edx
.bytes:
	rep movsb
	SMAP_SITE clac
	xor eax, eax
	ret
.again:
	lea rcx, [rcx * 8 + rdx]
	jmp .bytes
	ON_FAULT .quadwords, .again
	ON_FAULT .doubleword, .again
	ON_FAULT .bytes, user_fault

; int user_clear_raw(void *to, size_t count)
align 16
user_clear_raw:
	mov rcx, rsi
	shr rcx, 3
	and esi, 7
	xor eax, eax
	SMAP_SITE stac
.quadwords:
	rep stosq
	mov ecx, esi
.bytes:
	rep stosb
	SMAP_SITE clac
	ret
	ON_FAULT .quadwords, user_fault
	ON_FAULT .bytes, user_fault

; long user_string_raw(char *to, const char *from, size_t limit)
; The string's length, or -ENAMETOOLONG when `limit` bytes hold no NUL.
align 16
user_string_raw:
	xor ecx, ecx
	SMAP_SITE stac
.next:
	cmp rcx, rdx
	jae .too_long
.read:
	mov al, [rsi + rcx]
	mov [rdi + rcx], al
	inc rcx
	test al, al
	jnz .next
	SMAP_SITE clac
	lea rax, [rcx - 1]
	ret
.too_long:
	SMAP_SITE clac
	mov rax, -ENAMETOOLONG
	ret
	ON_FAULT .read, user_fault

; int user_load32_raw(uint32_t *value, const uint32_t *from)
align 16
user_load32_raw:
	SMAP_SITE stac
.load:
	mov eax, [rsi]
	SMAP_SITE clac
	mov [rdi], eax
	xor eax, eax
	ret
	ON_FAULT .load, user_fault

; int user_compare_exchange32_raw(uint32_t *word, uint32_t *expected, uint32_t new)
align 16
user_compare_exchange32_raw:
	mov eax, [rsi]
	SMAP_SITE stac
.exchange:
	lock cmpxchg [rdi], edx
	SMAP_SITE clac
	mov [rsi], eax
	xor eax, eax
	ret
	ON_FAULT .exchange, user_fault

; int user_fpu_save_raw(void *state, uint64_t components)
align 16
user_fpu_save_raw:
	mov eax, esi
	mov rdx, rsi
	shr rdx, 32
	SMAP_SITE stac
.save:
	xsave64 [rdi]
	SMAP_SITE clac
	xor eax, eax
	ret
	ON_FAULT .save, user_fault

; int user_fpu_restore_raw(const void *state, uint64_t components)
; What makes no sense to the processor is a fault, too.
align 16
user_fpu_restore_raw:
	mov eax, esi
	mov rdx, rsi
	shr rdx, 32
	SMAP_SITE stac
.restore:
	xrstor64 [rdi]
	SMAP_SITE clac
	xor eax, eax
	ret
	ON_FAULT .restore, user_fault

user_fault:
	SMAP_SITE clac
	mov rax, -EFAULT
	ret
