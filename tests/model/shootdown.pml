// SPDX-License-Identifier: MIT
//
// TLB shootdown, and the reuse of what was mapped (kernel/machine/shootdown.c, flush.c;
// mm/flush.c, mm/mm.c, mm/object_shrink.c). CPUs enter and leave one address space, fault its only page in, unmap it, exit, and
// flush kernel addresses; others take the frame when it is free.
//
// Checked: nobody translates to the frame once it is no longer the page's; none translates through
// a root that is freed; no request is read after its sender has gone on; nobody waits for ever.
//
// What of the processor is modelled: a translation may enter the TLB at any moment (SDM vol. 3A,
// 4.10.2.3), a store may stay in the store buffer until a barrier, an interrupt may come between
// any two steps unless they are off. Loading a root forgets what is not global; with CONTEXTS
// defined, only what belongs to its process-context identifier, and not even that if the kernel
// says so (kernel/machine/context.c).
//
// also: CONTEXTS
// bugs: NOT_AWAITED FREE_BEFORE_ACKNOWLEDGED MASK_BEFORE_CLEAR NO_BARRIER NO_POLLING
// bugs: ROOT_BEFORE_BIT BIT_BEFORE_ROOT INTERRUPT_NOT_SENT ACKNOWLEDGED_BEFORE_FLUSH
// bugs: IDLE_KEEPS_SPACE
// bugs: CONTEXTS+CHANGE_NOT_COUNTED CONTEXTS+COUNTED_AFTER_MASK CONTEXTS+READ_BEFORE_BIT
// bugs: CONTEXTS+INTERRUPTS_ON CONTEXTS+READ_WHEN_LEAVING

#ifndef CPUS
#define CPUS 2
#endif
#define bit(c) (1 << (c))
#define CPUS_ONLINE ((1 << CPUS) - 1)

mtype = { FREE, MAPPED, OTHERS };   // what the frame is
mtype = { USER, KERNEL };           // which half a request is about

// ---- memory ----
bool entry;                         // of the page: present
mtype frame = FREE;                 // the only one
bool lock;                          // mm->lock
byte cpus;                          // mm->cpus
byte users = CPUS;                  // mm->users
bool freed;                         // the root is

// ---- each processor ----
bool loaded[CPUS];                  // CR3 is this address space's
bool tlb[CPUS];                     // the page's translation
bool clearing[CPUS];                // the store buffer: entry = false
bool interrupt[CPUS];               // VECTOR_FLUSH, not yet taken

// ---- struct context: how far its `flushes` is behind mm->flushes. Which is all that is asked of
// the two, and keeps them from growing without end. ----
mtype = { LEVEL, ONE_BEHIND, BEHIND };
mtype known[CPUS] = BEHIND;

// ---- struct cpu and struct flush_request ----
byte flush_from[CPUS];
mtype request[CPUS];                // on the stack of its sender ...
byte waiting[CPUS];
bool alive[CPUS];                   // ... as long as that waits

// What the processor does by itself.
active [CPUS] proctype hardware()
{
	byte self = _pid;

end:	do
	:: atomic { loaded[self] && !tlb[self] && entry -> tlb[self] = true }
	:: atomic { clearing[self] -> entry = false; clearing[self] = false }
	:: atomic { loaded[self] && tlb[self] && frame != MAPPED -> assert(frame == MAPPED) }
	:: atomic { loaded[self] && freed -> assert(!freed) }
	od
}

inline barrier()
{
	!clearing[self]
}

// ---- kernel/machine/context.c; without CONTEXTS nothing of it happens ----

inline context_change()
{
#if defined(CONTEXTS) && !defined(CHANGE_NOT_COUNTED)
	atomic {
		barrier();
		target = 0;
		do
		:: target < CPUS ->
			known[target] = (known[target] == LEVEL -> ONE_BEHIND : BEHIND);
			target++
		:: target == CPUS -> target = 0; break
		od
	}
#else
	skip
#endif
}

