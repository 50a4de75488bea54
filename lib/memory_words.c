// SPDX-License-Identifier: MIT
//
// Names of how faults end and of the kinds of frames.
#include "lib/memory_words.h"

const char *fault_result_name(enum fault_result result)
{
	static const char *const names[FAULT_RESULT_COUNT] = {
		[FAULT_DEMAND_ZERO] = "demand-zero",
		[FAULT_ZERO_FRAME] = "zero-frame",
		[FAULT_ZERO_REPLACED] = "zero-replaced",
		[FAULT_COPIED] = "copied",
		[FAULT_REUSED] = "reused",
		[FAULT_FILE_MAPPED] = "file-mapped",
		[FAULT_FILE_READ] = "file-read",
		[FAULT_FILE_COPIED] = "file-copied",
		[FAULT_STACK_GROWN] = "stack-grown",
		[FAULT_SPURIOUS] = "spurious",
		[FAULT_NO_MAPPING] = "no-mapping",
		[FAULT_PROTECTION] = "protection",
		[FAULT_STACK_LIMIT] = "stack-limit",
		[FAULT_NO_MEMORY] = "no-memory",
		[FAULT_BEYOND_END] = "beyond-end",
		[FAULT_IO_ERROR] = "io-error",
	};

	return result < FAULT_RESULT_COUNT ? names[result] : "?";
}

const char *frame_kind_name(enum frame_kind kind)
{
	static const char *const names[FRAME_KIND_COUNT] = {
		[FRAME_ABSENT] = "absent",
		[FRAME_RESERVED] = "reserved",
		[FRAME_FREE] = "free",
		[FRAME_IMAGE] = "kernel-image",
		[FRAME_BOOT] = "boot",
		[FRAME_MODULE] = "initrd",
		[FRAME_FRAME_TABLE] = "frame-table",
		[FRAME_PAGE_TABLE] = "page-table",
		[FRAME_SLAB] = "slab",
		[FRAME_STACK] = "kernel-stack",
		[FRAME_KERNEL] = "kernel",
		[FRAME_ZERO] = "zero",
		[FRAME_ANON] = "anonymous",
		[FRAME_FILE] = "file",
	};

	if (kind == FRAME_DEVICE)
		return "device";
	return kind < FRAME_KIND_COUNT ? names[kind] : "?";
}
