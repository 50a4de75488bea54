// SPDX-License-Identifier: MIT
//
// All address spaces, for the audit.
#pragma once

#include "lib/list.h"
#include "lib/spinlock.h"

extern struct list mm_list; // by mm->link, guarded by mm_list_lock
extern struct spinlock mm_list_lock;
