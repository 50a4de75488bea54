// SPDX-License-Identifier: MIT
//
// What the layers of malloc are asked for in the environment.
#pragma once

#pragma GCC visibility push(hidden)

// The value of NAME, given as "NAME=", or NULL. The first block may be wanted before a C library
// has set up its environment: then the process's own file in /proc is read, of which the first 32
// KiB have to do. Nothing for programs that run with somebody else's rights.
const char *malloc_environment(const char *name);

#pragma GCC visibility pop
