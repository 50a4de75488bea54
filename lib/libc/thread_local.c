// SPDX-License-Identifier: MIT
//
// Thread-local variables of the one thread that a program starts with, when it has any. Their
// first values are the ELF file's PT_TLS segment. The variables end where the FS base points,
// and there lies that pointer itself, by which compiled code finds it (Drepper, "ELF Handling For
// Thread-Local Storage", variant II).
#include "lib/libc/system_call.h"
#include <asm/prctl.h>
#include <linux/elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

// The pointer to itself, and up to 0x28, where GCC's stack protector expects its canary.
#define THREAD_BLOCK 64ul

static const Elf64_Phdr *find_segment(void)
{
	const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR);

	for (unsigned long left = getauxval(AT_PHNUM); left > 0; left--, header++)
		if (header->p_type == PT_TLS && header->p_memsz > 0)
			return header;
	return NULL;
}

void libc_start_thread_local(void)
{
	const Elf64_Phdr *segment = find_segment();
	size_t size, align;
	char *area;
	void **thread;

	if (!segment)
		return;
	size = (segment->p_memsz + segment->p_align - 1) & -segment->p_align;
	align = segment->p_align > THREAD_BLOCK ? segment->p_align : THREAD_BLOCK;
	area = mmap(NULL, size + align + THREAD_BLOCK, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		_exit(127);
	thread = (void **)(((uintptr_t)area + align - 1 + size) & -align);
	memcpy((char *)thread - size, (const void *)segment->p_vaddr, segment->p_filesz);
	*thread = thread;
	system_call2(__NR_arch_prctl, ARCH_SET_FS, thread);
}
