// SPDX-License-Identifier: MIT
//
// sendmsg and recvmsg over pairs of sockets: pieces, flags, and open files that are passed.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tests/ring3/tap.h"

static int ends[2];

static struct msghdr message(struct iovec *pieces, int count, void *control, size_t size)
{
	return (struct msghdr){.msg_iov = pieces,
			       .msg_iovlen = count,
			       .msg_control = control,
			       .msg_controllen = size};
}

static void in_pieces(int type)
{
	char a[4] = "", b[4] = "";
	struct iovec from[3] = {{"one", 3}, {"", 0}, {"two!", 4}}, to[2] = {{a, 2}, {b, 3}};
	struct msghdr sent = message(from, 3, NULL, 0), got = message(to, 2, NULL, 0);

	socketpair(AF_UNIX, type, 0, ends);
	show("sendmsg", syscall(SYS_sendmsg, ends[0], &sent, 0));
	show("recvmsg", recvmsg(ends[1], &got, 0));
	printf("# %s %s, flags %x, control %zu\n", a, b, (unsigned)got.msg_flags,
	       (size_t)got.msg_controllen);
	show("once more", recvmsg(ends[1], &got, MSG_DONTWAIT));
	sent.msg_iovlen = 1025;
	show("too many pieces", syscall(SYS_sendmsg, ends[0], &sent, 0));
	show("message nowhere", syscall(SYS_sendmsg, ends[0], 8, 0));
	show("nowhere to receive", syscall(SYS_recvmsg, ends[0], 8, 0));
	close(ends[0]);
	close(ends[1]);
}

static long pass(const int *files, int count, const char *text)
{
	char control[CMSG_SPACE(300 * sizeof(int))] __attribute__((aligned(8))) = "";
	struct iovec piece = {(void *)text, strlen(text)};
	struct msghdr sent = message(&piece, 1, control, CMSG_SPACE((size_t)count * sizeof(int)));
	struct cmsghdr *header = CMSG_FIRSTHDR(&sent);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(header), files, (size_t)count * sizeof(int));
	return syscall(SYS_sendmsg, ends[0], &sent, 0);
}

// Receives up to `room` descriptors into `files`, and says how it went.
static int receive(const char *name, int *files, size_t room, int flags)
{
	char text[16] = "", control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8))) = "";
	struct iovec piece = {text, 15};
	struct msghdr got =
		message(&piece, 1, room ? control : NULL, room ? CMSG_LEN(room * sizeof(int)) : 0);
	struct cmsghdr *header;
	int count = 0;
	long result;

	result = recvmsg(ends[1], &got, flags | MSG_DONTWAIT);
	show(name, result);
	if (result < 0)
		return 0;
	header = CMSG_FIRSTHDR(&got);
	if (header) {
		count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(files, CMSG_DATA(header), (size_t)count * sizeof(int));
	}
	printf("# \"%s\", flags %x, control %zu, %d descriptors\n", text, (unsigned)got.msg_flags,
	       (size_t)got.msg_controllen, count);
	return count;
}

static void files_passed(int type)
{
	int files[2], got[8] = {0}, count;
	char text[8] = "";

	socketpair(AF_UNIX, type, 0, ends);
	check(pipe(files) == 0, "a pipe to pass");
	show("pass both ends", pass(files, 2, "hello"));
	close(files[0]);
	close(files[1]);
	count = receive("receive", got, 4, 0);
	check(count == 2 && write(got[1], "way", 3) == 3 && read(got[0], text, 8) == 3,
	      "the pipe works");
	show("not closed on exec", fcntl(got[0], F_GETFD));
	pass(got, 2, "x");
	count = receive("receive closed on exec", got + 4, 2, MSG_CMSG_CLOEXEC);
	show("closed on exec", count ? fcntl(got[4], F_GETFD) : -1);
	close(got[4]);
	close(got[5]);
	pass(got, 2, "y");
	count = receive("room for one", got + 4, 1, 0);
	close(got[4]);
	pass(got, 2, "z");
	receive("room for none", got + 4, 0, 0);
	pass(got, 2, "p");
	count = receive("peek", got + 4, 2, MSG_PEEK);
	check(count == 2 && !close(got[4]) && !close(got[5]), "peeked descriptors");
	count = receive("and receive", got + 4, 2, 0);
	check(count == 2 && !close(got[4]) && !close(got[5]), "received descriptors");
	pass(got, 1, "f");
	show("received nowhere", syscall(SYS_recvfrom, ends[1], 8, 1, MSG_DONTWAIT, 0, 0));
	count = receive("what is left of it", got + 4, 1, 0);
	if (count)
		close(got[4]);
	pass(got, 1, "q");
	show("read without control", read(ends[1], text, 8));
	close(got[1]);
	show("nobody writes any more", read(got[0], text, 8));
	close(got[0]);
	close(ends[0]);
	close(ends[1]);
}

// A stream's bytes before and behind the files do not come together.
static void boundaries(void)
{
	int files[2], got[8];

	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	check(pipe(files) == 0, "a pipe to pass");
	write(ends[0], "before", 6);
	pass(files, 1, "with");
	write(ends[0], "after", 5);
	receive("first", got, 2, 0);
	receive("second", got, 2, 0);
	close(got[0]);
	receive("third", got, 2, 0);
	pass(files, 2, "unread");
	close(ends[0]);
	close(ends[1]);
	close(files[1]);
	show("what was not received is closed", read(files[0], got, 1));
	close(files[0]);
}

static void refused(void)
{
	static int many[300];
	int files[2] = {0, 99};
	char control[64] __attribute__((aligned(8))) = "";
	struct iovec piece = {"x", 1};
	struct msghdr sent = message(&piece, 1, control, sizeof(control));

	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	show("no such descriptor", pass(files, 2, "x"));
	show("253 descriptors", pass(many, 253, "x"));
	show("254 descriptors", pass(many, 254, "x"));
	CMSG_FIRSTHDR(&sent)->cmsg_len = 3;
	show("control too short", syscall(SYS_sendmsg, ends[0], &sent, 0));
	CMSG_FIRSTHDR(&sent)->cmsg_len = 100;
	show("control too long", syscall(SYS_sendmsg, ends[0], &sent, 0));
	CMSG_FIRSTHDR(&sent)->cmsg_len = 16;
	show("of another level", syscall(SYS_sendmsg, ends[0], &sent, 0));
	CMSG_FIRSTHDR(&sent)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&sent)->cmsg_type = 99;
	show("of another type", syscall(SYS_sendmsg, ends[0], &sent, 0));
	sent.msg_control = (void *)8;
	show("control nowhere", syscall(SYS_sendmsg, ends[0], &sent, 0));
	close(ends[0]);
	close(ends[1]);
}

// Each is held by a message to the next, by way of a descriptor that only stands for it: to let go
// the last one lets them all go. Where they can not be passed the chain is short.
static void chain(void)
{
	int held = -1;
	char path[32];

	for (int i = 0; i < 100; i++) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
		if (held >= 0) {
			pass(&held, 1, "x");
			close(held);
		}
		snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
		held = open(path, O_PATH);
		close(ends[0]);
		close(ends[1]);
	}
	check(close(held) == 0, "a chain of sockets goes");
}

int main(void)
{
	in_pieces(SOCK_STREAM);
	in_pieces(SOCK_DGRAM);
	in_pieces(SOCK_SEQPACKET);
	files_passed(SOCK_STREAM);
	files_passed(SOCK_DGRAM);
	chain();
	boundaries();
	refused();
	return tap_end();
}
