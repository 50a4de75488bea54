// SPDX-License-Identifier: MIT
//
// Sleeping and waking (kernel/process/wait.c, scheduler.c, timer.c, signal.c, exit.c). A task waits
// for a condition, with a deadline or without, so that signals or only the end of its process
// interrupt it, and then ends. Another task makes the condition true and wakes; a timer's interrupt
// and who sends a signal wake too. One of these comes, which must be enough, or two at once. Two
// CPUs with a run queue each, of which idle ones halt and fetch tasks from each other.
//
// Checked: whoever is to wake does wake, and no CPU halts while its queue has a task (else spin
// finds a state in which nothing goes on: there is no tick here to mend it); no task is queued
// twice or runs on two CPUs; a waiter, a deadline and a task are not touched once they are gone.
//
// A hold of a lock in which nothing is looked at that others change without it is one step.
//
// What of the processor is modelled: a store may stay in the store buffer until a barrier, where a
// look at something else follows it. Interrupt handlers are processes of their own, as if each had
// a CPU: what they take with interrupts off is kernel/machine/lock_check.c's business. Left out: more than one
// sleeper on a queue, masks of CPUs, preemption on the way back to ring 3.
//
// bugs: CONDITION_BEFORE_STATE JOINED_AFTER_CONDITION WOKEN_BEFORE_CHANGE STATE_WITHOUT_BARRIER
// bugs: WAKE_WITHOUT_BARRIER SIGNAL_BEFORE_STATE NOTIFIED_BEFORE_PENDING KILL_ONLY_NOTIFIES
// bugs: DEADLINE_LEFT_ARMED FIRED_WITHOUT_LOCK LEFT_WITHOUT_LOCK LISTED_WHEN_DEAD
// bugs: QUEUED_WHILE_RUNNING QUEUE_NOT_LOOKED_AT_AGAIN UNLOCKED_BEFORE_SWITCH
// bugs: STATE_NOT_LOOKED_AT NOT_TOLD HALTS_AFTER_INTERRUPTS

#define CPUS    2
#define TASKS   4               // 0 and 1: the idle tasks of these CPUs
#define SLEEPER 2
#define WAKER   3
#define NOBODY  255

mtype = { RUNNABLE, SLEEPING, KILLABLE, DEAD };   // task->state
mtype = { NONE, SIGNAL, KILL };                   // what is sent

// ---- what happens, chosen at the beginning ----
bool has_waker, has_deadline, killable;
mtype sent = NONE;

// ---- struct task ----
mtype state[TASKS] = RUNNABLE;
byte cpu_of[TASKS];             // `cpu`
byte queued_on[TASKS];          // a CPU's number plus 1; 0: on no queue
byte on[TASKS];                 // who uses its stack: a CPU's number plus 1
bool released[TASKS];           // task_put() has freed it

// ---- struct run_queue ----
bool lock[CPUS];
byte running[CPUS];
byte dead[CPUS] = NOBODY;
bool idle_cpus[CPUS];
bool kicked[CPUS];              // an interrupt has been sent to it
#define length(c) ((queued_on[SLEEPER] == (c) + 1) + (queued_on[WAKER] == (c) + 1))

// ---- the wait queue, the timer, the process ----
bool condition;
bool queue_lock, joined;        // `joined`: the sleeper's waiter is on the list
bool waiter_alive;
bool timers_lock, armed, due;   // `due`: the deadline has come
bool deadline_alive;
bool process_lock, listed = true; // `listed`: on process->tasks
bool pending, fatal;

// ---- store buffers ----
bool storing_condition, storing_state;

active proctype hardware()
{
end:	do
	:: atomic { storing_condition -> condition = true; storing_condition = false }
#ifdef STATE_WITHOUT_BARRIER
	:: atomic { storing_state ->
		state[SLEEPER] = (killable -> KILLABLE : SLEEPING);
		storing_state = false
	}
#endif
	:: atomic { has_deadline && !due -> due = true }
	od
}

