// SPDX-License-Identifier: MIT
//
// process_madvise: advice on several ranges at once, also of another process. There only such
// advice as changes nothing that the other process could see.
#include "kernel/file/io.h"
#include "kernel/file/pidfd.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/credentials.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/uio.h>

// The address space that `process` may be advised on, with a reference: 0 or -errno.
static int advisable(struct process *process, int advice, struct mm **space)
{
	struct mm *mm = process_mm(process);
	bool harmless = advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED;
	int error = 0;

	if (!mm)
		return -ESRCH;
	if (!credentials_may_inspect(process))
		error = -EACCES;
	else if (mm != current_task()->mm && !harmless)
		error = -EINVAL;
	else if (mm != current_task()->mm && !capable(CAP_SYS_NICE))
		error = -EPERM;
	if (error)
		mm_put(mm);
	else
		*space = mm;
	return error;
}

// Bytes advised on of `total`, or what is wrong with the first piece. Pieces of no bytes are not
// looked at, unless it is the first of them all.
static long advise(struct mm *mm, const struct iovec *pieces, size_t total, int advice)
{
	long done = 0;

	for (size_t i = 0; done < (long)total; i++) {
		int error;

		if (i && !pieces[i].iov_len)
			continue;
		error = mm_madvise(mm, (uintptr_t)pieces[i].iov_base, pieces[i].iov_len, advice);
		if (error)
			return done ? done : error;
		done += (long)pieces[i].iov_len;
	}
	return done;
}

static long advise_process(int descriptor, const struct iovec *pieces, size_t total, int advice)
{
	struct process *process = pidfd_process(descriptor, NULL);
	struct mm *mm = NULL;
	long result;

	if (!process)
		return -EBADF;
	result = advisable(process, advice, &mm);
	process_put(process);
	if (result)
		return result;
	result = advise(mm, pieces, total, advice);
	mm_put(mm);
	return result;
}

long sys_process_madvise(int descriptor, uintptr_t vector, size_t count, int advice,
			 uint32_t flags)
{
	struct iovec *pieces;
	struct io io;
	long result = -EFAULT;

	if (flags || count > UIO_MAXIOV)
		return -EINVAL;
	pieces = kmalloc((count + 1) * sizeof(*pieces)); // never of no bytes
	if (!pieces)
		return -ENOMEM;
	if (copy_from_user(pieces, vector, count * sizeof(*pieces)) == 0)
		result = io_vector(&io, pieces, count);
	if (result == 0)
		result = advise_process(descriptor, pieces, io.left, advice);
	kfree(pieces);
	return result;
}
