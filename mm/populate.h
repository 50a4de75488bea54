// SPDX-License-Identifier: MIT
//
// Pages brought in before they are touched: MAP_POPULATE, mlock, MADV_POPULATE_*.
#pragma once

#include "mm/mm.h"

enum populate_access {
	POPULATE_READ,
	POPULATE_WRITE,
	POPULATE_AS_ALLOWED, // write where the VMA allows it: what mlock wants, copies made now
};

// Takes mm->lock itself, page by page. 0; -EINTR: the task was killed; -ENOMEM for a hole or when
// out of memory; -EFAULT where the VMA forbids the access (-ENOMEM as allowed); -EFAULT too beyond
// a file's end.
int mm_populate(struct mm *mm, uintptr_t start, uintptr_t end, enum populate_access access);