inline take(held)
{
	atomic { !held -> held = true }
}

// ---- kernel/process/scheduler.c ----

inline enqueue(c, task)
{
	assert(queued_on[task] == 0 && state[task] == RUNNABLE && !released[task]);
	queued_on[task] = c + 1
}

// cpu_kick(); one's own CPU will look without it
inline tell(c)
{
#ifndef NOT_TOLD
	if
	:: halted && c != me -> kicked[c] = true
	:: !halted || c == me
	fi;
#endif
	halted = false
}

inline place(task)
{
	c = cpu_of[task];
	atomic { !lock[c] -> enqueue(c, task); halted = running[c] == c };
	tell(c)
}

// claim_idle()
inline choose_cpu(last)
{
	if
	:: idle_cpus[last] -> idle_cpus[last] = false; chosen = last
	:: !idle_cpus[last] && idle_cpus[1 - last] ->
		idle_cpus[1 - last] = false;
		chosen = 1 - last
	:: else -> chosen = last
	fi
}

inline lock_queue_of(task)
{
	do
	:: c = cpu_of[task];
#ifdef QUEUE_NOT_LOOKED_AT_AGAIN
		take(lock[c]); break
#else
		if
		:: atomic { !lock[c] && cpu_of[task] == c -> lock[c] = true }; break
		:: !lock[c] && cpu_of[task] != c
		fi
#endif
	od;
	assert(!released[task])
}

inline unlock_and_place(task)
{
	atomic { choose_cpu(c) };
	if
	:: chosen == c ->
		atomic { enqueue(c, task); halted = running[c] == c; lock[c] = false };
		tell(c)
	:: chosen != c ->
		atomic { cpu_of[task] = chosen; lock[c] = false };
		place(task)
	fi;
	chosen = 0
}

inline unlock_and_queue(task)
{
	if
#ifndef QUEUED_WHILE_RUNNING
	:: running[c] == task -> lock[c] = false
	:: running[c] != task -> unlock_and_place(task)
#else
	:: true -> unlock_and_place(task)
#endif
	fi
}

// make_runnable() is the exchange.
inline task_wake(task)
{
	lock_queue_of(task);
	seen = state[task];
	if
	:: seen == RUNNABLE || seen == DEAD -> lock[c] = false
	:: else ->
		atomic {
			woken = state[task] == seen;
			state[task] = (woken -> RUNNABLE : state[task])
		};
		if
		:: woken -> unlock_and_queue(task)
		:: !woken -> lock[c] = false
		fi
	fi;
	atomic { seen = 0; woken = false; c = 0 }
}

// Without the interrupt that makes a running task look: it looks before it sleeps.
inline task_notify(task)
{
	lock_queue_of(task);
	atomic {
		woken = state[task] == SLEEPING;
		state[task] = (woken -> RUNNABLE : state[task])
	};
	if
	:: woken -> unlock_and_queue(task)
	:: !woken -> lock[c] = false
	fi;
	atomic { woken = false; c = 0 }
}

// Up to context_switch(). The lock is given up on the new task's stack, so that pick_next() and
// what is around it is one step.
inline switch_away()
{
	atomic {
		me = on[self] - 1;
		!storing_state && !lock[me] -> lock[me] = true;
		if
#ifndef STATE_NOT_LOOKED_AT
		:: state[self] == RUNNABLE && self >= CPUS -> enqueue(me, self)
#endif
		:: else
		fi;
		if
		:: queued_on[SLEEPER] == me + 1 -> to = SLEEPER
		:: queued_on[WAKER] == me + 1 -> to = WAKER
		:: length(me) == 0 -> to = me
		fi;
		queued_on[to] = 0;
		running[me] = to;
		dead[me] = (state[self] == DEAD -> self : NOBODY);
#ifdef UNLOCKED_BEFORE_SWITCH
		lock[me] = false
	};
	atomic {
#endif
		assert(state[self] != DEAD || to != self);
		on[self] = 0;
		assert(on[to] == 0);
		on[to] = me + 1;
		to = 0
	}
}

