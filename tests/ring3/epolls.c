// SPDX-License-Identifier: MIT
//
// epoll: levels, edges, once; what happens to watches when files are closed, and to who waits when
// somebody changes them; epolls in epolls; what is refused.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "tests/ring3/tap.h"

static int set, ends[2];
static char bytes[4096];

static long change(int operation, int file, unsigned events, unsigned data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return epoll_ctl(set, operation, file, &event);
}

// What is there now: in which order does not matter.
static void show_events(const char *name)
{
	struct epoll_event events[8];
	int count = epoll_wait(set, events, 8, 0);

	printf("# %s: %d", name, count);
	for (unsigned data = 0; data < 16; data++) {
		for (int i = 0; i < count; i++) {
			if (events[i].data.u64 == data)
				printf(", %u: %x", data, (unsigned)events[i].events);
		}
	}
	printf("\n");
	fflush(stdout);
}

static void start(void)
{
	set = epoll_create1(EPOLL_CLOEXEC);
	if (set < 0 || pipe2(ends, O_NONBLOCK))
		exit(1);
}

static void stop(void)
{
	close(set);
	close(ends[0]);
	close(ends[1]);
}

static void refused(void)
{
	struct epoll_event event;
	int file = open("/proc/self/exe", O_RDONLY);

	show("unknown flags", epoll_create1(1));
	show("of no size", syscall(SYS_epoll_create, 0));
	start();
	show("add", change(EPOLL_CTL_ADD, ends[0], EPOLLIN, 0));
	show("add once more", change(EPOLL_CTL_ADD, ends[0], EPOLLIN, 0));
	show("change what is not there", change(EPOLL_CTL_MOD, ends[1], EPOLLIN, 0));
	show("remove what is not there", change(EPOLL_CTL_DEL, ends[1], EPOLLIN, 0));
	show("a file", change(EPOLL_CTL_ADD, file, EPOLLIN, 0));
	show("itself", change(EPOLL_CTL_ADD, set, EPOLLIN, 0));
	show("no descriptor", change(EPOLL_CTL_ADD, 99, EPOLLIN, 0));
	show("unknown operation", change(9, ends[1], EPOLLIN, 0));
	show("event nowhere", syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, ends[1], 8));
	show("remove without an event", epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL));
	show("no epoll", epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], &event));
	show("exclusive", change(EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
	show("exclusive changed", change(EPOLL_CTL_MOD, ends[0], EPOLLIN, 0));
	show("wait for nothing", epoll_wait(set, &event, 0, 0));
	show("wait for less", epoll_wait(set, &event, -1, 0));
	show("wait for a pipe", epoll_wait(ends[0], &event, 1, 0));
	show("wait for no descriptor", epoll_wait(99, &event, 1, 0));
	show("events in the kernel", syscall(SYS_epoll_wait, set, -4096l, 1, 0));
	show("read", read(set, bytes, 1));
	stop();
	close(file);
}

static void levels(void)
{
	printf("# -- levels\n");
	start();
	change(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1);
	change(EPOLL_CTL_ADD, ends[1], EPOLLOUT, 2);
	show_events("at first");
	write(ends[1], "x", 1);
	show_events("written");
	show_events("still");
	change(EPOLL_CTL_MOD, ends[0], EPOLLIN, 3);
	change(EPOLL_CTL_DEL, ends[1], 0, 0);
	show_events("changed");
	read(ends[0], bytes, 1);
	show_events("read");
	change(EPOLL_CTL_MOD, ends[0], 0, 4);
	close(ends[1]);
	show_events("hung up, nothing wanted");
	ends[1] = -1;
	stop();
}

static void edges(void)
{
	printf("# -- edges\n");
	start();
	change(EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET, 1);
	show_events("at first");
	write(ends[1], "x", 1);
	show_events("written");
	show_events("no change");
	write(ends[1], "x", 1);
	show_events("written again");
	read(ends[0], bytes, 1);
	show_events("read a part");
	change(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET, 2);
	show_events("changed");
	read(ends[0], bytes, 1);
	show_events("empty");
	write(ends[1], "x", 1);
	read(ends[0], bytes, 1);
	show_events("written and read");
	change(EPOLL_CTL_ADD, ends[1], EPOLLOUT | EPOLLET, 3);
	show_events("room");
	show_events("no change");
	close(ends[1]);
	show_events("hung up");
	show_events("no change");
	ends[1] = -1;
	stop();
}

static void once(void)
{
	printf("# -- once\n");
	start();
	change(EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLONESHOT, 1);
	write(ends[1], "x", 1);
	show_events("written");
	show_events("off");
	write(ends[1], "x", 1);
	close(ends[1]);
	show_events("still off");
	change(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 2);
	show_events("on again");
	ends[1] = -1;
	stop();
}

static void closed(void)
{
	int other;

	printf("# -- closed\n");
	start();
	other = dup(ends[0]);
	change(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1);
	change(EPOLL_CTL_ADD, other, EPOLLIN, 2);
	write(ends[1], "x", 1);
	show_events("two descriptors of one file");
	close(ends[0]);
	show_events("one closed");
	close(other);
	show_events("both closed");
	ends[0] = open("/dev/null", O_RDONLY);
	show_events("the number used again");
	stop();
}

static void nested(void)
{
	struct pollfd poll_set = {.events = POLLIN};
	int inner, outer = epoll_create1(0);

	printf("# -- one in another\n");
	start();
	inner = set;
	change(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1);
	set = outer;
	show("an epoll in an epoll", change(EPOLL_CTL_ADD, inner, EPOLLIN, 2));
	set = inner;
	show("and in turn", change(EPOLL_CTL_ADD, outer, EPOLLIN, 3));
	set = outer;
	poll_set.fd = inner;
	show_events("nothing");
	show("polled", poll(&poll_set, 1, 0));
	write(ends[1], "x", 1);
	show_events("something");
	show("polled", poll(&poll_set, 1, 0));
	close(outer);
	set = inner;
	stop();
}

// ---- who waits ----
static void *acts(void *argument)
{
	const struct timespec time = {.tv_nsec = 20000000};

	nanosleep(&time, NULL);
	((void (*)(void))argument)();
	return NULL;
}

static void waits(const char *name, void (*act)(void))
{
	struct epoll_event event = {0};
	pthread_t thread;

	pthread_create(&thread, NULL, acts, (void *)act);
	show(name, epoll_wait(set, &event, 1, 5000));
	printf("# %llu: %x\n", (unsigned long long)event.data.u64, (unsigned)event.events);
	pthread_join(thread, NULL);
}

static void writes(void)
{
	write(ends[1], "x", 1);
}

static void adds(void)
{
	change(EPOLL_CTL_ADD, ends[1], EPOLLOUT, 5);
}

static void closes(void)
{
	close(ends[0]); // the other end learns of it at once
	ends[0] = -1;
}

static void handler(int signal)
{
	(void)signal;
}

static int outer;

static void waiting(void)
{
	struct epoll_event event;
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct timespec some = {.tv_nsec = 1000000}, wrong = {.tv_nsec = -1};
	struct itimerval often = {{.tv_usec = 20000}, {.tv_usec = 20000}}, never = {0};
	int result;
	sigset_t none, alarm_only;
	int inner;

	printf("# -- waiting\n");
	start();
	show("a while", epoll_wait(set, &event, 1, 10));
	show("a while with a timespec", syscall(SYS_epoll_pwait2, set, &event, 1, &some, NULL, 0));
	show("a wrong one", syscall(SYS_epoll_pwait2, set, &event, 1, &wrong, NULL, 0));
	change(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1);
	waits("somebody writes", writes);
	read(ends[0], bytes, 1);
	waits("somebody adds", adds);
	change(EPOLL_CTL_DEL, ends[1], 0, 0);
	inner = set;
	set = outer = epoll_create1(0);
	change(EPOLL_CTL_ADD, inner, EPOLLIN, 7);
	waits("somebody writes, two deep", writes);
	close(set);
	set = inner;
	read(ends[0], bytes, 1);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL); // the first may come too early
	result = epoll_wait(set, &event, 1, -1);
	setitimer(ITIMER_REAL, &never, NULL);
	show("a signal", result);
	sigemptyset(&none);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	raise(SIGALRM);
	show("a pending signal let in", epoll_pwait(set, &event, 1, -1, &none));
	show("a mask of a wrong size", syscall(SYS_epoll_pwait, set, &event, 1, 0, &none, 4));
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	stop();
}

