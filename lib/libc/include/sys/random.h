// SPDX-License-Identifier: MIT
#pragma once

#include <linux/random.h>
#include <sys/types.h>

ssize_t getrandom(void *buffer, size_t size, unsigned int flags);
