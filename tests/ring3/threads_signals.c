// SPDX-License-Identifier: MIT
//
// Which thread a signal to the whole process goes to: the one that is meant first if it lets the
// signal through (the main one for kill and alarms, the one that forked for SIGCHLD, the one that
// runs for CPU time), else whoever took the last one, else the next that lets it through. Another
// that happens to pass the kernel must not take it.
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "tests/ring3/tap.h"

#define ROUNDS 50
#define STACK  (8ul << 20) // room for a handler in a handler for each signal there is

enum { MAIN, A, B, C, WORKERS, NOBODY = -1 };

struct worker {
	pthread_t thread;
	int name;
	pid_t tid;
	sem_t go, done;
	void (*task)(void);
};

static struct worker workers[WORKERS];
static __thread int me;
static volatile sig_atomic_t taker;
static sem_t handled;

static const char *name_of(int who)
{
	static const char *const names[] = {"the main thread", "A", "B", "C"};

	return who == NOBODY ? "nobody" : names[who];
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		;
}

static void handler(int signal)
{
	(void)signal;
	taker = me;
	sem_post(&handled);
}

static void *work(void *argument)
{
	struct worker *self = argument;

	me = self->name;
	self->tid = (pid_t)syscall(SYS_gettid);
	sem_post(&self->done);
	for (;;) {
		wait_for(&self->go);
		if (!self->task)
			return NULL;
		self->task();
		sem_post(&self->done);
	}
}

static void begin(int name)
{
	struct worker *worker = &workers[name];
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	worker->name = name;
	sem_init(&worker->go, 0, 0);
	sem_init(&worker->done, 0, 0);
	if (pthread_create(&worker->thread, &attributes, work, worker))
		_exit(99);
	wait_for(&worker->done);
}

static void tell(int name, void (*task)(void))
{
	workers[name].task = task;
	sem_post(&workers[name].go);
}

static void have_done(int name, void (*task)(void))
{
	tell(name, task);
	wait_for(&workers[name].done);
}

static void end(int name)
{
	tell(name, NULL);
	pthread_join(workers[name].thread, NULL);
}

// Who takes the signal that comes when thread `by` has done `task`.
static int who(int by, void (*task)(void))
{
	taker = NOBODY;
	if (by == MAIN)
		task();
	else
		tell(by, task);
	wait_for(&handled);
	if (by != MAIN)
		wait_for(&workers[by].done);
	return taker;
}

static void expect(int by, void (*task)(void), int taken_by, const char *name)
{
	int found = NOBODY;

	for (int i = 0; i < ROUNDS; i++) {
		found = who(by, task);
		if (found != taken_by)
			break;
	}
	if (!check(found == taken_by, name))
		printf("# taken by %s\n", name_of(found));
}

// ---- what the threads do ----
static void to_process(void)
{
	kill(getpid(), SIGUSR1);
}

static void to_a(void)
{
	kill(workers[A].tid, SIGUSR1);
}

static void to_b(void)
{
	kill(workers[B].tid, SIGUSR1);
}

static void queue_to_process(void)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	// The library's changes the mask, which makes who changes it take what is pending.
	syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info);
}

static void change_mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(how, &set, NULL);
}

static void block(void)
{
	change_mask(SIG_BLOCK);
}

static void unblock(void)
{
	change_mask(SIG_UNBLOCK);
}

