// SPDX-License-Identifier: MIT
//
// Who may do what with an inode: users, groups, the bits of its mode, and the capabilities that
// make root what it is. Left out: access lists.
#include "kernel/process/credentials.h"
#include "kernel/file/inode.h"
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include <asm/errno.h>
#include <linux/stat.h>

#define EXECUTE 1
#define READ    4

static bool in_group(uint32_t group, uint32_t of_inode)
{
	return group == of_inode || credentials_in_group(of_inode);
}

static int permission(const struct inode *inode, unsigned mask, uint32_t user, uint32_t group)
{
	uint32_t mode = __atomic_load_n(&inode->mode, __ATOMIC_RELAXED);
	unsigned allowed = mode;

	if (user == inode->uid)
		allowed = mode >> 6;
	else if ((mode >> 3 ^ mode) & 7 && in_group(group, inode->gid))
		allowed = mode >> 3;
	if (!(mask & ~allowed & 7))
		return 0;
	if (inode_is(inode, S_IFDIR) && !(mask & ~(READ | EXECUTE)) &&
	    capable(CAP_DAC_READ_SEARCH))
		return 0;
	if (!inode_is(inode, S_IFDIR) && mask == READ && capable(CAP_DAC_READ_SEARCH))
		return 0;
	// Nobody executes what nobody may execute.
	if ((inode_is(inode, S_IFDIR) || !(mask & EXECUTE) || (mode & 0111)) &&
	    capable(CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(const struct inode *inode, unsigned mask)
{
	const struct credentials *mine = current_task() ? current_credentials() : NULL;

	if (!mine)
		return 0; // the kernel itself, before there are programs
	return permission(inode, mask, mine->users.files, mine->groups.files);
}

// As on Linux, who is not root has no capabilities in this question, and root has those it may
// have; as it has the effective ones here, the others are looked at no further.
int inode_permission_real(const struct inode *inode, unsigned mask)
{
	const struct credentials *mine = current_credentials();

	if (mine->users.real != 0 && mine->users.effective == 0) {
		uint32_t mode = __atomic_load_n(&inode->mode, __ATOMIC_RELAXED);
		unsigned allowed = mode;

		if (mine->users.real == inode->uid)
			allowed = mode >> 6;
		else if (in_group(mine->groups.real, inode->gid))
			allowed = mode >> 3;
		return mask & ~allowed & 7 ? -EACCES : 0;
	}
	return permission(inode, mask, mine->users.real, mine->groups.real);
}

bool inode_owned(const struct inode *inode)
{
	return current_credentials()->users.files == inode->uid || capable(CAP_FOWNER);
}

int inode_may_remove(const struct inode *directory, const struct inode *inode)
{
	uint32_t user = current_credentials()->users.files;

	if (inode_permission(directory, 3))
		return -EACCES;
	if ((directory->mode & S_ISVTX) && user != inode->uid && user != directory->uid &&
	    !capable(CAP_FOWNER))
		return -EPERM;
	return 0;
}

void inode_set_owner(struct inode *inode, const struct inode *directory)
{
	inode->uid = current_credentials()->users.files;
	inode->gid = current_credentials()->groups.files;
	if (!(directory->mode & S_ISGID))
		return;
	inode->gid = directory->gid;
	if (inode_is(inode, S_IFDIR))
		inode->mode |= S_ISGID;
	else if ((inode->mode & S_IXGRP) &&
		 !in_group(current_credentials()->groups.files, inode->gid) &&
		 !capable(CAP_FSETID))
		inode->mode &= ~(uint32_t)S_ISGID; // nobody becomes a group he is not in
}
