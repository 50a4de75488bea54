// SPDX-License-Identifier: MIT
//
// Prototypes of the system calls on files (sys_file_*.c).
#pragma once

#include <stddef.h>
#include <stdint.h>

// sys_file_io.c
long sys_read(int descriptor, uintptr_t buffer, size_t count);
long sys_write(int descriptor, uintptr_t buffer, size_t count);
long sys_readv(int descriptor, uintptr_t vector, uint64_t count);
long sys_writev(int descriptor, uintptr_t vector, uint64_t count);
long sys_pread64(int descriptor, uintptr_t buffer, size_t count, int64_t offset);
long sys_pwrite64(int descriptor, uintptr_t buffer, size_t count, int64_t offset);
long sys_preadv(int descriptor, uintptr_t vector, uint64_t count, int64_t offset);
long sys_pwritev(int descriptor, uintptr_t vector, uint64_t count, int64_t offset);
long sys_lseek(int descriptor, int64_t offset, int whence);
long sys_sendfile(int out, int in, uintptr_t offset, size_t count);
long sys_fsync(int descriptor); // also fdatasync, syncfs
long sys_sync(void);
long sys_epoll_create(int size);
long sys_epoll_create1(int flags);
long sys_epoll_ctl(int descriptor, int operation, int target, uintptr_t from);
long sys_epoll_wait(int descriptor, uintptr_t to, int most, int timeout);
long sys_epoll_pwait(int descriptor, uintptr_t to, int most, int timeout, uintptr_t mask,
		     size_t size);
long sys_epoll_pwait2(int descriptor, uintptr_t to, int most, uintptr_t timeout, uintptr_t mask,
		      size_t size);
long sys_socketpair(int family, int type, int protocol, uintptr_t to);
long sys_sendto(int descriptor, uintptr_t buffer, size_t count, unsigned flags, uintptr_t address,
		int address_size);
long sys_recvfrom(int descriptor, uintptr_t buffer, size_t count, unsigned flags,
		  uintptr_t address, uintptr_t address_size);
long sys_sendmsg(int descriptor, uintptr_t from, unsigned flags);
long sys_recvmsg(int descriptor, uintptr_t to, unsigned flags);
long sys_shutdown(int descriptor, int how);
long sys_getsockname(int descriptor, uintptr_t address, uintptr_t size);
long sys_getpeername(int descriptor, uintptr_t address, uintptr_t size);
long sys_getsockopt(int descriptor, int level, int option, uintptr_t to, uintptr_t size);
long sys_setsockopt(int descriptor, int level, int option, uintptr_t from, int size);
long sys_readahead(int descriptor, int64_t offset, size_t count);
long sys_fadvise64(int descriptor, int64_t offset, size_t length, int advice);

// sys_file_control.c
long sys_fcntl(int descriptor, uint32_t command, uint64_t argument);
long sys_flock(int descriptor, int operation);
long sys_ioctl(int descriptor, uint32_t command, uintptr_t argument);
long sys_getdents64(int descriptor, uintptr_t entries, uint32_t size);

// sys_file_open.c
long sys_open(uintptr_t path, int flags, uint32_t mode);
long sys_openat(int directory, uintptr_t path, int flags, uint32_t mode);
long sys_openat2(int directory, uintptr_t path, uintptr_t how, size_t size);
long sys_creat(uintptr_t path, uint32_t mode);
long sys_close(int descriptor);
long sys_close_range(uint32_t first, uint32_t last, uint32_t flags);
long sys_pipe(uintptr_t descriptors);
long sys_pipe2(uintptr_t descriptors, int flags);
long sys_dup(int descriptor);
long sys_dup2(int from, int to);
long sys_dup3(int from, int to, int flags);

