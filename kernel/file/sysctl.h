// SPDX-License-Identifier: MIT
//
// Settings of /proc/sys by the names that sysctl(8) gives them.
#pragma once

// "vm.overcommit_memory" and the like: 0, -ENOENT for a name that is not known, or the error that
// writing to its file gives.
int sysctl_set(const char *name, const char *value);
