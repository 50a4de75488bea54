// SPDX-License-Identifier: MIT
//
// What tests/scenario/gdb.t steps through: a system call and a page fault, each by itself.

#include <sys/mman.h>
#include <unistd.h>

__attribute__((noinline)) static void touch(volatile char *page)
{
	*page = 1;
}

int main(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 1;
	touch(page);
	return getppid() == 1 && *page == 1 ? 7 : 1;
}
