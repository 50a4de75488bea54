// SPDX-License-Identifier: MIT
//
// Copy-on-write against fork and exit (mm/fault.c, mm/fault_object.c, mm/fault_internal.h,
// mm/page_share.c, mm/mm.c, mm/frame.c). A process with two threads, each on its own CPU: the first
// forks, both read and write the only page. Its child, on a third CPU, reads and writes it too, and
// exits; then the next fork may come.
//
// Where several CPUs run the address space, the page is copied without its lock: the fault takes a
// reference to what it copies, gives the lock up, copies, takes the lock and decides anew, with the
// copy at hand if it is still one of what is mapped. Whether a fault finds the others there is left
// open, so that both ways are taken. Running out of frames is a result: the fault changes nothing.
//
// Checked: a process reads what it wrote last, and never what the other one wrote since the fork;
// a frame is not reached once it is free; references are what the entries, and the faults that are
// on their way, add up to whenever nobody is in the midst of changing them.
//
// A remote flush is one step for each CPU here: shootdown.pml is about what it consists of. Left
// out: the frame of zeros and files' pages, which are never written in place.
//
// bugs: FORK_WITHOUT_FLUSH FORK_FLUSHES_FIRST FORK_WITHOUT_REFERENCE FORK_WITHOUT_LOCK
// bugs: FORK_KEEPS_CHILD_WRITABLE COPY_WITHOUT_FLUSH PUT_BEFORE_FLUSH REUSE_BEFORE_LOCK
// bugs: REUSE_ALWAYS DROP_NOT_ATOMIC CHILD_RUNS_DURING_FORK
// bugs: SOURCE_NOT_HELD SOURCE_RELEASED_BEFORE_LOCK SOURCE_NOT_COMPARED NOT_DECIDED_ANEW
// bugs: OWN_REFERENCE_OF_ANY_FRAME READY_USED_TWICE

#define THREADS 3               // numbers 0 and 1: the parent's; 2: the child's
#define FORKER  0
#define CHILD   2
#define process(t) ((t) / 2)
#define FRAMES  3
#define NONE    0
#define OTHERS  2               // what a free frame holds: neither 0 nor 1

// ---- memory ----
byte entry[2] = NONE;           // of each process: the frame ...
bool writable[2];               // ... and PTE_WRITE
bool used[FRAMES + 1];          // not on a list of free frames
byte references[FRAMES + 1];
byte contents[FRAMES + 1] = OTHERS;
bool lock[2];                   // mm->lock
bool alive[2];
bool forking;

// ---- faults on their way: struct prepared ----
byte ready[THREADS];            // `frame`
byte source[THREADS];           // `source`, held
bool putting[THREADS];          // fault_release() is counting

// What the page must hold, as its process sees it.
byte expected[2];

#ifdef SOURCE_NOT_HELD
#define held(t, frame) 0
#else
#define held(t, frame) (source[t] == frame)
#endif

// ---- each processor's TLB ----
byte tlb[THREADS];
bool tlb_writable[THREADS];

inline forget(t)
{
	atomic { tlb[t] = NONE; tlb_writable[t] = false }
}

inline spin_lock(p)
{
	atomic { !lock[p] -> lock[p] = true }
}

// machine_flush_range(): this CPU, then the others that run the address space.
inline flush(p)
{
	forget(self);
	if
	:: p == 0 -> forget(1 - self)
	:: p == 1
	fi
}

// ---- mm/frame.c ----

// NONE: there is none left.
inline frame_alloc(frame)
{
	if
	:: !used[1] -> frame = 1
	:: used[1] && !used[2] -> frame = 2
	:: used[1] && used[2] && !used[3] -> frame = 3
	:: else -> frame = NONE
	fi;
	references[frame] = (frame != NONE);
	used[frame] = (frame != NONE)
}

// Whoever gets it next may write it at once.
inline frame_free(frame)
{
	assert(references[frame] <= 1);
	assert(used[frame]);
	references[frame] = 0;
	used[frame] = false;
	contents[frame] = OTHERS
}

