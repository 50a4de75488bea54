// SPDX-License-Identifier: MIT
//
// A process (Linux's thread group): what all its tasks share and what its parent waits for.
//
// Locks: `process_lock` (interrupts off) guards the tree, groups, sessions, states and signals of
// all processes. It is taken after the timers' lock and before a wait queue's and a run queue's;
// nobody allocates or touches ring 3's memory while holding it.
#pragma once

#include "kernel/process/credentials.h"
#include "kernel/process/signal.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/machine.h"
#include <linux/resource.h>
#include <stdbool.h>
#include <stdint.h>

struct alarm;
struct inode;
struct mm;
struct registers;
struct rusage;
struct task;

#define PID_LIMIT     32768 // pids are below this, and below pid_max()
#define PROCESS_LIMIT 16384 // live tasks; fork then gives -EAGAIN

enum process_state {
	PROCESS_ALIVE,
	PROCESS_EXITING, // exit_group, a fatal signal, its last thread's exit: all are on their
			 // way
	PROCESS_ZOMBIE,  // gone but for what wait4 tells its parent
	PROCESS_REAPED,
};

// RLIMIT_* of a process, shared until somebody changes one.
struct limits {
	uint32_t references; // atomic
	struct rlimit64 limit[RLIM_NLIMITS];
};

struct posix_timers;

struct process {
	uint32_t references; // the tree's own, and temporary holders; atomic
	int pid;             // constant; also the tid of the first task
	int group;           // process group; process_lock
	int session;         // process_lock
	uint8_t state;       // enum process_state; process_lock
	bool unkillable;     // process 1: signals without a handler do nothing; process_lock
	bool stopped;        // by a stop signal, or its threads are about to; process_lock
	bool stop_complete;  // and all of them have; process_lock
	bool stop_reported;  // wait4(WUNTRACED) has told; process_lock
	bool continued;      // for wait4(WCONTINUED); process_lock
	bool has_execed;     // setpgid by the parent is refused from then on
	uint8_t exit_signal; // sent to the parent at the end; 0: none; process_lock
	uint8_t stop_signal; // that stopped it; process_lock
	// prctl's. Words of their own that the process itself changes:
	uint8_t parent_death_signal; // sent to it when its parent ends; 0: none
	bool is_subreaper;           // gets the orphans among its descendants, instead of init
	bool huge_pages_off;         // kept; there are none
	// /proc/PID/oom_score_adj, and the least that it may be set to without privilege.
	int16_t oom_adjustment, oom_adjustment_least;
	bool oom_victim; // told to end because memory ran out; process_lock
	int status;      // wait status of the end; process_lock

	struct process *parent; // NULL: process 1; process_lock
	int parent_pid;         // its pid, or 0; written under process_lock, atomic
	int made_by;            // which of the parent's threads did, for __WNOTHREAD; process_lock
	struct list children;   // by sibling; process_lock
	struct list sibling;
	struct list tasks;            // by thread_link; process_lock
	uint32_t task_count;          // on `tasks`; process_lock
	uint32_t live;                // of these, not yet on their way out; process_lock
	struct process *hash_next;    // processes by pid; process_lock
	struct list link;             // all processes, oldest first; process_lock
	struct wait_queue child_wait; // who waits in wait4 for a child of this one
	struct wait_queue end_wait;   // who polls a descriptor of it (kernel/file/pidfd.c)

	struct process_signals signals;
	struct limits *limits;             // NULL: the kernel's defaults
	struct list cpu_timers;            // armed ones, by link; process_lock
	struct posix_timers *posix_timers; // NULL: none was ever made. Set once
	struct alarm *alarm;      // NULL: none was ever set; atomic until the process's end
	struct inode *executable; // held; NULL: none yet. Changed by exec, under process_lock

	// Those of its first thread, also after that has ended; a reference; process_lock
	struct credentials *credentials;
	bool dumpable;         // prctl(PR_SET_DUMPABLE); written under process_lock
	uint16_t core_filter;  // /proc/PID/coredump_filter: see core.h
	bool cpu_limited;      // it has a soft RLIMIT_CPU; process_lock
	uint32_t cpu_exceeded; // seconds it has been told to be past that; process_lock

	// RLIMIT_AS and its like, for mm/: words that others read while one is written.
	struct memory_limits memory_limits;

	char name[16];                     // comm of the first task, once that is gone
	uint64_t start_time;               // ns since boot
	uint64_t user_ticks, kernel_ticks; // of tasks that are gone
	uint64_t cpu_time;                 // the same, in units of the time-stamp counter
	uint64_t shown_user_time, shown_kernel_time; // the last that usage.c has told
	uint64_t minor_faults, major_faults;         // of tasks that are gone
	// Of reaped children:
	uint64_t child_user_time, child_kernel_time; // nanoseconds
	uint64_t child_minor_faults, child_major_faults;
	uint64_t peak_resident, child_peak_resident; // pages
};

