// SPDX-License-Identifier: MIT
//
// Files without a name. Linux gives them all one inode; here they have none.
#include "kernel/file/anonymous.h"

#include "kernel/file/device.h"
#include "kernel/file/files.h"
#include "kernel/process/process.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <linux/errno.h>
#include <linux/fcntl.h>

#define INODE 1

static unsigned limit(void)
{
	const uint64_t soft = process_limit(current_process(), RLIMIT_NOFILE).rlim_cur;

	return soft < FILES_MAX ? (unsigned)soft : FILES_MAX;
}

int anonymous_install(const struct file_ops *ops, void *data, unsigned flags)
{
	struct file *file = file_create(ops, NULL, flags & ~(unsigned)O_CLOEXEC);
	int descriptor;

	if (!file)
		return -ENOMEM;
	file->data = data;
	descriptor = files_install(current_task()->files, file, 0, limit(), flags & O_CLOEXEC);
	if (descriptor < 0) {
		// Not through release: `data` stays the caller's.
		static const struct file_ops none;

		file->ops = &none;
		file_put(file);
	}
	return descriptor;
}

void anonymous_stat(struct file *file, struct stat *status)
{
	(void)file;
	memset(status, 0, sizeof(*status));
	status->st_dev = ANONYMOUS_DEVICE;
	status->st_ino = INODE;
	status->st_nlink = 1;
	status->st_mode = 0600;
	status->st_blksize = PAGE_SIZE;
}
