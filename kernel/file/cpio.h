// SPDX-License-Identifier: MIT
//
// Reading cpio archives of the "newc" kind (magic 070701 and 070702), several one after the other
// with zeros between, as Linux accepts for an initramfs. A pure function over a buffer: it
// allocates nothing, believes nothing, and reads nothing outside of the buffer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpio_entry {
	const char *name;   // in the archive, terminated within it
	size_t name_length; // without the NUL; at least 1
	const void *data;   // in the archive
	size_t size;        // of `data`, bytes
	uint32_t inode, mode, uid, gid, links, mtime;
	uint32_t device_major, device_minor; // where the file was; with `inode` and the archive's
	uint32_t special_major, special_minor; // number it identifies hard links
	unsigned archive;                      // 0 for the first of several archives
};

enum cpio_result {
	CPIO_ENTRY,     // *entry is filled
	CPIO_END,       // nothing but zeros, or nothing, is left
	CPIO_BAD_MAGIC, // from here on errors: the position stands where the bad header is
	CPIO_BAD_NUMBER,
	CPIO_TRUNCATED, // header, name or data reach past the end
	CPIO_BAD_NAME,  // empty, longer than 4096, or without NUL at its end
};

struct cpio_reader {
	const uint8_t *start;
	size_t size;
	size_t position; // of the next header
	unsigned archive;
};

void cpio_open(struct cpio_reader *reader, const void *start, size_t size);
// The next entry; trailers are stepped over. After an error there is nothing more to read.
enum cpio_result cpio_next(struct cpio_reader *reader, struct cpio_entry *entry);
const char *cpio_result_name(enum cpio_result result);
