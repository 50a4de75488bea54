// SPDX-License-Identifier: MIT
//
// Futexes (kernel/process/futex.c, futex_wait.c, futex_table.c). Two threads wait until a word has
// been counted up twice; two others count it up, once each. One of these lets a waiter sleep on
// another word before (FUTEX_CMP_REQUEUE), the other moves it back, and whoever is last wakes all.
// The second waiter may also give up at any time, for its deadline or a signal. The words' page may be taken
// away once. Sleeping itself is sleep.pml's: here a task is marked as sleeping, or woken.
//
// Checked: nobody sleeps on when the word has its last value; as many waits end with 0 as the
// wakers have counted; who waited for a later value than the compared one is not moved; a list changes under its
// bucket's lock only, and what stands on it is there; nobody waits for ever for a lock.
//
// Left out: bit sets, FUTEX_WAKE_OP and several words at once, which take the same steps; mutexes
// with priority inheritance (futex_pi.c); the order by priority.
//
// bugs: COMPARED_BEFORE_LOCK QUEUED_AFTER_UNLOCK VALUE_FROM_TOUCH EMPTY_WITHOUT_LOCK
// bugs: WOKEN_STORED_LAST WOKEN_BEFORE_PREPARE LEFT_WITHOUT_LOCK LEFT_FROM_OLD_BUCKET
// bugs: BUCKET_AFTER_UNLOCK ERROR_OVER_WAKE LOCKS_IN_ANY_ORDER REQUEUE_COMPARED_BEFORE_LOCKS
// bugs: MOVED_KEEPS_KEY MOVED_COUNTED_AS_WOKEN

#define WAITERS 2
#define WORDS   2               // each in a bucket of its own
#define LAST    2
#define NONE    255

mtype = { RUNNABLE, SLEEPING };

// ---- ring 3's memory ----
byte word;                      // the first one; the other is only slept on
bool present = true;
byte reclaims = 1;              // how often the page may still be taken away

// ---- the tasks that wait, and struct futex_sleeper ----
mtype state[WAITERS] = RUNNABLE;
bool alive[WAITERS];            // it is on its owner's stack
byte list[WAITERS] = NONE;      // the bucket on whose list it is
byte bucket[WAITERS];
byte key[WAITERS];
byte value[WAITERS];            // what the word was to be
bool woken[WAITERS];

// ---- struct futex_bucket ----
bool lock[WORDS];

byte wakes, returns;            // counted by those who wake, and by those woken
byte done;                      // how many of the two are through

active proctype reclaim()
{
end:	do
	:: atomic { present && reclaims > 0 -> present = false; reclaims-- }
	od
}

// user_load32(): may sleep.
inline touch()
{
	present = true
}

// ---- kernel/process/futex_table.c ----

inline futex_lock_bucket(b)
{
	atomic { !lock[b] -> lock[b] = true }
}

inline futex_lock_two(a, b)
{
#ifdef LOCKS_IN_ANY_ORDER
	futex_lock_bucket(a);
	futex_lock_bucket(b)
#else
	futex_lock_bucket((a < b -> a : b));
	futex_lock_bucket((a < b -> b : a))
#endif
}

// spin_unlock() twice: nothing happens in between.
inline futex_unlock_two(a, b)
{
	atomic { lock[a] = false; lock[b] = false }
}

inline futex_enqueue(b, sleeper)
{
	assert(lock[b] && list[sleeper] == NONE);
	list[sleeper] = b;
	bucket[sleeper] = b
}

// ---- lib/list.h ----

inline list_del(sleeper)
{
	assert(list[sleeper] != NONE && lock[list[sleeper]] && alive[sleeper]);
	list[sleeper] = NONE
}

// ---- kernel/process/futex_wait.c ----

// -EAGAIN: `refused`; -EFAULT: the page is not there.
inline queue_if_present()
{
#ifdef COMPARED_BEFORE_LOCK
	refused = word != value[self];
#endif
	atomic {
		!lock[0] -> lock[0] = true;
		fault = !present && !was_touched;
#ifdef VALUE_FROM_TOUCH
		refused = (was_touched -> refused : word != value[self])
#else
#ifndef COMPARED_BEFORE_LOCK
		refused = word != value[self]
#endif
#endif
	};
#ifdef QUEUED_AFTER_UNLOCK
	lock[0] = false;
	futex_lock_bucket(0);
#endif
	atomic {
		if
		:: !fault && !refused -> futex_enqueue(0, self)
		:: fault || refused
		fi;
		lock[0] = false
	}
}

inline futex_queue_if_equal()
{
	do
	:: queue_if_present();
		if
		:: fault -> touch();
#ifdef VALUE_FROM_TOUCH
			was_touched = true;
			refused = word != value[self];
#endif
			fault = false
		:: !fault -> break
		fi
	od;
	was_touched = false
}

// wait_prepare(), wait_sleep(); error: the deadline has come, or a signal
inline sleep()
{
	do
	:: true ->
#ifdef WOKEN_BEFORE_PREPARE
		seen = woken[self];
		state[self] = SLEEPING;
#else
		state[self] = SLEEPING;
		seen = woken[self];             // any_woken()
#endif
		if
		:: error || seen -> state[self] = RUNNABLE; break
		:: else
		fi;
		if
		:: state[self] == RUNNABLE
		:: atomic { self == 1 -> state[self] = RUNNABLE; error = true }
		fi
	od;
	seen = false
}

