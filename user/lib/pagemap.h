// SPDX-License-Identifier: MIT
//
// Which frame a page lies in, from /proc/PID/pagemap, whose format is Linux's. Numbers of frames
// are told to the superuser only; others read 0.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGEMAP_PRESENT (1ul << 63)
#define PAGEMAP_FILE    (1ul << 61) // a file's page, or shared anonymous memory
#define PAGEMAP_FRAME   ((1ul << 55) - 1)

// The words of `count` pages from `address` on; `pid` 0: the caller. False: no such process.
bool pagemap_read(int pid, uintptr_t address, uint64_t *words, size_t count);

// Bytes of page tables that the pages of a process need which are in memory, counted page by page.
unsigned long pagemap_tables(int pid);
