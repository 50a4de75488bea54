// SPDX-License-Identifier: MIT
//
// How many watches of epolls a user may have. The setting is the whole machine's, so:
// kernel only
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "tests/ring3/tap.h"

#define SETTING "/proc/sys/fs/epoll/max_user_watches"

static void set(const char *value)
{
	int fd = open(SETTING, O_WRONLY);

	check(write(fd, value, strlen(value)) == (ssize_t)strlen(value), "the setting");
	close(fd);
}

// How many more fit; the error then is ENOSPC.
static int add_all(int epoll)
{
	struct epoll_event event = {.events = EPOLLIN};
	int added = 0;

	while (added < 100 && !epoll_ctl(epoll, EPOLL_CTL_ADD, eventfd(0, 0), &event))
		added++;
	check(added == 100 || errno == ENOSPC, "as many as fit");
	return added;
}

static int as_nobody(void)
{
	int epoll = epoll_create1(0), mine;

	if (setuid(65534))
		return 1;
	mine = epoll_create1(0);
	check(add_all(epoll) == 0, "root's epoll counts root's");
	check(add_all(mine) == 10, "another user has as many again");
	close(mine);
	mine = epoll_create1(0);
	check(add_all(mine) == 10, "they are given back with an epoll");
	return 0;
}

int main(void)
{
	char text[32] = "";
	int fd = open(SETTING, O_RDONLY), epoll = epoll_create1(0), other = epoll_create1(0);
	int counter = eventfd(0, 0);
	struct epoll_event event = {.events = EPOLLIN};

	check(read(fd, text, sizeof(text)) > 0 && atol(text) > 10000, "many at first");
	set("10");
	check(!epoll_ctl(other, EPOLL_CTL_ADD, counter, &event), "one in one epoll");
	check(add_all(epoll) == 9, "the others in another");
	check(epoll_ctl(other, EPOLL_CTL_ADD, counter, &event) == -1 && errno == EEXIST,
	      "what is there already is found first");
	show_status("nobody", in_child(as_nobody));
	check(!epoll_ctl(other, EPOLL_CTL_DEL, counter, &event), "one is taken out");
	check(add_all(epoll) == 1, "and another fits");
	close(epoll);
	check(add_all(other) == 10, "all are given back with the epoll");
	set(text);
	return tap_end();
}
