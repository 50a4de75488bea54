// SPDX-License-Identifier: MIT
//
// Their contents. Who users and groups are, for getpwnam and its kin: the numbers are Debian's.
// And what the kernel is configured to have, in Linux's names, where Debian has it: test suites
// leave out what is not set there.
#include "kernel/file/default_files.h"

#include "kernel/system_name.h"

static const char passwd[] = "root:x:0:0:root:/:/bin/sh\n"
			     "daemon:x:1:1:daemon:/:/bin/false\n"
			     "bin:x:2:2:bin:/:/bin/false\n"
			     "nobody:x:65534:65534:nobody:/:/bin/false\n";

static const char group[] = "root:x:0:\n"
			    "daemon:x:1:\n"
			    "bin:x:2:\n"
			    "tty:x:5:\n"
			    "users:x:100:\n"
			    "nogroup:x:65534:\n";

static const char config[] = "# What Faultline has of Linux's options.\n"
			     "CONFIG_64BIT=y\n"
			     "CONFIG_X86_64=y\n"
			     "CONFIG_X86=y\n"
			     "CONFIG_MMU=y\n"
			     "CONFIG_SMP=y\n"
			     "CONFIG_HZ_100=y\n"
			     "CONFIG_HZ=100\n"
			     "CONFIG_MULTIUSER=y\n"
			     "CONFIG_BINFMT_ELF=y\n"
			     "CONFIG_BINFMT_SCRIPT=y\n"
			     "CONFIG_COREDUMP=y\n"
			     "CONFIG_ELF_CORE=y\n"
			     "CONFIG_BLK_DEV_INITRD=y\n"
			     "CONFIG_FUTEX=y\n"
			     "CONFIG_FUTEX_PI=y\n"
			     "CONFIG_RSEQ=y\n"
			     "CONFIG_POSIX_TIMERS=y\n"
			     "CONFIG_HIGH_RES_TIMERS=y\n"
			     "CONFIG_SIGNALFD=y\n"
			     "CONFIG_TIMERFD=y\n"
			     "CONFIG_EVENTFD=y\n"
			     "CONFIG_SHMEM=y\n"
			     "CONFIG_TMPFS=y\n"
			     "CONFIG_MEMFD_CREATE=y\n"
			     "CONFIG_SYSVIPC=y\n"
			     "CONFIG_FILE_LOCKING=y\n"
			     "CONFIG_ADVISE_SYSCALLS=y\n"
			     "CONFIG_PROC_FS=y\n"
			     "CONFIG_PROC_SYSCTL=y\n"
			     "CONFIG_PROC_PAGE_MONITOR=y\n"
			     "CONFIG_SYSFS=y\n"
			     "# CONFIG_SWAP is not set\n"
			     "# CONFIG_BLOCK is not set\n"
			     "# CONFIG_NET is not set\n"
			     "# CONFIG_MODULES is not set\n"
			     "# CONFIG_NUMA is not set\n"
			     "# CONFIG_KSM is not set\n"
			     "# CONFIG_TRANSPARENT_HUGEPAGE is not set\n"
			     "# CONFIG_HUGETLBFS is not set\n"
			     "# CONFIG_HUGETLB_PAGE is not set\n"
			     "# CONFIG_MEMORY_FAILURE is not set\n"
			     "# CONFIG_USERFAULTFD is not set\n"
			     "# CONFIG_NAMESPACES is not set\n"
			     "# CONFIG_CGROUPS is not set\n"
			     "# CONFIG_MEMCG is not set\n"
			     "# CONFIG_SECCOMP is not set\n"
			     "# CONFIG_BPF_SYSCALL is not set\n"
			     "# CONFIG_AIO is not set\n"
			     "# CONFIG_IO_URING is not set\n"
			     "# CONFIG_MODIFY_LDT_SYSCALL is not set\n"
			     "# CONFIG_IA32_EMULATION is not set\n"
			     "# CONFIG_CHECKPOINT_RESTORE is not set\n";

const struct default_file default_files[] = {
	{"etc", "passwd", passwd},
	{"etc", "group", group},
	{"boot", "config-" SYSTEM_RELEASE, config},
};
const size_t default_file_count = sizeof(default_files) / sizeof(*default_files);
