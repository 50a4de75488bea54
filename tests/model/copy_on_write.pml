// SPDX-License-Identifier: MIT
//
// Copy-on-write against fork and exit (mm/fault.c, mm/page_share.c, mm/mm.c, mm/frame.c). A process
// with two threads, each on its own CPU: the first forks, both read and write the only page. Its
// child, on a third CPU, reads and writes it too, and exits; then the next fork may come.
//
// Checked: a process reads what it wrote last, and never what the other one wrote since the fork;
// a frame is not reached once it is free; references are what the entries add up to whenever
// nobody is in the midst of changing them.
//
// A remote flush is one step for each CPU here: shootdown.pml is about what it consists of. Left out:
// a page that is copied before the lock is taken, under a reference of its own (fault_prepare()).
//
// bugs: FORK_WITHOUT_FLUSH FORK_FLUSHES_FIRST FORK_WITHOUT_REFERENCE FORK_WITHOUT_LOCK
// bugs: FORK_KEEPS_CHILD_WRITABLE COPY_WITHOUT_FLUSH PUT_BEFORE_FLUSH REUSE_BEFORE_LOCK
// bugs: REUSE_ALWAYS DROP_NOT_ATOMIC CHILD_RUNS_DURING_FORK

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
byte references[FRAMES + 1];
byte contents[FRAMES + 1] = OTHERS;
bool lock[2];                   // mm->lock
bool alive[2];
bool forking;

// What the page must hold, as its process sees it.
byte expected[2];

// ---- each processor's TLB ----
byte tlb[THREADS];
bool tlb_writable[THREADS];

inline spin_lock(p)
{
	atomic { !lock[p] -> lock[p] = true }
}

// machine_flush_range(): this CPU, then the others that run the address space.
inline flush(p)
{
	tlb[self] = NONE;
	if
	:: p == 0 -> tlb[1 - self] = NONE
	:: p == 1
	fi
}

// ---- mm/frame.c ----

inline frame_alloc()
{
	atomic {
		if
		:: references[1] == 0 -> new = 1
		:: references[2] == 0 -> new = 2
		:: references[3] == 0 -> new = 3
		fi;
		references[new] = 1
	}
}

// Whoever gets it next may write it at once.
inline frame_free(frame)
{
	atomic {
		assert(references[frame] <= 1);
		references[frame] = 0;
		contents[frame] = OTHERS
	}
}

inline frame_put(frame)
{
	// drop_reference()
	if
	:: references[frame] == 1 -> frame_free(frame)
	:: references[frame] != 1 ->
#ifdef DROP_NOT_ATOMIC
		before = references[frame];
		references[frame] = before - 1;
#else
		atomic { before = references[frame]; references[frame] = before - 1 };
#endif
		assert(before > 0);
		if
		:: before == 1 -> frame_free(frame)
		:: before != 1
		fi;
		before = 0
	fi
}

// ---- mm/fault.c ----

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

// A write to a page that is there but not writable.
inline write_to_present(p)
{
#ifndef REUSE_BEFORE_LOCK
	last = references[entry[p]] == 1;
#endif
#ifdef REUSE_ALWAYS
	last = true;
#endif
	if
	:: last -> writable[p] = true
	:: !last ->
		frame_alloc();
		contents[new] = contents[entry[p]];
		map_instead(p);
		new = NONE
	fi;
	last = false
}

inline fault(p)
{
#ifdef REUSE_BEFORE_LOCK
	last = references[entry[p]] == 1;
#endif
	spin_lock(p);
	if
	:: writable[p]                          // spurious: mended meanwhile
	:: !writable[p] -> write_to_present(p)
	fi;
	tlb[self] = NONE;                       // the processor forgets what faulted
	lock[p] = false
}

// ---- mm/mm.c, mm/page_share.c ----

inline share_entries()
{
#ifndef FORK_WITHOUT_REFERENCE
	atomic { references[entry[0]] = references[entry[0]] + 1 };
#endif
	writable[0] = false;
	entry[1] = entry[0];
#ifdef FORK_KEEPS_CHILD_WRITABLE
	writable[1] = true
#else
	writable[1] = false
#endif
}

// The child begins with what the page holds when mm_fork() is through.
inline child_begins()
{
	atomic { expected[1] = contents[entry[1]]; alive[1] = true }
}

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

// The last thread of the child goes: nobody runs there, nothing is flushed.
inline exit()
{
	tlb[self] = NONE;
	spin_lock(1);
	old = entry[1];
	entry[1] = NONE;
	frame_put(old);
	old = NONE;
	lock[1] = false;
	alive[1] = false
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
		if
		:: contents[tlb[self]] = 0
		:: contents[tlb[self]] = 1
		fi;
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
	bool last;

	if
	:: self == FORKER ->
		atomic {
			entry[0] = 1; references[1] = 1; contents[1] = 0; writable[0] = true;
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

// mm_audit(), when nobody changes anything.
active proctype audit()
{
	byte frame;

end:	do
	:: atomic {
		!forking && !lock[0] && !lock[1] && alive[0] ->
		frame = 1;
		do
		:: frame <= FRAMES ->
			assert(references[frame] == (entry[0] == frame) + (entry[1] == frame));
			frame++
		:: frame > FRAMES -> break
		od;
		frame = 0
	}
	od
}
