// SPDX-License-Identifier: MIT
//
// The trace of malloc and free; malloc_trace.c explains it.
#pragma once

struct malloc_layer;

#pragma GCC visibility push(hidden)

// The layer that records each operation and has `below` do it (NULL: the allocator itself), if the
// environment asks for it, else NULL. Before the first block, with no lock.
const struct malloc_layer *malloc_trace_wanted(const struct malloc_layer *below);

#pragma GCC visibility pop
