// SPDX-License-Identifier: MIT
//
// The trace's rings: see mm/trace.h. Each CPU writes its own ring, with interrupts off, so writing
// takes no lock. What readers do not take in time:
//
//   in the kernel's own rings  is overwritten; the reader notices by the count of records written
//   in the channel's           makes the CPU wait for the host, which reads all the time. A host
//                              that takes nothing for ten seconds is taken for gone: then records
//                              are lost, and counted, until it reads again
//
// Both kinds of loss stand in the stream as TRACE_LOST. Which events are recorded changes while
// all other CPUs are held (machine_hold_others), which guards everything here but the rings.

#include "mm/trace.h"
#include "lib/mutant.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "lib/trace_channel.h"
#include "mm/frame.h"
#include "mm/machine.h"
#include <linux/errno.h>

#define RING_ORDER   8 // 1 MiB
#define RING_RECORDS ((PAGE_SIZE << RING_ORDER) / sizeof(struct trace_record))
#define PATIENCE     10000000000ul // ticks

_Static_assert(MAX_CPUS <= TRACE_CHANNEL_RINGS, "a ring for each CPU");

#define ALWAYS \
	(TRACE_EVENT_BIT(TRACE_NAME) | TRACE_EVENT_BIT(TRACE_LOST) | TRACE_EVENT_BIT(TRACE_START))

// What is recorded at another event's sites: of system calls, and of faults.
#define BY_CALLS                                                           \
	(TRACE_EVENT_BIT(TRACE_SYSCALL_END) | TRACE_EVENT_BIT(TRACE_BRK) | \
	 TRACE_EVENT_BIT(TRACE_MMAP) | TRACE_EVENT_BIT(TRACE_MUNMAP) |     \
	 TRACE_EVENT_BIT(TRACE_MPROTECT) | TRACE_EVENT_BIT(TRACE_MREMAP) | \
	 TRACE_EVENT_BIT(TRACE_MADVISE))
#define BY_FAULTS (TRACE_EVENT_BIT(TRACE_FAULT_BEGIN) | TRACE_EVENT_BIT(TRACE_FAULT_FRAME))

static struct ring {
	struct trace_record *records;     // set once; NULL: none yet
	struct trace_channel_ring *state; // the same; written by this CPU, but for `taken`
	uint64_t untold;                  // losses that no TRACE_LOST has told yet; this CPU's
	bool host_gone;                   // it took nothing for too long; this CPU's
	uint64_t read;                    // by trace_read; read_lock
	uint64_t end;                     // what the file gets ends here; all CPUs are held
	struct trace_channel_ring own;    // of a ring in the kernel's memory
} __attribute__((aligned(64))) rings[MAX_CPUS];

static uint64_t ring_records = RING_RECORDS; // constant once there are rings
static struct trace_channel *channel;        // NULL: the rings are the kernel's own; constant

static uint64_t recorded;                           // events wanted by anybody
static uint64_t file_events = TRACE_DEFAULT_EVENTS; // chosen for the file
static bool file_on, syscalls_watched;
static uint64_t stream_events;

static struct spinlock read_lock; // readers of the file; guards the rest
static int only_task;
static uint64_t lost;

// ---- writing ----
// Waits for the host. False when it is gone.
static __attribute__((noinline)) bool wait_for_host(struct ring *ring)
{
	struct trace_channel_ring *state = ring->state;
	uint64_t taken = __atomic_load_n(&state->taken, __ATOMIC_ACQUIRE);
	uint64_t began = machine_time();
	struct spin spin = {0};

	if (!ring->host_gone)
		state->waits++;
	while (__atomic_load_n(&state->taken, __ATOMIC_ACQUIRE) == taken) {
		if (ring->host_gone || machine_time() - began > PATIENCE) {
			ring->host_gone = true;
			return false;
		}
		spin_wait(&spin);
	}
	ring->host_gone = false;
	return true;
}

// While it waits, an answer to another CPU may write records here: `written` is read anew.
static bool has_room(struct ring *ring, uint64_t count)
{
	struct trace_channel_ring *state = ring->state;

	if (!channel || MUTANT(trace_overwrites_unread))
		return true;
	while (state->written + count - __atomic_load_n(&state->taken, __ATOMIC_ACQUIRE) >
	       ring_records)
		if (!wait_for_host(ring))
			return false;
	return true;
}

static void store(struct ring *ring, const struct trace_record *record)
{
	uint64_t at = ring->state->written;

	ring->records[at & (ring_records - 1)] = *record;
	__atomic_store_n(&ring->state->written, at + 1, __ATOMIC_RELEASE);
}

