// SPDX-License-Identifier: MIT
//
// mount and umount2: see kernel/file/mount.h for what can be mounted.
#include "kernel/file/mount.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/credentials.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>

#define NAME_SIZE 64

// What umount2 knows, which Linux's headers do not have.
enum { FORCE = 1, DETACH = 2, EXPIRE = 4, NO_FOLLOW = 8 };

#define KNOWN                                                                                \
	(MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_NOATIME | MS_NODIRATIME |    \
	 MS_RELATIME | MS_STRICTATIME | MS_SILENT | MS_DIRSYNC | MS_LAZYTIME | MS_POSIXACL | \
	 MS_I_VERSION)

// An argument that may be missing: "" then. -EFAULT, or -EINVAL for one that is too long.
static int get_text(uintptr_t from, char *to, size_t size)
{
	long length = from ? strncpy_from_user(to, from, size) : 0;

	if (!from)
		*to = '\0';
	if (length == -ENAMETOOLONG)
		return -EINVAL;
	return length < 0 ? (int)length : 0;
}

static int mount_at(uintptr_t directory, const struct mount_request *request, bool has_type)
{
	struct inode *point;
	int error = lookup_user_path(AT_FDCWD, directory, 0, false, &point);

	if (error)
		return error;
	if (!capable(CAP_SYS_ADMIN))
		error = -EPERM;
	else if (!has_type || request->flags & ~(unsigned long)KNOWN)
		error = -EINVAL;
	else
		error = mount_on(point, request);
	inode_put(point);
	return error;
}

long sys_mount(uintptr_t source, uintptr_t directory, uintptr_t type, unsigned long flags,
	       uintptr_t data)
{
	char type_name[NAME_SIZE], source_name[NAME_SIZE];
	struct mount_request request = {.source = source_name, .type = type_name, .flags = flags};
	int error = get_text(type, type_name, sizeof(type_name));

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		request.flags &= ~(unsigned long)MS_MGC_MSK;
	if (!error)
		error = get_text(source, source_name, sizeof(source_name));
	if (!error && data) {
		request.options = kmalloc(PAGE_SIZE);
		error = request.options ? get_text(data, request.options, PAGE_SIZE) : -ENOMEM;
	}
	if (!error)
		error = mount_at(directory, &request, type);
	kfree(request.options);
	return error;
}

long sys_umount2(uintptr_t path, int flags)
{
	struct inode *root;
	int error;

	if (flags & ~(FORCE | DETACH | EXPIRE | NO_FOLLOW) ||
	    (flags & EXPIRE && flags & (FORCE | DETACH)))
		return -EINVAL;
	error = lookup_user_path(AT_FDCWD, path, flags & NO_FOLLOW ? LOOKUP_NO_FOLLOW : 0, false,
				 &root);
	if (error)
		return error;
	if (!capable(CAP_SYS_ADMIN) || flags & EXPIRE) {
		inode_put(root);
		return flags & EXPIRE && capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	}
	return mount_remove(root, flags & DETACH);
}