static void make_child(void)
{
	pid_t child = (pid_t)syscall(SYS_fork); // the library's blocks signals

	if (child == 0)
		_exit(0);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static void set_alarm(void)
{
	struct itimerval soon = {.it_value.tv_usec = 1000};

	setitimer(ITIMER_REAL, &soon, NULL);
}

static void spin(void)
{
	while (taker == NOBODY)
		;
}

static void use_time(int which)
{
	struct itimerval soon = {.it_value.tv_usec = 1000};

	setitimer(which, &soon, NULL);
	spin();
}

static void use_virtual_time(void)
{
	use_time(ITIMER_VIRTUAL);
}

static void use_profiled_time(void)
{
	use_time(ITIMER_PROF);
}

static void start_timer(clockid_t clock, void (*meanwhile)(void))
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec soon = {.it_value.tv_nsec = 1000000};
	timer_t timer;

	if (timer_create(clock, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
		_exit(98);
	meanwhile();
	timer_delete(timer);
}

static void use_process_time(void)
{
	start_timer(CLOCK_PROCESS_CPUTIME_ID, spin);
}

static void use_thread_time(void)
{
	start_timer(CLOCK_THREAD_CPUTIME_ID, spin);
}

static void spin_with_timer(void)
{
	start_timer(CLOCK_MONOTONIC, spin);
}

static void sleep_till_taken(void)
{
	const struct timespec moment = {0, 1000000};

	while (taker == NOBODY)
		nanosleep(&moment, NULL);
}

static void sleep_with_timer(void)
{
	start_timer(CLOCK_MONOTONIC, sleep_till_taken);
}

static void wait_for_signal(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &signal);
	taker = me;
	sem_post(&handled);
}

// While a thread waits for signals that it blocks, its mask is shown without them.
static void wait_until_it_waits(int name)
{
	char path[64], line[128];
	unsigned long blocked = ~0ul;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", workers[name].tid);
	while (blocked & 1ul << (SIGUSR1 - 1)) {
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			sscanf(line, "SigBlk: %lx", &blocked);
		if (!file || fclose(file))
			_exit(97);
	}
}

// ---- who is meant ----
static void main_thread_first(void)
{
	expect(A, to_process, MAIN, "kill by A: the main thread's");
	expect(B, queue_to_process, MAIN, "sigqueue by B: the main thread's");
	expect(MAIN, to_process, MAIN, "kill by the main thread: its own");
	expect(A, set_alarm, MAIN, "an alarm that A has set: the main thread's");
	expect(A, to_b, B, "kill with B's number: B's, though for the process");
	expect(B, make_child, B, "SIGCHLD: the one's that forked");
}

// What is only likely, for who else runs when a timer fires is not for a program to say.
static void likely(int by, void (*task)(void), int taken_by, const char *name)
{
	bool seen = false;

	for (int i = 0; i < 500 && !seen; i++)
		seen = who(by, task) == taken_by;
	check(seen, name);
}

static void timers(void)
{
	likely(B, use_virtual_time, B, "ITIMER_VIRTUAL: the one's that runs");
	likely(A, use_profiled_time, A, "ITIMER_PROF: the one's that runs");
	likely(B, use_process_time, B, "a timer by the process's time: the one's that runs");
	expect(A, use_thread_time, A, "a timer by a thread's time: that one's");
	likely(B, spin_with_timer, B, "another timer: the one's that runs");
	likely(A, sleep_with_timer, MAIN, "while all sleep: the main thread's");
}

// ---- when the main thread does not let it through ----
static void others_in_turn(void)
{
	block();
	expect(MAIN, to_process, A, "main thread blocks it: the next one's, A's");
	expect(B, to_process, A, "whoever sends it");
	have_done(A, block);
	expect(A, to_process, B, "A blocks it: B's");
	have_done(A, unblock);
	expect(A, to_process, B, "A unblocks it: still B's, who took the last one");
	expect(MAIN, to_a, A, "kill with A's number: A's");
	expect(A, to_process, B, "which changes nothing: B's");
	begin(C);
	have_done(C, unblock);
	expect(C, to_process, B, "one thread more: B's");
	end(B);
	expect(C, to_process, C, "B has ended: the next one's, C's");
	end(C);
	expect(MAIN, to_process, A, "the last has ended: from the front");
	begin(B);
	have_done(B, unblock);
	unblock();
	expect(B, to_process, MAIN, "main thread unblocks it: the main thread's");
}

static void blocked_by_all(void)
{
	sigset_t pending;

	block();
	have_done(A, block);
	have_done(B, block);
	to_process();
	sigpending(&pending);
	check(sigismember(&pending, SIGUSR1), "blocked by all: pending");
	check(who(B, unblock) == B, "the first to unblock it takes it");
	have_done(B, block);
	have_done(A, unblock);
	unblock();
}

static void waited_for(void)
{
	have_done(B, block);
	tell(B, wait_for_signal);
	wait_until_it_waits(B);
	expect(A, to_process, MAIN, "B waits for it: still the main thread's");
	block();
	have_done(A, block);
	taker = NOBODY;
	to_process();
	wait_for(&handled);
	wait_for(&workers[B].done);
	check(taker == B, "main thread and A block it: B, who waits, gets it");
	have_done(A, unblock);
	have_done(B, unblock);
	unblock();
}

// ---- the end of everybody ----
static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static int ended_by_worker(void)
{
	signal(SIGUSR1, SIG_DFL);
	begin(A);
	block();
	tell(A, sleep_for_ever);
	to_process();
	sleep_for_ever();
	return 4;
}

static int waited_not_ended(void)
{
	sem_init(&handled, 0, 0);
	signal(SIGUSR1, SIG_DFL);
	block();
	begin(A);
	tell(A, wait_for_signal);
	wait_until_it_waits(A);
	to_process();
	wait_for(&handled);
	return taker == A ? 5 : 6;
}

static int ended_though_waited(void)
{
	signal(SIGUSR1, SIG_DFL);
	begin(A);
	have_done(A, block);
	tell(A, wait_for_signal);
	wait_until_it_waits(A);
	to_process();
	sleep_for_ever();
	return 4;
}

static void exit_with_taker(int signal)
{
	(void)signal;
	_exit(30 + me);
}

static void main_has_gone(void)
{
	int status;
	char path[64], line[256], state = 0;
	pid_t pid = fork();
	FILE *file;

	if (pid == 0) {
		signal(SIGUSR1, exit_with_taker);
		begin(A);
		begin(B);
		syscall(SYS_exit, 0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'Z') {
		file = fopen(path, "r");
		if (!file)
			break;
		if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
			state = strrchr(line, ')')[2];
		fclose(file);
	}
	kill(pid, SIGUSR1);
	waitpid(pid, &status, 0);
	show_status("main thread has ended: the next one's", status);
}

static void fatal(void)
{
	show_status("main thread blocks it, another does not", in_child(ended_by_worker));
	show_status("main thread blocks it, another waits for it", in_child(waited_not_ended));
	show_status("another blocks it or waits for it", in_child(ended_though_waited));
	main_has_gone();
}

int main(void)
{
	// Who is in the handler lets the next one through.
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NODEFER};
	const int signals[] = {SIGUSR1, SIGRTMIN, SIGALRM, SIGVTALRM, SIGPROF, SIGCHLD};

	sem_init(&handled, 0, 0);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	begin(A);
	begin(B);
	main_thread_first();
	timers();
	others_in_turn();
	blocked_by_all();
	waited_for();
	signal(SIGCHLD, SIG_DFL);
	fatal();
	return tap_end();
}
