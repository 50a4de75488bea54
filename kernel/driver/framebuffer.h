// SPDX-License-Identifier: MIT
//
// The screen as a picture in memory: what the loader set up (GRUB), or a mode of QEMU's own
// graphics card, set here (Bochs VBE). Only when the boot option `framebuffer` asks for it; other
// runs neither look for a card nor map anything.
#pragma once

#include "kernel/boot_info.h"

struct object;

// While starting, after mm/ and before /dev is made.
void framebuffer_start(void);

// NULL: there is none. Constant once started.
const struct boot_framebuffer *framebuffer(void);
size_t framebuffer_size(void); // bytes
char *framebuffer_memory(void);
// For mappings of it; no reference.
struct object *framebuffer_object(void);
