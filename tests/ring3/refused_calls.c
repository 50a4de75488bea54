// SPDX-License-Identifier: MIT
//
// Calls that are not there on purpose (docs/syscalls.md) say so, whatever their arguments.
// kernel only
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

#define REFUSED(name) check(syscall(SYS_##name, 0, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS, #name)

int main(void)
{
	REFUSED(ptrace);
	REFUSED(socket);
	REFUSED(chroot);
	REFUSED(bpf);
	REFUSED(io_uring_setup);
	REFUSED(inotify_init1);
	REFUSED(msgget);
	REFUSED(swapon);
	REFUSED(init_module);
	REFUSED(futex_wait);
	REFUSED(modify_ldt);
	REFUSED(personality);
	return tap_end();
}
