// SPDX-License-Identifier: MIT
//
// Thread-local variables of each thread, when the program has any. Their first values are the ELF
// file's PT_TLS segment. The variables end where the FS base points,
// and there lies that pointer itself, by which compiled code finds it (Drepper, "ELF Handling For
// Thread-Local Storage", variant II). A little above stands the number that the stack protector
// puts between a function's buffers and its return address: another one in each process.
#include "lib/libc/system_call.h"
#include <asm/prctl.h>
#include <linux/elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

// The pointer to itself, and up to 0x28, where the stack protector expects its number.
#define THREAD_BLOCK 64ul
#define CANARY       (0x28 / sizeof(void *))

// Programs that were compiled with the stack protector refer to it.
#pragma weak __stack_chk_fail
_Noreturn void __stack_chk_fail(void);

static const Elf64_Phdr *find_segment(void)
{
	const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR);

	for (unsigned long left = getauxval(AT_PHNUM); left > 0; left--, header++)
		if (header->p_type == PT_TLS && header->p_memsz > 0)
			return header;
	return NULL;
}

// With a zero byte at its low end, so that no string that is copied over it can repair it.
static void *canary(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uintptr_t number = 0;

	if (random)
		memcpy(&number, random, sizeof(number));
	return (void *)(number & ~0xfful);
}

void **libc_thread_area(void **mapped, size_t *length)
{
	const Elf64_Phdr *segment = find_segment();
	size_t size = 0, align = THREAD_BLOCK;
	void **thread;

	if (segment) {
		size = (segment->p_memsz + segment->p_align - 1) & -segment->p_align;
		align = segment->p_align > align ? segment->p_align : align;
	}
	*length = size + align + THREAD_BLOCK;
	*mapped = mmap(NULL, *length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*mapped == MAP_FAILED)
		return NULL;
	thread = (void **)(((uintptr_t)*mapped + align - 1 + size) & -align);
	if (segment)
		memcpy((char *)thread - size, (const void *)segment->p_vaddr, segment->p_filesz);
	*thread = thread;
	thread[CANARY] = canary();
	return thread;
}

void libc_start_thread_local(void)
{
	void **thread, *mapped;
	size_t length;

	if (!find_segment() && !__stack_chk_fail)
		return;
	thread = libc_thread_area(&mapped, &length);
	if (!thread)
		_exit(127);
	system_call2(__NR_arch_prctl, ARCH_SET_FS, thread);
}