extern struct spinlock process_lock;

// Creates process 1, and the program asked for if that is to be another (boot option run=), from
// the initrd and the boot options, and lets them run. Panics when the machine cannot do even that;
// a program that is missing or no ELF is reported like its failed exec. `watch` is called before
// the program's first instruction and allocation, in a task's context or before there is any.
void process_start_init(void (*watch)(void));

struct process *process_get(struct process *process);
void process_put(struct process *process);
// The process with this pid (zombies too), with a reference for the caller, or NULL.
struct process *process_find(int pid);
// For listing: the process with the lowest pid above `pid`, with a reference, or NULL.
struct process *process_next(int pid);

// For /proc: the address space of a process, with a reference (mm_put), or NULL for a zombie.
struct mm *process_mm(struct process *process);
// The oldest task, with a reference (task_put), or NULL for a zombie.
struct task *process_main_task(struct process *process);
// The task with the lowest tid above `tid`, with a reference, or NULL.
struct task *process_next_task(struct process *process, int tid);
char task_state_letter(const struct task *task);
// 'R', 'S', 'D', 'T' or 'Z', as in /proc/<pid>/stat.
char process_state_letter(struct process *process);
// Copies the executable's path, NUL-terminated; its length, or -ENOENT.
long process_executable(struct process *process, char *path, uint64_t size);
int process_parent_pid(const struct process *process); // 0: process 1
// The executable's inode with a reference, or NULL.
struct inode *process_executable_inode(struct process *process);
// For fork and exec: a reference of a program that is being executed, which says that it is; NULL
// is allowed. And its end.
struct inode *process_get_executable(struct inode *inode);
void process_put_executable(struct inode *inode);
// Comm of the first task (of a zombie: the last it had).
void process_name(struct process *process, char name[16]);
// RUSAGE_SELF, RUSAGE_THREAD or RUSAGE_CHILDREN.
void process_usage(struct process *process, int who, struct rusage *usage);

// The limit in force: RLIMIT_* of <linux/resource.h>.
struct rlimit64 process_limit(struct process *process, unsigned resource);
// 0, or -EINVAL, -EPERM (by what the running process may do), -ENOMEM. *old: what was there.
int process_set_limit(struct process *process, unsigned resource, const struct rlimit64 *limit,
		      struct rlimit64 *old);

// Numbers of processes and tasks stay below this (/proc/sys/kernel/pid_max). -EINVAL for less than
// Linux allows, or more than there is room for.
int pid_max(void);
int pid_set_max(int max);
// The number that was given last; new ones are looked for after it. -EINVAL beyond pid_max().
int pid_last(void);
int pid_set_last(int pid);

// Processes now, zombies included; and forks, execs and exits since boot.
struct process_counts {
	uint64_t processes, tasks, forks, execs, exits;
};
struct process_counts process_counts(void);

// fork, vfork, clone, threads. `stack`: ring 3's stack pointer for the child, 0: the parent's.
struct fork_request {
	uint64_t flags; // CLONE_* without the signal
	int exit_signal;
	uintptr_t stack;
	uintptr_t parent_tid, child_tid; // CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, _CLEARTID
	uintptr_t tls;
	uintptr_t pidfd; // CLONE_PIDFD: where the descriptor goes
	int tid;         // the number it is to have; 0: any
};
// The child's pid, or the thread's tid; -EAGAIN, -ENOMEM, -EINVAL, -EPERM, -EEXIST (the number is
// taken), -EFAULT and -EMFILE (pidfd), -ERESTARTNOINTR when a signal has to be handled first, or
// -EINTR when the process is being ended.
long process_fork(const struct fork_request *request);

// Ends the running process, all its threads, with this wait status (exit code << 8, or the
// signal's number), unless it is being ended already.
_Noreturn void process_exit(int status);
// Ends the running thread. A process ends with its last one, and with that one's status.
_Noreturn void task_exit(int status);
// For exec: ends all threads but the running one and waits until they are gone. The running one
// then is the first. 0, or -EINTR when it is to end itself.
int process_end_other_threads(void);

// What wait4 and waitid tell of a child.
struct wait_report {
	int pid;
	int uid;
	int code;   // CLD_*
	int status; // as wait4 stores it
};

// wait4 and waitid. `type` and `id` say which children: P_ALL, P_PID, P_PGID of <linux/wait.h>;
// `options`: W* of the same, WEXITED among them when the end of a child counts. The child's pid, 0
// (WNOHANG), -ECHILD or -ERESTARTSYS. `usage` may be NULL.
long process_wait(int type, int id, int options, struct wait_report *report, struct rusage *usage);

// Process groups and sessions: results and errors as Linux's.
int process_set_group(int pid, int group);
int process_group(int pid);
int process_session(int pid);
// The session of the processes in a group, whose leader may be gone; else of the process with that
// number. -ESRCH: there is neither.
int process_session_of_group(int group);
int process_new_session(void);
