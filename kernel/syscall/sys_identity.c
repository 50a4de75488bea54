// SPDX-License-Identifier: MIT
//
// Who a process is: numbers, groups, sessions. Users are in sys_credentials.c.
#include "kernel/process/process.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls.h"

long sys_getpid(void)
{
	return current_process()->pid;
}

long sys_getppid(void)
{
	return process_parent_pid(current_process());
}

long sys_gettid(void)
{
	return current_task()->tid;
}

long sys_getpgrp(void)
{
	return current_process()->group;
}

long sys_getpgid(int pid)
{
	return process_group(pid);
}

long sys_setpgid(int pid, int group)
{
	return process_set_group(pid, group);
}

long sys_getsid(int pid)
{
	return process_session(pid);
}

long sys_setsid(void)
{
	return process_new_session();
}
