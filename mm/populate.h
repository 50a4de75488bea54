// SPDX-License-Identifier: MIT
//
// Pages brought in before they are touched: MAP_POPULATE, mlock, MADV_POPULATE_*.
#pragma once

#include "mm/mm.h"

enum populate_access {
	POPULATE_READ,
	POPULATE_WRITE,
	// Write where the VMA allows it, so that copies are made now. Holes, and VMAs whose pages
	// are locked when touched, are passed over.
	POPULATE_TO_LOCK,
	POPULATE_AS_ALLOWED, // the same; what can not be brought in is passed over, too
};

// Takes mm->lock itself, page by page. 0; -EINTR: the task was killed; -ENOMEM for a hole or when
// out of memory; -EINVAL where the VMA forbids the access (-EFAULT to lock: it forbids every one);
// -EFAULT beyond a file's end.
int mm_populate(struct mm *mm, uintptr_t start, uintptr_t end, enum populate_access access);