// The other half, on the new task's stack: end_switch(), bury(), or task_entered().
inline goes_on()
{
	atomic {
		on[self] != 0 -> me = on[self] - 1;
		before = dead[me];
		dead[me] = NOBODY;
		lock[me] = false;
		if
		:: before != NOBODY -> released[before] = true; before = NOBODY
		:: else
		fi
	}
}

inline schedule()
{
	switch_away();
	goes_on()
}

// take_for() and place()
inline pull()
{
	if
	:: length(1 - me) > length(me) ->
		atomic {
			!lock[1 - me];
			if
			:: queued_on[SLEEPER] == 2 - me -> found = SLEEPER
			:: queued_on[WAKER] == 2 - me -> found = WAKER
			:: else -> found = NOBODY
			fi;
			if
			:: found != NOBODY -> queued_on[found] = 0; cpu_of[found] = me
			:: found == NOBODY
			fi
		};
		if
		:: found != NOBODY -> place(found)
		:: found == NOBODY
		fi;
		found = NOBODY
	:: length(1 - me) <= length(me)
	fi
}

// scheduler_run() and idle(). An interrupt that comes while they are on is taken and gone; one that
// comes later ends irq_wait() at once.
active [CPUS] proctype idle_task()
{
	byte self = _pid - 1;
	byte me, to, c, chosen, before = NOBODY, found = NOBODY;
	bool halted, halts;

	on[self] != 0;
	do
	:: schedule();
		idle_cpus[me] = true;           // then the last look at the queues
		pull();
#ifdef HALTS_AFTER_INTERRUPTS
		if
		:: length(me) == 0 ->
			kicked[me] = false;
end_halted_late:	kicked[me];
			kicked[me] = false
		:: length(me) != 0
		fi;
#else
		atomic {
			kicked[me] = false;     // before irq_disable()
			if
			:: length(me) == 0 -> halts = true
			:: length(me) != 0
			fi
		};
		if
		:: halts ->
end_halted:		atomic { kicked[me] -> kicked[me] = false; halts = false } // irq_wait()
		:: !halts
		fi;
#endif
		idle_cpus[me] = false
	od
}

// ---- kernel/process/timer.c ----

inline timer_arm()
{
	atomic { !timers_lock -> armed = true }
}

// timed_out: the timer was no longer armed.
inline timer_disarm()
{
	atomic { !timers_lock -> timed_out = !armed; armed = false }
}

// timers_expire() and its deadline_fire()
active proctype interrupt()
{
	byte c, chosen, me = NOBODY;
	bool halted, woken;
	mtype seen;

end:	do
	:: armed && due ->
		take(timers_lock);
		if
		:: armed ->
			armed = false;
#ifdef FIRED_WITHOUT_LOCK
			timers_lock = false;
#endif
			assert(deadline_alive);
			task_wake(SLEEPER)
		:: !armed
		fi;
		timers_lock = false
	od
}

// ---- kernel/process/signal.c ----

// send() and queue_signal(); process_begin_exit()
active proctype sender()
{
	byte c, chosen, me = NOBODY;
	bool halted, woken;
	mtype seen;

end:	sent != NONE;
	take(process_lock);
	if
	:: listed && sent == SIGNAL ->
#ifdef NOTIFIED_BEFORE_PENDING
		task_notify(SLEEPER);
		pending = true
#else
		pending = true;
		task_notify(SLEEPER)
#endif
	:: listed && sent == KILL ->
		fatal = true;
		task_notify(SLEEPER);
#ifndef KILL_ONLY_NOTIFIES
		task_wake(SLEEPER)
#endif
	:: !listed
	fi;
	process_lock = false
}

// ---- kernel/process/wait.c ----

inline wait_join()
{
	atomic { !queue_lock -> waiter_alive = true; joined = true }
}

