// SPDX-License-Identifier: MIT
//
// Memory of a device that programs may map: a framebuffer. It is no RAM: nobody allocates or frees
// it, no kind counts it, and no process has it resident. But each of its pages has a struct frame,
// of kind FRAME_DEVICE, so that page tables, fork and the audit need not know the difference.
#pragma once

#include "mm/object.h"

// The object of [start, start + size), whole pages of no RAM, and its mapping in the direct map.
// While starting only, and for ever. NULL when out of memory.
struct object *device_memory_create(phys_t start, uint64_t size);

// The same for frames that are there already: for the unit tests.
void device_memory_init(struct object *object, uint64_t first, uint64_t count);

// The frame of page `index`, with a reference for the caller; NULL past the end.
struct frame *device_memory_page(struct object *object, uint64_t index);

// For the audit: before references are recounted, and after.
struct audit_report;
void device_memory_clear_recount(void);
void device_memory_audit(struct audit_report *report);