// drop_reference(). Who takes the last one away has the frame for itself, so that freeing it is
// the same step.
inline frame_put(frame)
{
	if
	:: atomic { references[frame] == 1 -> frame_free(frame) }
	:: references[frame] != 1 ->
#ifdef DROP_NOT_ATOMIC
		before = references[frame];
#endif
		atomic {
#ifndef DROP_NOT_ATOMIC
			before = references[frame];
#endif
			assert(before > 0);
			references[frame] = before - 1;
			if
			:: before == 1 -> frame_free(frame)
			:: before != 1
			fi;
			before = 0
		}
	fi
}

// ---- mm/fault.c, mm/fault_internal.h, mm/fault_object.c ----

inline map_instead(p)
{
	old = entry[p];
	atomic { entry[p] = new; writable[p] = true };
#ifdef PUT_BEFORE_FLUSH
	frame_put(old);
#endif
#ifndef COPY_WITHOUT_FLUSH
	flush(p);
#endif
#ifndef PUT_BEFORE_FLUSH
	frame_put(old);
#endif
	old = NONE
}

// Others may drop theirs at any time, but take none: they would need the lock.
inline held_by_others(p)
{
#ifdef OWN_REFERENCE_OF_ANY_FRAME
	last = references[entry[p]] <= 1 + prepared
#else
	last = references[entry[p]] <= 1 + (prepared && source[self] == entry[p])
#endif
}

// is_busy(): whether the others run at this moment. The source is held from here on.
inline must_prepare(p)
{
	atomic {
		if
		:: !prepared && p == 0 ->
			again = true;
			source[self] = entry[p];
#ifndef SOURCE_NOT_HELD
			references[entry[p]]++
#endif
		:: true
		fi
	}
}

// new_anon_frame(), take_ready(), fill_page(); the page has no writer while it is copied, but for
// the bugs.
inline new_anon_frame(p)
{
	atomic {
		if
#ifdef SOURCE_NOT_COMPARED
		:: ready[self] != NONE ->
#else
		:: ready[self] != NONE && source[self] == entry[p] ->
#endif
			new = ready[self];
#ifndef READY_USED_TWICE
			ready[self] = NONE
#endif
		:: else ->
			frame_alloc(new);
			contents[new] = (new == NONE -> OTHERS : contents[entry[p]])
		fi
	}
}

inline copy(p)
{
	must_prepare(p);
	if
	:: !again ->
		new_anon_frame(p);
		if
		:: new != NONE -> map_instead(p); new = NONE
		:: new == NONE                  // FAULT_NO_MEMORY
		fi
	:: again
	fi
}

// A write to a page that is there but not writable.
inline write_to_present(p)
{
#ifndef REUSE_BEFORE_LOCK
	held_by_others(p);
#endif
#ifdef REUSE_ALWAYS
	last = true;
#endif
	if
	:: last -> writable[p] = true
	:: !last -> copy(p)
	fi;
	last = false
}

inline decide(p)
{
	if
#ifdef NOT_DECIDED_ANEW
	:: writable[p] && !prepared
	:: !writable[p] || prepared -> write_to_present(p)
#else
	:: writable[p]                          // FAULT_SPURIOUS: mended meanwhile
	:: !writable[p] -> write_to_present(p)
#endif
	fi
}

// Without the lock.
inline fault_prepare()
{
	atomic { frame_alloc(ready[self]) };
	contents[ready[self]] = (ready[self] == NONE -> OTHERS : contents[source[self]])
}

// A copy that was not used has no other owner; what was held may have.
inline fault_release()
{
	if
	:: atomic { ready[self] != NONE -> frame_free(ready[self]); ready[self] = NONE }
	:: ready[self] == NONE
	fi;
#if !defined(SOURCE_NOT_HELD) && !defined(SOURCE_RELEASED_BEFORE_LOCK)
	putting[self] = true;
	frame_put(source[self]);
#endif
	atomic { source[self] = NONE; putting[self] = false; prepared = false }
}

