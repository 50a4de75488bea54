// SPDX-License-Identifier: MIT
//
// The channel of the trace: memory that the guest writes records into and the host takes them from
// while the guest runs (QEMU's ivshmem, a file on the host). A ring for each CPU; neither side
// ever writes what the other one does, so there is no lock. Because the rings themselves are the
// shared memory nothing has to be flushed: what was written before a panic, or before QEMU was
// killed, is there.
#pragma once

#include "lib/trace_record.h"

#define TRACE_CHANNEL_MAGIC 0x4543415254544c46 // "FLTTRACE"
#define TRACE_CHANNEL_RINGS 64
#define TRACE_CHANNEL_BEGIN 8192 // where the first ring begins

// Records are counted from 0 on and never start again; record n lies at n modulo the ring's size.
struct trace_channel_ring {
	uint64_t written; // by the guest, after the record
	uint64_t taken;   // by the host
	uint64_t lost;    // by the guest: records for which the host left no room
	uint64_t waits;   // by the guest: times it had to wait for room
	uint64_t unused[4];
};

struct trace_channel {
	uint64_t magic; // written last
	uint32_t version;
	uint32_t cpus;
	uint64_t records; // of each ring, a power of two
	uint64_t unused[5];
	struct trace_channel_ring rings[TRACE_CHANNEL_RINGS];
};
_Static_assert(sizeof(struct trace_channel) <= TRACE_CHANNEL_BEGIN, "before the rings");
