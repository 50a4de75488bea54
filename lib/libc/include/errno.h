// SPDX-License-Identifier: MIT
#pragma once

#include <linux/errno.h>

extern int errno;