// handle(), and with `prepared` handle_prepared()
inline fault(p)
{
	do
	:: true ->
#ifdef REUSE_BEFORE_LOCK
		held_by_others(p);
#endif
		spin_lock(p);
		decide(p);
		forget(self);                   // the processor forgets what faulted
		lock[p] = false;
		if
		:: again ->
			fault_prepare();
#ifdef SOURCE_RELEASED_BEFORE_LOCK
			// the number is remembered, but nobody keeps the frame what it is
			putting[self] = true;
			frame_put(source[self]);
#endif
			atomic { again = false; prepared = true }
		:: !again -> break
		fi
	od;
	if
	:: prepared -> fault_release()
	:: !prepared
	fi
}

// ---- mm/mm.c, mm/page_share.c ----

inline share_entries()
{
#ifndef FORK_WITHOUT_REFERENCE
	atomic { references[entry[0]] = references[entry[0]] + 1 };
#endif
	writable[0] = false;
#ifdef FORK_KEEPS_CHILD_WRITABLE
	writable[1] = true;
#endif
	entry[1] = entry[0]
}

// The child begins with what the page holds when mm_fork() is through.
inline child_begins()
{
	atomic { expected[1] = contents[entry[1]]; alive[1] = true }
}

// mm_fork()
inline fork()
{
	forking = true;
#ifndef FORK_WITHOUT_LOCK
	spin_lock(0);
#endif
#ifdef FORK_FLUSHES_FIRST
	flush(0);
#endif
	share_entries();
#ifdef CHILD_RUNS_DURING_FORK
	child_begins();
#endif
#if !defined(FORK_WITHOUT_FLUSH) && !defined(FORK_FLUSHES_FIRST)
	flush(0);
#endif
#ifndef CHILD_RUNS_DURING_FORK
	child_begins();
#endif
#ifndef FORK_WITHOUT_LOCK
	lock[0] = false;
#endif
	forking = false
}

// mm_put(): the last thread of the child goes; nobody runs there, nothing is flushed.
inline exit()
{
	forget(self);
	spin_lock(1);
	atomic { old = entry[1]; entry[1] = NONE; writable[1] = false };
	frame_put(old);
	old = NONE;
	lock[1] = false;
	atomic { alive[1] = false; expected[1] = 0 }
}

// ---- ring 3 ----

// One instruction, with a translation that is there.
inline read(p)
{
	atomic { tlb[self] != NONE -> assert(contents[tlb[self]] == expected[p]) }
}

inline write(p)
{
	atomic {
		tlb[self] != NONE && tlb_writable[self];
		contents[tlb[self]] = 1 - contents[tlb[self]];
		expected[p] = contents[tlb[self]]
	}
}

inline walk(p)
{
	atomic { tlb[self] == NONE -> tlb[self] = entry[p]; tlb_writable[self] = writable[p] }
}

active [THREADS] proctype thread()
{
	byte self = _pid;
	byte old, new, before;
	bool last, again, prepared;

	if
	:: self == FORKER ->
		atomic {
			entry[0] = 1; references[1] = 1; used[1] = true; contents[1] = 0; writable[0] = true;
			alive[0] = true
		}
	:: self != FORKER
	fi;
end:	do
	:: alive[process(self)] ->
		if
		:: walk(process(self))
		:: read(process(self))
		:: write(process(self))
		:: tlb[self] != NONE && !tlb_writable[self] -> fault(process(self))
		:: self == FORKER && !alive[1] -> fork()
		:: self == CHILD -> exit()
		fi
	od
}

// mm/audit.c: mm_audit(), when nobody changes anything.
active proctype audit()
{
	byte frame;

end:	do
	:: atomic {
		!forking && !lock[0] && !lock[1] && alive[0] &&
		!putting[0] && !putting[1] && !putting[2] ->
		frame = 1;
		do
		:: frame <= FRAMES ->
			assert(references[frame] ==
			       (entry[0] == frame) + (entry[1] == frame) +
			       (ready[0] == frame) + (ready[1] == frame) +
			       held(0, frame) + held(1, frame));
			frame++
		:: frame > FRAMES -> break
		od;
		frame = 0
	}
	od
}