static __attribute__((noinline)) void tell_loss(struct ring *ring,
						const struct trace_record *before)
{
	struct trace_record record = {
		.time = before->time, .event = TRACE_LOST, .cpu = before->cpu, .a = ring->untold};

	ring->untold = 0;
	store(ring, &record);
}

static void put(struct trace_record *record)
{
	uint64_t interrupts = machine_interrupts_off(), now;
	struct ring *ring = &rings[machine_cpu()];

	if (!ring->records) {
		machine_interrupts_restore(interrupts);
		return;
	}
	record->cpu = (uint16_t)machine_cpu();
	record->task = machine_task_id();
	if (!has_room(ring, 1 + (ring->untold != 0))) {
		ring->untold++;
		ring->state->lost++;
	} else {
		now = machine_time();
		if (record->time == 0 || record->time > now)
			record->time = now;
		if (ring->untold && !MUTANT(trace_loss_untold))
			tell_loss(ring, record);
		store(ring, record);
	}
	machine_interrupts_restore(interrupts);
}

static bool wanted(unsigned event)
{
	uint64_t events = __atomic_load_n(&recorded, __ATOMIC_RELAXED);

	return (events >> event & 1) && ((ALWAYS >> event & 1) || machine_trace_selects());
}

void trace_put(struct trace_record *record)
{
	if (wanted(record->event))
		put(record);
}

void trace_write6(enum trace_event event, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		  uint64_t e, uint64_t f)
{
	struct trace_record record = {
		.event = event, .a = a, .b = b, .c = c, .d = d, .e = e, .f = f};

	if (wanted(event))
		put(&record);
}

void trace_write(enum trace_event event, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	trace_write6(event, a, b, c, d, 0, 0);
}

void trace_name(enum trace_name kind, uint64_t subject, const char *name, size_t length)
{
	size_t offset = 0;

	if (!wanted(TRACE_NAME))
		return;
	do {
		struct trace_record record = {.event = TRACE_NAME, .b = subject};
		size_t part = length - offset;

		if (part > TRACE_NAME_BYTES)
			part = TRACE_NAME_BYTES;
		record.a = kind | offset << 16 | (uint64_t)length << 32;
		memcpy(&record.c, name + offset, part);
		put(&record);
		offset += part;
	} while (offset < length);
}

// ---- the sites ----
struct trace_site {
	int32_t code, target; // addresses, from the field's own
	uint32_t event;
};

extern const struct trace_site __start_trace_sites[], __stop_trace_sites[];
#pragma weak __start_trace_sites
#pragma weak __stop_trace_sites

static void set_site(const struct trace_site *site, bool jump)
{
	char *code = (char *)&site->code + site->code,
	     *target = (char *)&site->target + site->target;
	int32_t distance = (int32_t)(target - (code + 5));
	uint8_t bytes[5] = {0x0f, 0x1f, 0x44, 0, 0}; // NOP

	if (jump) {
		bytes[0] = 0xe9;
		memcpy(bytes + 1, &distance, sizeof(distance));
	}
	machine_write_code(code, bytes, sizeof(bytes));
}

// Brings the sites to what is wanted now. All other CPUs are held.
static void apply(void)
{
	uint64_t before = recorded, sites, changed;
	static uint64_t jumping;

	recorded = (file_on ? file_events : 0) | stream_events;
	if (recorded)
		recorded |= ALWAYS;
	sites = recorded;
	if (syscalls_watched || (recorded & BY_CALLS))
		sites |= TRACE_EVENT_BIT(TRACE_SYSCALL);
	if (recorded & BY_FAULTS)
		sites |= TRACE_EVENT_BIT(TRACE_FAULT);
	changed = sites ^ jumping;
	for (const struct trace_site *site = __start_trace_sites; site < __stop_trace_sites;
	     site++)
		if (changed >> site->event & 1)
			set_site(site, sites >> site->event & 1);
	jumping = sites;
	if (recorded && recorded != before)
		trace_write6(TRACE_START, TRACE_VERSION, recorded, machine_time_rate(),
			     frame_total(), frame_kind_count(FRAME_FREE), machine_cpu_count());
}

// ---- the rings ----
static int make_ring(struct ring *ring)
{
	struct frame *frames = frame_alloc(RING_ORDER, FRAME_KERNEL);

	if (!frames)
		return -ENOMEM;
	machine_hold_others();
	if (!ring->records) {
		ring->state = &ring->own;
		ring->records = frame_to_virt(frames);
		frames = NULL;
	}
	machine_release_others();
	if (frames)
		frame_free(frames, RING_ORDER);
	return 0;
}

