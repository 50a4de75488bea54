// SPDX-License-Identifier: MIT
//
// System calls by name, for both rings.
#pragma once

// The name of a number ("getppid"), or NULL.
const char *syscall_name(unsigned number);
