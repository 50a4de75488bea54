// SPDX-License-Identifier: MIT
//
// What all processes of one user have together: files that are under way between sockets.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "tests/ring3/tap.h"

static int ends[2];

// Sends descriptors of the same file; 0 or an errno.
static int send_files(int count)
{
	char control[CMSG_SPACE(16 * sizeof(int))] __attribute__((aligned(8))) = "";
	struct iovec piece = {"x", 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int file = open("/dev/null", O_RDONLY);
	long result;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	for (int i = 0; i < count; i++)
		memcpy(CMSG_DATA(header) + (size_t)i * sizeof(int), &file, sizeof(file));
	result = sendmsg(ends[0], &message, MSG_DONTWAIT);
	close(file);
	return result == 1 ? 0 : errno;
}

static void send_all(const char *name, int count)
{
	int sent = 0, error;

	while (sent < 60 && !(error = send_files(count)))
		sent++;
	printf("# %s: %d times, then %s\n", name, sent, sent < 60 ? strerror(error) : "enough");
	fflush(stdout);
}

static int child_sends(void)
{
	send_all("another process of the user", 1);
	return 0;
}

static int as_user(void)
{
	struct rlimit few = {20, 20};
	uid_t user = 200000 + (uid_t)getpid(); // whom no other test is
	char byte;

	if (setrlimit(RLIMIT_NOFILE, &few) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return 1;
	send_all("root", 1);
	close(ends[0]);
	close(ends[1]);
	if (syscall(SYS_setresuid, user, user, user) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return 2;
	send_all("a user", 1);
	show_status("a child", in_child(child_sends));
	show("one is received, without its file", read(ends[1], &byte, 1));
	send_all("then", 1);
	show("and one more", read(ends[1], &byte, 1));
	close(ends[0]);
	close(ends[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	send_all("several at once", 7);
	close(ends[0]);
	close(ends[1]);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
	send_all("when all are gone", 10);
	return 0;
}

int main(void)
{
	show_status("as a user", in_child(as_user));
	return tap_end();
}
