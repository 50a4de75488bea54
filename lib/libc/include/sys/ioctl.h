// SPDX-License-Identifier: MIT
#pragma once

#include <asm/ioctls.h>
#include <linux/termios.h>

int ioctl(int fd, unsigned long request, ...);
