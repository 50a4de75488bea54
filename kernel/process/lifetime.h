// SPDX-License-Identifier: MIT
//
// What the files of kernel/process share among themselves about the birth and death of tasks and
// processes. Nobody else includes it.
#pragma once

#include "kernel/process/process.h"
#include "kernel/process/task.h"

// The parent of a vfork, waiting: lives on its stack, the child's task points to it.
struct vfork_wait {
	struct wait_queue queue;
	bool done; // guarded by process_lock
};

// task.c
void task_caches_create(void); // panics without memory
struct task *task_alloc_idle(void);
// The task will never run again and nobody stands on its stack: that, and the FPU state, go.
void task_release_stack(struct task *task);

// pid.c. The hash tables hold no reference; callers hold process_lock but where said.
int pid_alloc(void);   // or -EAGAIN. Takes process_lock
int pid_take(int pid); // this one, or -EEXIST, -EAGAIN. Takes process_lock
void pid_free(int pid);
void pid_link_process(struct process *process);
void pid_unlink_process(struct process *process);
void pid_link_task(struct task *task);
void pid_unlink_task(struct task *task);
struct process *pid_process(int pid); // no reference
struct task *pid_task(int tid);       // no reference
int pid_next_process(int pid);        // lowest pid in use above `pid`, or 0

// process.c
extern struct list all_processes; // guarded by process_lock
extern struct process *init_process;
extern struct process *main_process; // the one asked for: see process_start_init()
void process_caches_create(void);
// Alone: no tree, no tasks, pid not yet allocated. NULL when out of memory.
struct process *process_alloc(void);
// process_lock held.
void process_set_parent(struct process *process, struct process *parent);
// What one of its threads made is another's from now on. process_lock held.
void process_hand_on_children(struct process *process, int from, int to);
// The parent's thread that made it or has taken it over; NULL: ask the main one. process_lock
// held.
struct task *process_maker(const struct process *process);
void process_count_fork(void);
void process_count_exec(void);
void process_count_exit(void);

// priority.c
void task_inherit_priority(struct task *child, const struct task *parent);

// limits.c
void limits_init(struct process *process);        // the defaults
void limits_check_cpu(struct process *process);   // in the tick, process_lock held
struct limits *limits_get(struct limits *limits); // NULL is allowed
void limits_put(struct limits *limits);           // NULL is allowed

// exit.c
// Lets the parent of a vfork go on: this task no longer uses its memory.
void vfork_release(struct task *task);
// Takes a zombie out of the tree; process_lock held. The caller then calls process_put.
void process_unlink(struct process *process);
// CLD_* for a wait status of the end.
int process_end_code(int status);
// Before an address space is left (exit, exec), while it still is the task's: what others wait for
// in it, robust mutexes and the word of CLONE_CHILD_CLEARTID.
void task_leave_words(struct task *task);
// A task enters an address space (fork, exec) or leaves it (exec, exit); process_lock held. With
// the last one that leaves, what the space has counted goes to the process.
void process_enter_mm(struct task *task, struct mm *mm);
void process_leave_mm(struct task *task);

// reap.c
// Waits, whatever signals come, for a child to end, and reaps it: false: there are no children.
bool process_reap_one(void);

// limits.c; process_lock held. The soft limit.
uint64_t process_limit_locked(const struct process *process, unsigned resource);

// signal.c; process_lock held unless said
#define FIRST_QUEUED 32 // the lowest signal that may be pending several times

// The details of one pending signal.
struct signal_note {
	struct list link; // on a queue, or on the list of free ones
	struct signal_info info;
	bool queued; // on a queue
	// A timer's own, not one of the common ones: completes `info`, as it is taken.
	void (*taken)(struct signal_note *note);
	struct user *user;  // whose count it is in; not a timer's
	struct list *queue; // and on which
	uint64_t *pending;  // the mask that goes with it
};

