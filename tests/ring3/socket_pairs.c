// SPDX-License-Identifier: MIT
//
// Pairs of sockets: what of streams, datagrams and sequences arrives in which pieces, what the
// ends learn of each other's closing and shutdown, waiting, poll, and what is refused.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "tests/ring3/tap.h"

static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
static const char *const names[] = {"stream", "datagram", "sequence"};
static int ends[2];
static char bytes[300000];

static void make(int type)
{
	if (socketpair(AF_UNIX, type, 0, ends))
		exit(1);
}

static void unmake(void)
{
	close(ends[0]);
	close(ends[1]);
}

static unsigned events(int file)
{
	struct pollfd one = {.fd = file, .events = POLLIN | POLLOUT | POLLRDHUP};

	return poll(&one, 1, 0) < 0 ? ~0u : (unsigned)one.revents;
}

static void show_events(const char *name, int file)
{
	printf("# %s: events %x\n", name, events(file));
}

static void refused(void)
{
	show("another family", socketpair(AF_INET6 + 20, SOCK_STREAM, 0, ends));
	show("no family", socketpair(-1, SOCK_STREAM, 0, ends));
	show("family beyond all", socketpair(1000, SOCK_STREAM, 0, ends));
	show("another type", socketpair(AF_UNIX, SOCK_RDM, 0, ends));
	show("type beyond all", socketpair(AF_UNIX, 12, 0, ends));
	show("unknown flags", socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, ends));
	show("another protocol", socketpair(AF_UNIX, SOCK_STREAM, 2, ends));
	show("its own protocol", socketpair(AF_UNIX, SOCK_STREAM, AF_UNIX, ends));
	unmake();
	show("ends nowhere", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8));
	show("shutdown of a file", shutdown(0, SHUT_RD));
	show("shutdown of nothing", shutdown(-1, SHUT_RD));
	show("send to a file", send(1, "x", 1, 0));
}

static void options(void)
{
	int value = -1;
	socklen_t size = sizeof(value);
	struct {
		int pid;
		unsigned uid, gid;
	} owner;
	char name[32] = "";
	struct stat status;

	make(SOCK_SEQPACKET);
	show("SO_TYPE", getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &size) ?: value);
	show("SO_DOMAIN", getsockopt(ends[0], SOL_SOCKET, SO_DOMAIN, &value, &size) ?: value);
	show("SO_ERROR", getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &value, &size) ?: value);
	show("SO_ACCEPTCONN",
	     getsockopt(ends[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &size) ?: value);
	size = sizeof(owner);
	show("SO_PEERCRED", getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &owner, &size));
	check(owner.pid == getpid() && owner.uid == getuid() && owner.gid == getgid(),
	      "is the maker");
	show("of another level", getsockopt(ends[0], 6, 1, &value, &size));
	show("an unknown one", getsockopt(ends[0], SOL_SOCKET, 999, &value, &size));
	show("to be set", setsockopt(ends[0], SOL_SOCKET, 999, &value, sizeof(value)));
	size = sizeof(name);
	show("getsockname", getsockname(ends[0], (struct sockaddr *)name, &size));
	show("size", size);
	show("getpeername", getpeername(ends[1], (struct sockaddr *)name, &size));
	show("family", ((struct sockaddr *)name)->sa_family);
	fstat(ends[0], &status);
	printf("# mode %o, size %ld\n", (unsigned)status.st_mode, (long)status.st_size);
	show("seek", lseek(ends[0], 0, SEEK_SET));
	show("pread", pread(ends[0], bytes, 1, 0));
	show("fsync", fsync(ends[0]));
	show("ftruncate", ftruncate(ends[0], 0));
	unmake();
}

static void pieces(int type, const char *name)
{
	int queued = -1;

	make(type);
	printf("# -- %s\n", name);
	show_events("idle", ends[0]);
	show("write", write(ends[0], "12345", 5));
	show("write", write(ends[0], "67", 2));
	show("write to the other side", write(ends[1], "abc", 3));
	show_events("with something", ends[1]);
	show("FIONREAD", ioctl(ends[1], FIONREAD, &queued) ?: queued);
	show("peek", recv(ends[1], bytes, 100, MSG_PEEK));
	show("read 3", read(ends[1], bytes, 3));
	show("read", read(ends[1], bytes, 100));
	show("nothing more", recv(ends[1], bytes, 100, MSG_DONTWAIT));
	show("the other way", read(ends[0], bytes, 100));
	show("read of nothing", read(ends[1], bytes, 0));
	show("recv of nothing", recv(ends[1], bytes, 0, MSG_DONTWAIT));
	show("write of nothing", write(ends[0], "", 0));
	show("read", recv(ends[1], bytes, 10, MSG_DONTWAIT));
	write(ends[0], "123456", 6);
	show("its whole length", recv(ends[1], bytes, 2, MSG_TRUNC));
	show("what is left", recv(ends[1], bytes, 10, MSG_DONTWAIT));
	show("sendto a name", sendto(ends[0], "x", 1, 0, (struct sockaddr *)"\1\0name", 6));
	show("out of band", recv(ends[1], bytes, 1, MSG_OOB | MSG_DONTWAIT) < 0);
	show("from nowhere", write(ends[0], (void *)8, 1));
	recv(ends[1], bytes, 10, MSG_DONTWAIT);
	write(ends[0], "1", 1);
	show("to nowhere", read(ends[1], (void *)8, 1));
	show("is it still there", recv(ends[1], bytes, 10, MSG_DONTWAIT));
	unmake();
}