static int make_rings(void)
{
	for (unsigned cpu = 0; cpu < machine_cpu_count(); cpu++)
		if (!rings[cpu].records && make_ring(&rings[cpu]))
			return -ENOMEM;
	return 0;
}

bool trace_channel_start(void *memory, size_t size)
{
	uint64_t records, room;
	unsigned cpus = machine_cpu_count();

	if (size < TRACE_CHANNEL_BEGIN + cpus * sizeof(struct trace_record))
		return false;
	room = (size - TRACE_CHANNEL_BEGIN) / cpus / sizeof(struct trace_record);
	records = 1ul << (63 - __builtin_clzl(room));
	channel = memory;
	ring_records = records;
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		rings[cpu].state = &channel->rings[cpu];
		rings[cpu].records =
			(struct trace_record *)((char *)memory + TRACE_CHANNEL_BEGIN) +
			cpu * records;
	}
	channel->version = TRACE_VERSION;
	channel->cpus = cpus;
	channel->records = records;
	__atomic_store_n(&channel->magic, TRACE_CHANNEL_MAGIC, __ATOMIC_RELEASE);
	return true;
}

int trace_stream(uint64_t events)
{
	int error = make_rings();

	if (error)
		return error;
	machine_hold_others();
	stream_events = events & ~ALWAYS;
	apply();
	machine_release_others();
	return 0;
}

uint64_t trace_streamed(void)
{
	return stream_events;
}

void trace_choose(uint64_t events)
{
	machine_hold_others();
	file_events = events | ALWAYS;
	apply();
	machine_release_others();
}

uint64_t trace_chosen(void)
{
	return file_events;
}

uint64_t trace_events(void)
{
	return __atomic_load_n(&recorded, __ATOMIC_RELAXED);
}

void trace_watch_syscalls(bool watch)
{
	machine_hold_others();
	syscalls_watched = watch;
	apply();
	machine_release_others();
}

// ---- the file's side ----
static void forget_records(int task)
{
	spin_lock(&read_lock);
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		struct ring *ring = &rings[cpu];

		if (!ring->records)
			continue;
		ring->read = __atomic_load_n(&ring->state->written, __ATOMIC_ACQUIRE);
		ring->end = ~0ul;
	}
	lost = 0;
	only_task = task;
	spin_unlock(&read_lock);
}

int trace_start(int task)
{
	int error = make_rings();

	if (error)
		return error;
	forget_records(task);
	machine_hold_others();
	file_on = true;
	apply();
	machine_release_others();
	return 0;
}

void trace_stop(void)
{
	machine_hold_others();
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (file_on && rings[cpu].records)
			rings[cpu].end = rings[cpu].state->written;
	file_on = false;
	apply();
	machine_release_others();
}

bool trace_started(void)
{
	return file_on;
}

// The oldest record of a ring that is still there, up to where the file's tracing was stopped;
// false: there is none. The place of the record before the next one may be written just now, so a
// full ring holds one less.
static bool peek(struct ring *ring, struct trace_record *record)
{
	uint64_t written;

	if (!ring->records)
		return false;
	written = __atomic_load_n(&ring->state->written, __ATOMIC_ACQUIRE);
	do {
		if (written - ring->read >= ring_records) {
			lost += written - ring_records + 1 - ring->read;
			ring->read = written - ring_records + 1;
		}
		if (ring->read >= written || ring->read >= ring->end)
			return false;
		*record = ring->records[ring->read & (ring_records - 1)];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		written = __atomic_load_n(&ring->state->written, __ATOMIC_RELAXED);
	} while (written - ring->read >= ring_records);
	return true;
}

// Of all rings, the oldest record that is next in one of them.
static bool take_oldest(struct trace_record *oldest)
{
	struct ring *from = NULL;
	struct trace_record record;

	for (unsigned cpu = 0; cpu < machine_cpu_count(); cpu++) {
		if (!peek(&rings[cpu], &record) || (from && record.time >= oldest->time))
			continue;
		from = &rings[cpu];
		*oldest = record;
	}
	if (from)
		from->read++;
	return from != NULL;
}

static bool asked_for(const struct trace_record *record)
{
	return (file_events >> record->event & 1) && (!only_task || record->task == only_task);
}

size_t trace_read(struct trace_record *records, size_t count)
{
	size_t taken = 0;

	spin_lock(&read_lock);
	while (taken < count && take_oldest(&records[taken]))
		taken += asked_for(&records[taken]);
	spin_unlock(&read_lock);
	return taken;
}

uint64_t trace_lost(void)
{
	uint64_t sum = lost;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (rings[cpu].records)
			sum += rings[cpu].state->lost;
	return sum;
}