inline wait_leave()
{
#ifdef LEFT_WITHOUT_LOCK
	atomic { joined = false; waiter_alive = false }
#else
	atomic { !queue_lock -> joined = false; waiter_alive = false }
#endif
}

// A full barrier.
inline set_state()
{
#ifdef STATE_WITHOUT_BARRIER
	storing_state = true
#else
	state[self] = (killable -> KILLABLE : SLEEPING)
#endif
}

inline wait_cancel()
{
	atomic { !storing_state -> state[self] = RUNNABLE }
}

inline must_give_up()
{
	gives_up = fatal || (pending && !killable)
}

// result: why not to sleep again
inline sleep_until()
{
#ifndef SIGNAL_BEFORE_STATE
	must_give_up();
#endif
	if
	:: gives_up -> wait_cancel(); result = true
	:: !gives_up && !has_deadline -> schedule()
	:: !gives_up && has_deadline && due -> wait_cancel(); result = true
	:: !gives_up && has_deadline && !due ->
		deadline_alive = true;
		timer_arm();
		schedule();
#ifdef DEADLINE_LEFT_ARMED
		timed_out = due;
#else
		timer_disarm();
#endif
		deadline_alive = false;
		atomic { result = timed_out; timed_out = false }
	fi;
	gives_up = false
}

inline wait_in_state()
{
#ifndef JOINED_AFTER_CONDITION
	wait_join();
#endif
	do
	:: true ->
#ifdef SIGNAL_BEFORE_STATE
		must_give_up();
#endif
#ifdef CONDITION_BEFORE_STATE
		holds = condition;
		set_state();
#else
		set_state();
		holds = condition;
#endif
		if
		:: holds || result -> wait_cancel(); break
		:: else
		fi;
#ifdef JOINED_AFTER_CONDITION
		if
		:: !joined -> wait_join()
		:: joined
		fi;
#endif
		sleep_until()
	od;
	wait_leave()
}

// nobody_waits(): a full barrier, then a look without the lock.
inline wake_all()
{
#ifndef WAKE_WITHOUT_BARRIER
	!storing_condition;
#endif
	if
	:: joined ->
		take(queue_lock);
		if
		:: joined ->
			task_wake(SLEEPER);
			assert(waiter_alive)    // the next one on the list is looked up
		:: !joined
		fi;
		queue_lock = false
	:: !joined
	fi
}

// ---- kernel/process/exit.c ----

// leave_process(), and what task_exit() does after it
inline task_exit()
{
#ifndef LISTED_WHEN_DEAD
	if
	:: self == SLEEPER -> atomic { !process_lock -> listed = false }
	:: self != SLEEPER
	fi;
#endif
	state[self] = DEAD;
	switch_away()
}

// ---- the tasks ----

active proctype sleeper()
{
	byte self = SLEEPER, me, to, before = NOBODY;
	bool gives_up, timed_out, result, holds;

	goes_on();
	wait_in_state();
	task_exit()
}

active proctype waker()
{
	byte self = WAKER, me, to, c, chosen, before = NOBODY;
	bool halted, woken;
	mtype seen;

	goes_on();
	if
	:: has_waker ->
#ifdef WOKEN_BEFORE_CHANGE
		wake_all();
		storing_condition = true
#else
		storing_condition = true;
		wake_all()
#endif
	:: !has_waker
	fi;
	task_exit()
}

// Both tasks are queued on the first CPU.
init
{
	atomic {
		running[1] = 1; cpu_of[1] = 1;
		on[0] = 1; on[1] = 2;
		queued_on[SLEEPER] = 1; queued_on[WAKER] = 1;
		if
		:: has_waker = true; has_deadline = true
		:: sent = KILL; killable = true
		:: has_waker = true; sent = SIGNAL
		:: has_waker = true
		:: has_deadline = true
		:: sent = SIGNAL
		:: sent = KILL
		fi
	}
}