// A descriptor that is waited for is closed by another thread: its peer learns of it at once.
static void closed_meanwhile(void)
{
	int pair[2];
	struct epoll_event event;

	set = epoll_create1(0);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	ends[0] = pair[0];
	change(EPOLL_CTL_ADD, pair[0], EPOLLIN, 1);
	pthread_t thread;
	pthread_create(&thread, NULL, acts, (void *)closes);
	if (fork() == 0) {
		close(pair[0]);
		show("the peer reads", read(pair[1], bytes, 1));
		_exit(0);
	}
	show("the waiter", epoll_wait(set, &event, 1, 200));
	pthread_join(thread, NULL);
	wait(NULL);
	close(set);
	close(pair[1]);
}

static void counters(void)
{
	int counter = eventfd(0, 0);

	printf("# -- a counter\n");
	start();
	change(EPOLL_CTL_ADD, counter, EPOLLIN | EPOLLOUT | EPOLLET, 1);
	show_events("at first");
	show_events("no change");
	eventfd_write(counter, 3);
	show_events("written");
	eventfd_write(counter, 3);
	show_events("written");
	stop();
	close(counter);
}

// Room for one event and a half: what was not delivered is not lost.
static void faults(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *room = pages + 4096 - sizeof(struct epoll_event) * 3 / 2;
	const unsigned modes[] = {EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT, 0};

	printf("# -- places that can not be written\n");
	mprotect(pages + 4096, 4096, PROT_NONE);
	for (int i = 0; i < 4; i++) {
		int counters[3];

		set = epoll_create1(0);
		for (int c = 0; c < 3; c++) {
			counters[c] = eventfd(1, 0);
			change(EPOLL_CTL_ADD, counters[c], EPOLLIN | modes[i], (unsigned)c);
		}
		show("nothing fits", epoll_wait(set, (struct epoll_event *)(pages + 4096), 3, 0));
		show("one fits", epoll_wait(set, (struct epoll_event *)room, 3, 0));
		show_events("the others");
		show_events("again");
		for (int c = 0; c < 3; c++)
			close(counters[c]);
		close(set);
	}
	munmap(pages, 8192);
}

int main(void)
{
	refused();
	levels();
	edges();
	once();
	closed();
	nested();
	waiting();
	closed_meanwhile();
	counters();
	faults();
	return tap_end();
}
