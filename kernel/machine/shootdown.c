// SPDX-License-Identifier: MIT
//
// TLB shootdown: see shootdown.h. A request lives on the stack of the CPU that waits for it; each
// CPU's mailbox has a place for one request of every other, as nobody waits for two at a time.
#include "kernel/machine/shootdown.h"
#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/flush.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/secondary.h"
#include "kernel/machine/spin_wait.h"
#include "kernel/machine/translation_check.h"
#include "lib/mutant.h"
#include "lib/spinlock.h"
#include "mm/mm.h"
#include "mm/trace.h"

struct flush_request {
	struct mm *mm;
	uintptr_t start, end;
	uint64_t change;  // its number, or 0: see context.h
	uint64_t waiting; // CPUs that have not acknowledged yet; atomic
};

static void post(struct cpu *target, struct flush_request *request)
{
	unsigned self = this_cpu()->number;
	uint64_t before;

	target->flush_requests[self] = request;
	before = __atomic_fetch_or(&target->flush_from, 1ul << self, __ATOMIC_SEQ_CST);
	// Where others wait already, their interrupt is on its way.
	if (!before)
		apic_send(target->apic_id, VECTOR_FLUSH);
}

static inline __attribute__((always_inline)) void
tell(struct cpu *self, struct flush_request *request, uint64_t targets)
{
	struct spin spin = {0};

	self->shootdowns_sent++;
	request->waiting = targets;
	for (uint64_t left = targets; left; left &= left - 1)
		post(cpus[__builtin_ctzl(left)], request);
	while (__atomic_load_n(&request->waiting, __ATOMIC_ACQUIRE) &&
	       !MUTANT(shootdown_not_awaited))
		spin_wait(&spin);
}

static __attribute__((cold, noinline)) void
tell_traced(struct cpu *self, struct flush_request *request, uint64_t targets)
{
	uint64_t began = tsc_read();

	tell(self, request, targets);
	trace_write(TRACE_SHOOTDOWN, request->start, request->end, targets, tsc_read() - began);
}

// Those of `targets` that have to be told: the others rest, and forget everything before they go
// on. Until then they may guess, through what has been changed already, or was when they lay down.
static uint64_t excuse(uint64_t targets)
{
	uint64_t awake = targets;

	for (uint64_t left = targets; left; left &= left - 1) {
		unsigned target = __builtin_ctzl(left);
		uint8_t *sleep = &cpus[target]->sleep, before = CPU_ASLEEP;

		if (__atomic_load_n(sleep, __ATOMIC_RELAXED) == CPU_AWAKE)
			continue;
		if (__atomic_compare_exchange_n(sleep, &before, CPU_STALE, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST) ||
		    before == CPU_STALE) {
			awake &= ~(1ul << target);
			translation_excused(target);
		}
	}
	return awake;
}

// Not from CPU_STALE: who answers in its rest, and waits for something, may rest again.
void shootdown_lie_down(struct cpu *cpu)
{
	uint8_t awake = CPU_AWAKE;

	(void)__atomic_compare_exchange_n(&cpu->sleep, &awake, CPU_ASLEEP, false, __ATOMIC_SEQ_CST,
					  __ATOMIC_SEQ_CST);
}

void shootdown_rise(struct cpu *cpu)
{
	if (__atomic_exchange_n(&cpu->sleep, CPU_AWAKE, __ATOMIC_SEQ_CST) == CPU_STALE &&
	    !MUTANT(excused_not_flushed))
		flush_local_user();
}

void shootdown(struct mm *mm, uintptr_t start, uintptr_t end, uint64_t change, bool strict)
{
	struct cpu *self = this_cpu();
	struct flush_request request = {mm, start, end, change, 0};
	uint64_t targets;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	targets = __atomic_load_n(mm ? &mm->cpus : &cpus_online, __ATOMIC_RELAXED);
	targets &= ~(1ul << self->number);
	if (mm && !strict)
		targets = excuse(targets);
	if (!targets || MUTANT(no_shootdown))
		return;
	if (trace_wants(TRACE_SHOOTDOWN))
		tell_traced(self, &request, targets);
	else
		tell(self, &request, targets);
}

// The first CPU of the set `from`.
static inline __attribute__((always_inline)) void answer(struct cpu *self, uint64_t from)
{
	unsigned sender = __builtin_ctzl(from);
	struct flush_request *request = self->flush_requests[sender];
	uint64_t bit = 1ul << self->number;

	flush_local(request->mm, request->start, request->end, request->change);
	self->shootdowns_received++;
	// With the last acknowledgement the request is gone.
	if (__atomic_fetch_and(&request->waiting, ~bit, __ATOMIC_SEQ_CST) == bit)
		spin_wake(cpus[sender]);
}

static __attribute__((cold, noinline)) void answer_traced(struct cpu *self, uint64_t from)
{
	const struct flush_request *request = self->flush_requests[__builtin_ctzl(from)];
	uintptr_t start = request->start, end = request->end;
	uint64_t began = tsc_read();

	answer(self, from);
	trace_write(TRACE_SHOOTDOWN_ANSWER, start, end, (uint64_t)__builtin_ctzl(from),
		    tsc_read() - began);
}

void shootdown_answer(void)
{
	struct cpu *self = this_cpu();
	uint64_t from = __atomic_exchange_n(&self->flush_from, 0, __ATOMIC_SEQ_CST);

	for (; from; from &= from - 1) {
		if (trace_wants(TRACE_SHOOTDOWN_ANSWER))
			answer_traced(self, from);
		else
			answer(self, from);
	}
}