void signals_init(struct process_signals *signals); // no lock needed
// `share`: what the one sets from now on is set for the other (CLONE_SIGHAND).
void signals_fork(struct process *child, struct process *parent, bool share);
// Handlers to default, SIG_IGN stays. A table that is to be freed once the lock is released.
struct signal_actions *signals_reset_handlers(struct process *process);
void signals_release(struct process *process); // takes process_lock itself
void task_signals_release(struct task *task);  // the same
// To one task, or to the process when `task` is NULL. 0, or -EAGAIN for want of room for details
// that sigqueue must not lose.
int signal_send_locked(struct process *process, struct task *task, const struct signal_info *info);
// To the process, and `first`, one of its tasks, is asked first whether it takes it; NULL: the
// main thread is, as by signal_send_locked.
int signal_send_first(struct process *process, struct task *first, const struct signal_info *info);
// As signal_send_locked to `task`, or else as signal_send_first, with the sender's own note, which
// is not on a queue.
void signal_send_note(struct process *process, struct task *task, struct task *first,
		      struct signal_note *note);
// A signal that the running task has brought upon itself, neither blocked nor ignored.
void signal_queue_own(struct task *task, const struct signal_info *info);
// Takes the note off the queue it may be on; what it told of is no longer pending.
void signal_note_cancel(struct signal_note *note);
// Takes the next signal to be handled off its queue: false: there is none.
bool signal_dequeue(struct task *task, uint64_t wanted, struct signal_info *info);
// Forgets what is pending of these signals, for the process and all its tasks.
void signal_discard(struct process *process, uint64_t signals);
// The process is to end with this wait status: its tasks see it before they go back to ring 3.
void process_begin_exit(struct process *process, int status);
// Whether the task has something to do before it goes back to ring 3. No lock needed: a signal
// that comes meanwhile sets WORK_SIGNAL. What is pending for the process counts only once the task
// was told, or has found it when it looked for something else (Linux's TIF_SIGPENDING).
static inline bool task_has_signal(const struct task *task)
{
	return __atomic_load_n(&task->told, __ATOMIC_RELAXED);
}

// signal_target.c; process_lock held
// The task is to look at its signals soon.
void task_tell(struct task *task);
// Looks anew whether there is anything to do for it; for the running task, or one that never ran.
void task_look_at_signals(struct task *task);
// Whether the task would take it now. As on Linux, what comes to a stopped process waits until it
// goes on, except for SIGKILL, and who has been told of something and has not got round to it is
// not told of more.
bool signal_wanted(const struct task *task, int signal);
// Who is told of a signal to the process: `first`, else who took the last one, else the next after
// that. NULL: nobody now.
struct task *signal_choose_task(struct process *process, struct task *first, int signal);
// The running task if it belongs to the process: who is asked first when a clock of it goes off.
struct task *signal_first_running(const struct process *process);
// The task is about to leave its process's list.
void signals_leave(struct task *task);
// `task` no longer takes `signals`: of those pending for the process, for which it may have been
// told, others are told.
void signals_retarget(struct task *task, uint64_t signals);

// signal_action.c; process_lock held
struct signal_action signal_action_get(const struct process *process, int signal);
// Back to the default, flags and mask as they were (SA_RESETHAND). process_lock held.
void signal_action_reset(struct process *process, int signal);
// What happens by default.
enum signal_default { DEFAULT_TERMINATE, DEFAULT_IGNORE, DEFAULT_STOP, DEFAULT_CONTINUE };
enum signal_default signal_default(int signal);

// stop.c; process_lock held
void process_stop(struct process *process, int signal);
void process_continue(struct process *process);
void process_check_stop(struct process *process); // a task of it has stopped, or will not
bool group_is_orphaned(int group);

// signal_frame.c. Makes ring 3 run a handler; false: its stack can not be written.
bool signal_frame_push(struct registers *registers, const struct signal_info *info,
		       const struct signal_action *action, uint64_t mask);
// Goes back to what a handler interrupted; false: the frame is none.
bool signal_frame_pop(struct registers *registers);

// init.c
// The program asked for has ended, and is not process 1: that one is to end as it did, and
// everybody else with it. process_lock held.
void init_end_with_program(void);
// Process 1 ends: everybody else does, before it.
void init_outlive_others(void);
// In the idle loop: ends the machine when process 1 is gone. Else returns.
void process_finish_if_over(void);

// own_init.c
// The running task becomes the kernel's own process 1: 0 or -ENOMEM.
int own_init_enter(void);