// sys_file_status.c
long sys_stat(uintptr_t path, uintptr_t status);
long sys_lstat(uintptr_t path, uintptr_t status);
long sys_fstat(int descriptor, uintptr_t status);
long sys_newfstatat(int directory, uintptr_t path, uintptr_t status, int flags);
long sys_statx(int directory, uintptr_t path, int flags, uint32_t mask, uintptr_t status);
long sys_access(uintptr_t path, int mode);
long sys_faccessat(int directory, uintptr_t path, int mode);
long sys_faccessat2(int directory, uintptr_t path, int mode, int flags);
long sys_readlink(uintptr_t path, uintptr_t buffer, int size);
long sys_readlinkat(int directory, uintptr_t path, uintptr_t buffer, int size);
long sys_mount(uintptr_t source, uintptr_t directory, uintptr_t type, unsigned long flags,
	       uintptr_t data);
long sys_umount2(uintptr_t path, int flags);
long sys_statfs(uintptr_t path, uintptr_t status);
long sys_fstatfs(int descriptor, uintptr_t status);

// sys_file_path.c
long sys_getcwd(uintptr_t buffer, size_t size);
long sys_chdir(uintptr_t path);
long sys_fchdir(int descriptor);
long sys_umask(uint32_t mask);

// sys_file_change.c
long sys_truncate(uintptr_t path, int64_t length);
long sys_ftruncate(int descriptor, uint64_t length);
long sys_fallocate(int descriptor, int mode, int64_t offset, int64_t length);
long sys_chmod(uintptr_t path, uint32_t mode);
long sys_fchmod(int descriptor, uint32_t mode);
long sys_fchmodat(int directory, uintptr_t path, uint32_t mode);
long sys_chown(uintptr_t path, uint32_t user, uint32_t group);
long sys_lchown(uintptr_t path, uint32_t user, uint32_t group);
long sys_fchown(int descriptor, uint32_t user, uint32_t group);
long sys_fchownat(int directory, uintptr_t path, uint32_t user, uint32_t group, int flags);
long sys_utimensat(int directory, uintptr_t path, uintptr_t times, int flags);
long sys_futimesat(int directory, uintptr_t path, uintptr_t times);
long sys_utimes(uintptr_t path, uintptr_t times);
long sys_utime(uintptr_t path, uintptr_t times);

// sys_file_name.c
long sys_mkdir(uintptr_t path, uint32_t mode);
long sys_mkdirat(int directory, uintptr_t path, uint32_t mode);
long sys_rmdir(uintptr_t path);
long sys_unlink(uintptr_t path);
long sys_unlinkat(int directory, uintptr_t path, int flags);
long sys_rename(uintptr_t from, uintptr_t to);
long sys_renameat(int from_directory, uintptr_t from, int to_directory, uintptr_t to);
long sys_renameat2(int from_directory, uintptr_t from, int to_directory, uintptr_t to,
		   uint32_t flags);
long sys_link(uintptr_t from, uintptr_t to);
long sys_linkat(int from_directory, uintptr_t from, int to_directory, uintptr_t to, int flags);
long sys_symlink(uintptr_t target, uintptr_t path);
long sys_symlinkat(uintptr_t target, int directory, uintptr_t path);
long sys_mknod(uintptr_t path, uint32_t mode, uint32_t device);
long sys_mknodat(int directory, uintptr_t path, uint32_t mode, uint32_t device);

// sys_memfd.c
long sys_memfd_create(uintptr_t name, unsigned flags);

// sys_file_xattr.c; what follows the first argument does not matter
long sys_getxattr(uintptr_t path);
long sys_lgetxattr(uintptr_t path);
long sys_fgetxattr(int descriptor);
long sys_listxattr(uintptr_t path);
long sys_llistxattr(uintptr_t path);
long sys_flistxattr(int descriptor);

// sys_file_poll.c
long sys_poll(uintptr_t files, uint32_t count, int timeout);
long sys_ppoll(uintptr_t files, uint32_t count, uintptr_t timeout, uintptr_t mask,
	       size_t mask_size);
long sys_select(int count, uintptr_t read, uintptr_t write, uintptr_t except, uintptr_t timeout);
long sys_pselect6(int count, uintptr_t read, uintptr_t write, uintptr_t except, uintptr_t timeout,
		  uintptr_t mask);
