// SPDX-License-Identifier: MIT
#pragma once

#include <linux/poll.h>

typedef unsigned long nfds_t;

int poll(struct pollfd *fds, nfds_t count, int milliseconds);
