// SPDX-License-Identifier: MIT
//
// What sendmsg and recvmsg take beside bytes: control messages, of which there is one kind, open
// files (SCM_RIGHTS).
#pragma once

#include "kernel/file/socket.h"

// struct msghdr, which Linux's headers do not have.
struct user_message {
	uintptr_t name;
	int name_size;
	uintptr_t pieces;
	size_t piece_count;
	uintptr_t control;
	size_t control_size;
	unsigned flags;
};

// The files that the message is to pass, for passed_files_free; NULL: none. 0 or -errno.
long control_read(const struct user_message *message, struct passed_files **files);

// Gives the running process descriptors for the files, as many as there is `room` for in the
// message's control bytes, and frees them; changes the message's flags and size of control bytes.
void control_write(struct user_message *message, size_t room, bool close_on_exec,
		   struct passed_files *files);
