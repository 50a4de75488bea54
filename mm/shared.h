// SPDX-License-Identifier: MIT
//
// Shared anonymous memory: an object without a file. Its pages start as zeros and live as long as
// somebody maps it; fork does not copy it.
#pragma once

#include "mm/object.h"

struct mm;

// For `mm` to map. `reserve`: all of its pages are promised now (mm/commit.h), else each when it
// is first touched. NULL when out of memory; else with one reference for the caller.
struct object *shared_object_create(const struct mm *mm, uint64_t size, bool reserve);

// shmdt: removes the mappings that one shmat at `address` made and that are still where it put
// them, of the first object there for which `is_segment` holds. 0 or -EINVAL.
int mm_detach(struct mm *mm, uintptr_t address, bool (*is_segment)(const struct object *object));