inline context_forgot()
{
#ifdef CONTEXTS
	known[self] = (known[self] == ONE_BEHIND -> LEVEL : known[self])
#else
	skip
#endif
}

// context_root(): whether what is kept can be used, and the count as it is now.
inline read_count()
{
#ifdef CONTEXTS
	atomic { stale = known[self] != LEVEL; known[self] = LEVEL }
#else
	stale = true
#endif
}

// What is loaded then: see X86_CR3_PCID_NOFLUSH in context_root().
inline load_root()
{
	atomic {
		loaded[self] = true;
		if
		:: stale -> tlb[self] = false
		:: !stale
		fi;
		stale = false
	}
}

// The kernel's own root, which has an identifier of its own: context_root(NULL).
inline load_kernel_root()
{
#ifdef CONTEXTS
#ifdef READ_WHEN_LEAVING
	known[self] = LEVEL;
#endif
	loaded[self] = false
#else
	atomic { loaded[self] = false; tlb[self] = false }
#endif
}

// ---- kernel/machine/flush.c ----

// INVLPG is a barrier too (SDM vol. 3A, 9.3); where another space is loaded, there is none.
inline flush_local(half)
{
	if
	:: atomic { half == USER && loaded[self] -> barrier(); tlb[self] = false };
		context_forgot()
	:: else
	fi
}

// ---- kernel/machine/shootdown.c ----

inline shootdown_answer()
{
	atomic { from = flush_from[self]; flush_from[self] = 0 };
	sender = 0;
	do
	:: sender < CPUS && (from & bit(sender)) ->
		assert(alive[sender]);
#ifdef ACKNOWLEDGED_BEFORE_FLUSH
		waiting[sender] = waiting[sender] & ~bit(self);
#endif
		flush_local(request[sender]);
#ifndef ACKNOWLEDGED_BEFORE_FLUSH
		assert(alive[sender]);
		waiting[sender] = waiting[sender] & ~bit(self);
#endif
		sender++
	:: sender < CPUS && !(from & bit(sender)) -> sender++
	:: sender == CPUS -> sender = 0; from = 0; break
	od
}

// Between two steps with interrupts on: shootdown_answer().
inline interrupts()
{
	if
	:: interrupt[self] -> interrupt[self] = false; shootdown_answer()
	:: true
	fi
}

inline post()
{
	target = 0;
	do
	:: target < CPUS && (targets & bit(target)) ->
		atomic {
			before = flush_from[target];
			flush_from[target] = flush_from[target] | bit(self);
		}
#ifndef INTERRUPT_NOT_SENT
		// Where others wait already, their interrupt is on its way.
		if
		:: before == 0 -> interrupt[target] = true
		:: before != 0
		fi;
#endif
		before = 0;
		target++
	:: target < CPUS && !(targets & bit(target)) -> target++
	:: target == CPUS -> target = 0; break
	od
}

inline shootdown(half, mask)
{
#ifndef NO_BARRIER
	barrier();
#endif
#if !defined(MASK_BEFORE_CLEAR) && !defined(COUNTED_AFTER_MASK)
	targets = mask & ~bit(self);
#endif
	if
	:: targets == 0
	:: targets != 0 ->
		request[self] = half;
		waiting[self] = targets;
		alive[self] = true;
		post();
		targets = 0;
#ifndef NOT_AWAITED
		do
		:: waiting[self] == 0 -> break
#ifndef NO_POLLING
		:: waiting[self] != 0 && flush_from[self] != 0 -> shootdown_answer()
#endif
		od;
#endif
		alive[self] = false;
		request[self] = 0
	fi
}

// lib/spinlock.h, waiting in spin_wait(); with interrupts off, which is the harder case.
inline spin_lock()
{
	do
	:: atomic { !lock -> lock = true }; break
#ifndef NO_POLLING
	:: lock && flush_from[self] != 0 -> shootdown_answer()
#endif
	od
}

// ---- kernel/machine/flush.c ----

