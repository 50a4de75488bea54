// SPDX-License-Identifier: MIT
//
// TLB shootdown, and the reuse of what was mapped (kernel/machine/shootdown.c, flush.c,
// spin_wait.c; mm/flush.c, mm/mm.c, mm/object_shrink.c). CPUs enter and leave one address space,
// fault its only page in, unmap it, exit, and flush kernel addresses; others take the frame when it
// is free. What the frame is mapped as is a page of ring 3, or a table that others are reached
// through. Who waits may rest, and be interrupted, and rest while it answers.
//
// Checked: nobody translates to the frame once it is no longer the page's; none translates through
// a table or a root that is freed, not even for a guess while it rests; no request is read after
// its sender has gone on; nobody waits for ever.
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
// bugs: IDLE_KEEPS_SPACE EXCUSED_NOT_FLUSHED FLUSHED_LYING_DOWN RISE_NOT_ATOMIC
// bugs: EXCUSE_NOT_ATOMIC EXCUSED_FROM_TABLES LIES_DOWN_TWICE
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
bool entry;                         // of the page: present ...
bool table;                         // ... and it names a table
mtype frame = FREE;                 // the only one
bool lock;                          // mm->lock
byte cpus;                          // mm->cpus
byte users = CPUS;                  // mm->users
bool freed;                         // the root is

// ---- each processor ----
bool loaded[CPUS];                  // CR3 is this address space's
mtype = { NONE, PAGE, TABLE };      // the latter: what is kept of upper levels (4.10.3)
mtype tlb[CPUS] = NONE;             // the page's translation
bool clearing[CPUS];                // the store buffer: entry = false
bool interrupt[CPUS];               // VECTOR_FLUSH, not yet taken
bool halted[CPUS];                  // in rest(): it uses no address of ring 3, and may guess

// ---- struct context: how far its `flushes` is behind mm->flushes. Which is all that is asked of
// the two, and keeps them from growing without end. ----
mtype = { LEVEL, ONE_BEHIND, BEHIND };
mtype known[CPUS] = BEHIND;

// ---- struct cpu and struct flush_request ----
mtype = { AWAKE, ASLEEP, STALE };
mtype sleep[CPUS] = AWAKE;
byte flush_from[CPUS];
mtype request[CPUS];                // on the stack of its sender ...
byte waiting[CPUS];
bool alive[CPUS];                   // ... as long as that waits

// What the processor does by itself.
active [CPUS] proctype hardware()
{
	byte self = _pid;

end:	do
	:: atomic {
		loaded[self] && tlb[self] == NONE && entry ->
		tlb[self] = (table -> TABLE : PAGE)
	}
	:: atomic { clearing[self] -> entry = false; clearing[self] = false }
	:: atomic {
		loaded[self] && frame != MAPPED &&
		(tlb[self] == TABLE || (tlb[self] == PAGE && !halted[self])) ->
		assert(frame == MAPPED)
	}
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
		:: stale -> tlb[self] = NONE
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
	atomic { loaded[self] = false; tlb[self] = NONE }
#endif
}

// ---- kernel/machine/flush.c ----

// INVLPG is a barrier too (SDM vol. 3A, 9.3); where another space is loaded, there is none.
inline flush_local(half)
{
	if
	:: atomic { half == USER && loaded[self] -> barrier(); tlb[self] = NONE };
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

// Who rests forgets before it goes on.
inline excuse()
{
	target = 0;
	do
	:: target < CPUS && !(targets & bit(target)) -> target++
	:: target < CPUS && (targets & bit(target)) ->
#ifdef EXCUSE_NOT_ATOMIC
		if
		:: sleep[target] != AWAKE -> sleep[target] = STALE; targets = targets & ~bit(target)
		:: else
		fi;
#else
		atomic {
			if
			:: sleep[target] != AWAKE ->
				sleep[target] = STALE;
				targets = targets & ~bit(target)
			:: else
			fi
		};
#endif
		target++
	:: target == CPUS -> target = 0; break
	od
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

// Not from STALE: who is interrupted in its rest may rest again before it is back.
inline shootdown_lie_down()
{
	atomic {
		barrier();
#ifdef FLUSHED_LYING_DOWN
		tlb[self] = NONE;
#endif
#ifdef LIES_DOWN_TWICE
		sleep[self] = ASLEEP
#else
		sleep[self] = (sleep[self] == AWAKE -> ASLEEP : sleep[self])
#endif
	}
}

inline shootdown_rise()
{
#ifdef RISE_NOT_ATOMIC
	excused = sleep[self] == STALE;
	sleep[self] = AWAKE;
#else
	atomic { excused = sleep[self] == STALE; sleep[self] = AWAKE };
#endif
#if !defined(EXCUSED_NOT_FLUSHED) && !defined(FLUSHED_LYING_DOWN)
	if
	:: atomic { excused && loaded[self] -> tlb[self] = NONE }       // flush_local_user()
	:: else
	fi;
#endif
	excused = false
}

// ---- kernel/machine/spin_wait.c ----

// Its timer ends it sooner or later, which is of use only when there is something to do.
inline rest(over)
{
	halted[self] = true;
	shootdown_lie_down();
	over || interrupt[self] || sleep[self] == STALE;
	if
	:: interrupt[self] ->
		interrupt[self] = false;
		shootdown_answer();
		if
		:: true
		:: shootdown_lie_down(); shootdown_rise()       // a rest in the handler
		fi
	:: true
	fi;
	shootdown_rise();
	halted[self] = false
}

// ---- kernel/machine/shootdown.c ----

inline shootdown(half, mask, strict)
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
		if
		:: half == USER && !(strict) -> excuse()
		:: half == KERNEL || (strict)
		fi;
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
		:: waiting[self] != 0 -> rest(waiting[self] == 0)
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
	:: lock -> rest(!lock)
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

#ifdef EXCUSED_FROM_TABLES
#define STRICT false
#else
#define STRICT table
#endif

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
		table = false;
		frame = FREE;
		shootdown(USER, cpus, STRICT)
#else
		shootdown(USER, cpus, STRICT);
		table = false;
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
#ifndef CONTEXTS                        // what is said of tables has nothing to do with these
	:: atomic { !entry && frame == FREE -> frame = MAPPED; table = true }; entry = true
#endif
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
		:: entry -> entry = false; table = false; frame = FREE
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
	:: shootdown(KERNEL, CPUS_ONLINE, true)
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
	:: shootdown(KERNEL, CPUS_ONLINE, true)
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
	bool exited, last, stale, excused;

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