// `was_woken`: so it is off the list already.
inline leave()
{
#ifdef LEFT_WITHOUT_LOCK
	was_woken = woken[self];
	if
	:: was_woken -> skip
	:: !was_woken ->
#endif
	do
	:: b = bucket[self];
		atomic {
			!lock[b] -> lock[b] = true;
			was_woken = woken[self];
			if
#ifdef LEFT_FROM_OLD_BUCKET
			:: !was_woken -> list_del(self); lock[b] = false; break
			:: was_woken -> lock[b] = false; break
#else
			:: b == bucket[self] && !was_woken -> list_del(self); lock[b] = false; break
			:: b == bucket[self] && was_woken -> lock[b] = false; break
			:: b != bucket[self] -> lock[b] = false
#endif
			fi
		}
	od;
#ifdef LEFT_WITHOUT_LOCK
	fi;
#endif
	b = 0
}

// futex_wait(), until the word is what is waited for
active [WAITERS] proctype waiter()
{
	byte self = _pid - 1;
	byte b;
	bool refused, fault, was_touched, seen, error, was_woken;

	do
	:: atomic {
			word < LAST && !error -> value[self] = word;
			key[self] = 0;          // futex_find_key()
			alive[self] = true
		};
		futex_queue_if_equal();
		if
		:: !refused ->
			sleep();
			leave();
#ifdef ERROR_OVER_WAKE
			was_woken = was_woken && !error;
#endif
			atomic {
				returns = returns + was_woken;
				error = error && !was_woken
			}
		:: refused
		fi;
		atomic {
			alive[self] = false;
			woken[self] = false;
			was_woken = false;
			refused = false
		}
	:: word == LAST || error -> break
	od;
	done++
}

// ---- kernel/process/futex.c ----

// wake(), first half: the step in which it is found
inline wake_begins(sleeper)
{
	list_del(sleeper);
#ifdef WOKEN_STORED_LAST
	state[sleeper] = RUNNABLE
#else
	woken[sleeper] = true
#endif
}

// wake(), second half: sleeper->task is looked up, for task_wake()
inline wake_ends(sleeper)
{
	atomic {
		assert(alive[sleeper]);
#ifdef WOKEN_STORED_LAST
		woken[sleeper] = true;
#else
		state[sleeper] = RUNNABLE;
#endif
		wakes++
	}
}

inline wake_some(b)
{
	sleeper = 0;
	do
	:: atomic {
		sleeper < WAITERS && list[sleeper] == b && key[sleeper] == b -> wake_begins(sleeper)
	};
		wake_ends(sleeper)
	:: atomic { sleeper < WAITERS && !(list[sleeper] == b && key[sleeper] == b) -> sleeper++ }
	:: atomic { sleeper == WAITERS -> sleeper = 0; break }
	od
}

inline futex_wake(b)
{
#ifdef EMPTY_WITHOUT_LOCK
	if
	:: list[0] != b && list[1] != b
	:: else ->
#endif
	futex_lock_bucket(b);
	wake_some(b);
	lock[b] = false
#ifdef EMPTY_WITHOUT_LOCK
	fi
#endif
}

inline move(sleeper, to)
{
#ifndef MOVED_KEEPS_KEY
	key[sleeper] = to;
#endif
	list_del(sleeper);
#ifdef BUCKET_AFTER_UNLOCK
	list[sleeper] = to;
	moved = sleeper
#else
	futex_enqueue(to, sleeper)
#endif
}

// One is woken if `first` says so, one moved.
inline wake_and_move(from, to, first)
{
	sleeper = 0;
	do
	:: atomic {
		sleeper < WAITERS && list[sleeper] == from && key[sleeper] == from && did < first ->
		did++;
		wake_begins(sleeper)
	};
		wake_ends(sleeper)
	:: atomic {
		sleeper < WAITERS && list[sleeper] == from && key[sleeper] == from && did == first ->
		did++;
		assert(!compares || value[sleeper] <= expected);
		move(sleeper, to)
#ifdef MOVED_COUNTED_AS_WOKEN
		; wakes++
#endif
	}
	:: atomic {
		sleeper < WAITERS &&
		!(list[sleeper] == from && key[sleeper] == from && did <= first) ->
		sleeper++
	}
	:: atomic { sleeper == WAITERS -> sleeper = 0; did = 0; break }
	od
}

inline requeue_if_equal(from, to, first)
{
#ifdef REQUEUE_COMPARED_BEFORE_LOCKS
	equal = word == expected;
#endif
	futex_lock_two(from, to);
	atomic {
		fault = compares && !present;
#ifndef REQUEUE_COMPARED_BEFORE_LOCKS
		equal = word == expected
#endif
	};
	if
	:: !fault && (equal || !compares) -> wake_and_move(from, to, first)
	:: else
	fi;
	futex_unlock_two(from, to);
#ifdef BUCKET_AFTER_UNLOCK
	if
	:: moved != NONE -> bucket[moved] = to; moved = NONE
	:: moved == NONE
	fi;
#endif
	equal = false
}

inline futex_requeue(from, to, first)
{
	do
	:: requeue_if_equal(from, to, first);
		if
		:: fault -> touch(); fault = false
		:: !fault -> break
		fi
	od
}

// ---- ring 3: those who change the word ----

byte counted;                   // of the two below

inline wake_everybody()
{
	atomic { counted++; last = counted == 2 };
	if
	:: last ->
		futex_wake(0);
		futex_wake(1)
	:: !last
	fi
}

active proctype signaller()
{
	byte sleeper, did, expected, moved = NONE;
	bool fault, equal, last, compares = true, first;

	atomic {
		expected = word;
		if
		:: first = 1
		:: first = 0
		fi
	};
	futex_requeue(0, 1, first);
	atomic { word++; expected = 0; first = 0 };
	wake_everybody()
}

active proctype mover()
{
	byte sleeper, did, expected, moved = NONE;
	bool fault, equal, last, compares = false;

	word++;
	futex_requeue(1, 0, 0);
	wake_everybody();
	done == WAITERS -> assert(wakes == returns)
}