// machine_enter_space(mm)
inline enter()
{
#ifdef READ_BEFORE_BIT
	read_count();
#endif
#ifdef ROOT_BEFORE_BIT
	read_count();
	load_root();
	interrupts();
	atomic { barrier(); cpus = cpus | bit(self) }
#else
	atomic { barrier(); cpus = cpus | bit(self) };
	interrupts();
#ifndef READ_BEFORE_BIT
	read_count();
#endif
#ifdef INTERRUPTS_ON
	interrupts();
#endif
	load_root()
#endif
}

// machine_enter_space(NULL)
inline leave()
{
#ifdef BIT_BEFORE_ROOT
	atomic { barrier(); cpus = cpus & ~bit(self) };
	interrupts();
	load_kernel_root()
#else
	load_kernel_root();
	interrupts();
	atomic { barrier(); cpus = cpus & ~bit(self) }
#endif
}

// ---- mm/flush.c, mm/fault.c, mm/mm.c ----

// flush_batch_finish(), as munmap ends
inline unmap()
{
	spin_lock();
	if
	:: entry ->
#ifdef MASK_BEFORE_CLEAR
		targets = cpus & ~bit(self);
#endif
		clearing[self] = true;
#ifdef COUNTED_AFTER_MASK
		barrier();
		targets = cpus & ~bit(self);
#endif
		context_change();
		flush_local(USER);
#ifdef FREE_BEFORE_ACKNOWLEDGED
		frame = FREE;
		shootdown(USER, cpus)
#else
		shootdown(USER, cpus);
		frame = FREE            // frame_put_all()
#endif
	:: !entry
	fi;
	barrier();                      // spin_unlock(): later stores come later
	lock = false
}

// mm_fault()
inline fault()
{
	spin_lock();
	if
	:: atomic { !entry && frame == FREE -> frame = MAPPED }; entry = true
	:: entry || frame != FREE       // mended meanwhile, or out of memory
	fi;
	lock = false
}

// mm_put(). After the last one nobody runs in it, and destroy() does not flush.
inline put()
{
	atomic { users--; last = users == 0 };
	if
	:: last ->
		if
		:: entry -> entry = false; frame = FREE
		:: !entry
		fi;
		freed = true;
		last = false
	:: !last
	fi
}

// ---- who runs ----

// A thread in ring 3, until it gives way.
inline ring3()
{
	do
	:: !entry -> fault()
	:: unmap()
#ifndef CONTEXTS                        // they have nothing to do with these
	:: shootdown(KERNEL, CPUS_ONLINE)
#endif
	:: interrupt[self] -> interrupt[self] = false; shootdown_answer()
	:: break
	:: true ->                      // it may never enter the kernel again by itself
end_ring3:	interrupt[self];
	od
}

// What other processes do here: take the frame and give it back.
inline others()
{
	if
	:: atomic { frame == FREE -> frame = OTHERS }
	:: atomic { frame == OTHERS -> frame = FREE }
#ifndef CONTEXTS                        // they have nothing to do with these
	:: shootdown(KERNEL, CPUS_ONLINE)
#endif
	:: atomic { users > 0 -> users++ };     // mm_get_unless_zero()
		unmap();                // of a space that is not loaded here, as reclaim does
		put()
	:: interrupt[self] -> interrupt[self] = false; shootdown_answer()
	fi
}

// One thread of the address space on each CPU. IDLE_KEEPS_SPACE is what is known as a lazy TLB: it
// would need a reference of its own.
active [CPUS] proctype cpu()
{
	byte self = _pid - CPUS;
	byte from, sender, target, targets, before;
	bool exited, last, stale;

	do
	:: others()
	:: !exited -> enter(); ring3(); leave()
	:: !exited ->
		enter();
		exited = true;
#ifndef IDLE_KEEPS_SPACE
		leave();
#endif
		put();
#ifdef IDLE_KEEPS_SPACE
		leave()
#endif
	:: true ->
end_idle:	interrupt[self]
	od
}
