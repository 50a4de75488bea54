// SPDX-License-Identifier: MIT
#pragma once

#define new_utsname utsname
#include <linux/utsname.h>
#undef new_utsname

int uname(struct utsname *name);