static void closing(int type, const char *name)
{
	char byte;

	printf("# -- %s, closed\n", name);
	make(type);
	write(ends[0], "12", 2);
	close(ends[0]);
	show_events("the other has gone", ends[1]);
	show("read what it left", recv(ends[1], bytes, 10, MSG_DONTWAIT));
	show("and then", recv(ends[1], &byte, 1, MSG_DONTWAIT));
	show("write", send(ends[1], "x", 1, MSG_NOSIGNAL));
	show("and again", send(ends[1], "x", 1, MSG_NOSIGNAL));
	show_events("now", ends[1]);
	close(ends[1]);
	make(type);
	write(ends[1], "12", 2);
	close(ends[0]);
	show_events("it had not read all", ends[1]);
	show("write", send(ends[1], "x", 1, MSG_NOSIGNAL));
	show("read", recv(ends[1], &byte, 1, MSG_DONTWAIT));
	show("read", recv(ends[1], &byte, 1, MSG_DONTWAIT));
	close(ends[1]);
}

static void shutting(int type, const char *name, int how)
{
	printf("# -- %s, shut down %d\n", name, how);
	make(type);
	write(ends[1], "12", 2);
	write(ends[0], "34", 2);
	show("shutdown", shutdown(ends[0], how));
	show_events("its events", ends[0]);
	show_events("the other's", ends[1]);
	show("write", send(ends[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
	show("read", recv(ends[0], bytes, 10, MSG_DONTWAIT));
	show("read", recv(ends[0], bytes, 10, MSG_DONTWAIT));
	show("the other's write", send(ends[1], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
	show("the other's read", recv(ends[1], bytes, 10, MSG_DONTWAIT));
	show("the other's read", recv(ends[1], bytes, 10, MSG_DONTWAIT));
	unmake();
}

static void full(int type, const char *name)
{
	long sent = 0, got = 0, step;

	printf("# -- %s, full\n", name);
	make(type);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	show("a message too long", send(ends[0], bytes, 250000, 0) < 0 && errno == EMSGSIZE);
	recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT);
	while (recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	while ((step = write(ends[0], bytes, 1000)) > 0)
		sent += step;
	show("then", step);
	check(sent >= 50000 && sent <= 300000, "quite some bytes are kept");
	show_events("a full one", ends[0]);
	while ((step = recv(ends[1], bytes, 1000, MSG_DONTWAIT)) > 0)
		got += step;
	check(got == sent, "all arrive");
	show_events("an empty one", ends[0]);
	unmake();
}

static void handler(int signal)
{
	(void)signal;
}

static void waiting(int type, const char *name)
{
	long total = 0, step;
	int status;
	pid_t child;

	printf("# -- %s, waiting\n", name);
	make(type);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		for (int i = 0; i < 1000; i++) {
			memset(bytes, i, 1000);
			if (write(ends[1], bytes, 1000) != 1000)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	for (int wrong = 0; total < 1000000 && !wrong; total += step) {
		step = recv(ends[0], bytes, 1000, MSG_WAITALL);
		wrong = step != 1000 || bytes[0] != (char)(total / 1000) || bytes[999] != bytes[0];
	}
	show("bytes", total);
	waitpid(child, &status, 0);
	show_status("the writer", status);
	close(ends[0]);
}

static void signals(void)
{
	int status;
	pid_t child;
	struct sigaction action = {.sa_handler = handler};

	struct itimerval often = {{.tv_usec = 20000}, {.tv_usec = 20000}}, never = {0};
	long result;

	sigaction(SIGALRM, &action, NULL);
	make(SOCK_STREAM);
	setitimer(ITIMER_REAL, &often, NULL); // the first may come too early
	result = read(ends[0], bytes, 1);
	setitimer(ITIMER_REAL, &never, NULL);
	show("read interrupted", result);
	close(ends[1]);
	child = fork();
	if (child == 0) {
		write(ends[0], "x", 1);
		_exit(0);
	}
	waitpid(child, &status, 0);
	show_status("a stream nobody reads", status);
	close(ends[0]);
	make(SOCK_SEQPACKET);
	close(ends[1]);
	child = fork();
	if (child == 0) {
		write(ends[0], "x", 1);
		_exit(0);
	}
	waitpid(child, &status, 0);
	show_status("a sequence nobody reads", status);
	close(ends[0]);
}

int main(void)
{
	refused();
	options();
	for (int i = 0; i < 3; i++) {
		pieces(types[i], names[i]);
		closing(types[i], names[i]);
		for (int how = 0; how < 3; how++)
			shutting(types[i], names[i], how);
		full(types[i], names[i]);
		waiting(types[i], names[i]);
	}
	signals();
	return tap_end();
}
