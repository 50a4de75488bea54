// SPDX-License-Identifier: MIT
//
// Users, groups and capabilities: which numbers a process may take, what it may still do
// afterwards, and what the next program has of it. By system calls, because the C library's
// functions do more. CAP_SYS_RESOURCE is left out of what is shown: not every root has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/ring3/tap.h"

#define ALICE           41001
#define BOB             41002
#define CAROL           41003
#define BIT(capability) (1ull << (capability))

struct sets {
	uint64_t effective, permitted, inheritable;
};

static struct sets capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	syscall(SYS_capget, &header, data);
	return (struct sets){
		data[0].effective | (uint64_t)data[1].effective << 32,
		data[0].permitted | (uint64_t)data[1].permitted << 32,
		data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static long set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		 (uint32_t)(inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data);
}

static void show_state(const char *name)
{
	const uint64_t shown = ~BIT(CAP_SYS_RESOURCE);
	uid_t r, e, s;
	gid_t gr, ge, gs;
	struct sets now = capabilities();

	getresuid(&r, &e, &s);
	getresgid(&gr, &ge, &gs);
	printf("# %s: users %u %u %u files %ld, groups %u %u %u files %ld, capabilities %llx %llx "
	       "%llx, dumpable %d\n",
	       name, r, e, s, syscall(SYS_setfsuid, -1), gr, ge, gs, syscall(SYS_setfsgid, -1),
	       (unsigned long long)(now.effective & shown),
	       (unsigned long long)(now.permitted & shown), (unsigned long long)now.inheritable,
	       prctl(PR_GET_DUMPABLE));
	fflush(stdout);
}

static void call3(const char *name, long number, long a, long b, long c)
{
	char label[80];

	snprintf(label, sizeof(label), "%s(%ld, %ld, %ld)", name, a, b, c);
	show(label, syscall(number, a, b, c));
	show_state(label);
}

#define SETUID(u)          call3("setuid", SYS_setuid, u, 0, 0)
#define SETREUID(r, e)     call3("setreuid", SYS_setreuid, r, e, 0)
#define SETRESUID(r, e, s) call3("setresuid", SYS_setresuid, r, e, s)
#define SETFSUID(u)        call3("setfsuid", SYS_setfsuid, u, 0, 0)
#define SETGID(u)          call3("setgid", SYS_setgid, u, 0, 0)
#define SETREGID(r, e)     call3("setregid", SYS_setregid, r, e, 0)
#define SETRESGID(r, e, s) call3("setresgid", SYS_setresgid, r, e, s)
#define SETFSGID(u)        call3("setfsgid", SYS_setfsgid, u, 0, 0)

static int for_good(void)
{
	SETUID(-1);
	SETGID(ALICE);
	SETUID(ALICE);
	SETUID(0);
	SETUID(ALICE);
	SETUID(BOB);
	SETGID(BOB);
	SETREUID(-1, -1);
	SETREUID(0, -1);
	SETREUID(-1, 0);
	SETRESUID(-1, -1, 0);
	SETRESUID(ALICE, ALICE, ALICE);
	SETFSUID(BOB);
	show("setgroups", syscall(SYS_setgroups, 0, 0));
	return 0;
}

static int for_a_while(void)
{
	SETRESUID(-1, ALICE, -1);
	SETUID(BOB);
	SETREUID(ALICE, -1);
	SETREUID(-1, BOB);
	SETUID(0);
	SETREUID(ALICE, BOB);
	SETREUID(BOB, ALICE);
	SETRESUID(-1, BOB, -1);
	SETRESUID(CAROL, -1, -1);
	SETREUID(ALICE, -1);
	SETRESUID(ALICE, ALICE, ALICE);
	SETRESUID(BOB, -1, -1);
	return 0;
}

static int files_only(void)
{
	SETFSUID(ALICE);
	SETFSUID(0);
	SETFSGID(ALICE);
	SETRESUID(-1, BOB, -1);
	SETFSUID(0);
	SETFSUID(CAROL);
	SETFSUID(-1);
	return 0;
}

static int of_groups(void)
{
	SETREGID(ALICE, BOB);
	SETRESUID(BOB, BOB, BOB);
	SETREGID(BOB, ALICE);
	SETREGID(-1, BOB);
	SETRESGID(ALICE, BOB, CAROL);
	SETRESGID(-1, ALICE, BOB);
	SETFSGID(BOB);
	SETFSGID(CAROL);
	SETGID(ALICE);
	SETGID(CAROL);
	return 0;
}

static int group_lists(void)
{
	gid_t list[5] = {5, 3, 4, 1, 3}, back[8] = {0};

	show("setgroups", syscall(SYS_setgroups, 5, list));
	show("how many", syscall(SYS_getgroups, 0, NULL));
	show("too little room", syscall(SYS_getgroups, 4, back));
	show("they", syscall(SYS_getgroups, 8, back));
	printf("# %u %u %u %u %u\n", back[0], back[1], back[2], back[3], back[4]);
	show("negative", syscall(SYS_getgroups, -1, back));
	show("nowhere", syscall(SYS_getgroups, 8, 8));
	show("from nowhere", syscall(SYS_setgroups, 5, 8));
	show("too many", syscall(SYS_setgroups, 65537, list));
	show("less than none", syscall(SYS_setgroups, -1, list));
	setuid(ALICE);
	show("the same as Alice", syscall(SYS_setgroups, 5, list));
	show("how many", syscall(SYS_getgroups, 0, NULL));
	return 0;
}

static int keeping(void)
{
	show("keep?", prctl(PR_GET_KEEPCAPS));
	show("keep 2", prctl(PR_SET_KEEPCAPS, 2));
	show("keep", prctl(PR_SET_KEEPCAPS, 1));
	show("secure bits", prctl(PR_GET_SECUREBITS));
	SETUID(ALICE);
	show("keep?", prctl(PR_GET_KEEPCAPS));
	show("effective again",
	     set_capabilities(BIT(CAP_SETUID), BIT(CAP_SETUID) | BIT(CAP_KILL), 0));
	show_state("with two");
	SETUID(BOB);
	show("more than permitted", set_capabilities(BIT(CAP_CHOWN), BIT(CAP_SETUID), 0));
	show("more permitted", set_capabilities(0, BIT(CAP_CHOWN), 0));
	show("more inheritable", set_capabilities(0, 0, BIT(CAP_CHOWN)));
	show("inheritable", set_capabilities(0, BIT(CAP_KILL), BIT(CAP_KILL)));
	show("raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	show("raise another", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	show("is it?", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
	show("is what?", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 64, 0, 0));
	show("what?", prctl(PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0));
	show("clear too much", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
	show_state("in the end");
	return 0;
}

static int fencing(void)
{
	show("has it", prctl(PR_CAPBSET_READ, CAP_KILL));
	show("has what", prctl(PR_CAPBSET_READ, 64));
	show("drop what", prctl(PR_CAPBSET_DROP, 64));
	show("drop", prctl(PR_CAPBSET_DROP, CAP_KILL));
	show("has it", prctl(PR_CAPBSET_READ, CAP_KILL));
	show("inherit it", set_capabilities(0, 0, BIT(CAP_KILL)));
	show("give up", set_capabilities(0, 0, 0));
	show("drop without", prctl(PR_CAPBSET_DROP, CAP_CHOWN));
	SETUID(ALICE);
	return 0;
}

static int secure_bits(void)
{
	show("no fix-up", prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	SETRESUID(ALICE, ALICE, ALICE);
	show("unknown bits", prctl(PR_SET_SECUREBITS, 1 << 20));
	show("locked",
	     prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED));
	show("unlocked", prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	show("cleared", prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP_LOCKED));
	show("another", prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NOROOT |
							 SECBIT_NO_SETUID_FIXUP_LOCKED));
	show("now", prctl(PR_GET_SECUREBITS));
	show("no new privileges?", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	show("with 0", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	show("with more", prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	show("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	show("no new privileges?", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	show("dumpable 2", prctl(PR_SET_DUMPABLE, 2));
	show("dumpable 0", prctl(PR_SET_DUMPABLE, 0));
	show("dumpable?", prctl(PR_GET_DUMPABLE));
	show("unknown", prctl(12345, 0, 0, 0, 0));
	return 0;
}

static int versions(void)
{
	struct __user_cap_header_struct header = {0, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	show("unknown version", syscall(SYS_capget, &header, data));
	printf("# version %x\n", header.version);
	header.version = 0;
	show("to ask for it", syscall(SYS_capget, &header, NULL));
	printf("# version %x\n", header.version);
	header.version = 0;
	show("to set with it", syscall(SYS_capset, &header, data));
	header.version = _LINUX_CAPABILITY_VERSION_1;
	show("the first", syscall(SYS_capget, &header, data));
	printf("# %x %x\n", data[0].effective & ~(1u << CAP_SYS_RESOURCE), data[1].effective);
	show("no data", syscall(SYS_capget, &header, NULL));
	show("no data to set", syscall(SYS_capset, &header, NULL));
	show("no header", syscall(SYS_capget, NULL, data));
	header.pid = -1;
	show("of less than none", syscall(SYS_capget, &header, data));
	show("set of less than none", syscall(SYS_capset, &header, data));
	header.pid = 4194304;
	show("of nobody", syscall(SYS_capget, &header, data));
	show("set of nobody", syscall(SYS_capset, &header, data));
	header.pid = getppid();
	show("of the parent", syscall(SYS_capget, &header, data));
	show("set of the parent", syscall(SYS_capset, &header, data));
	header.pid = getpid();
	data[0].effective = data[0].inheritable = 0;
	show("of oneself", syscall(SYS_capset, &header, data));
	return 0;
}

static void show_open(const char *path, int flags)
{
	int fd = open(path, flags);

	show(path, fd < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

// What is whose in /proc: a process that has changed users keeps what it knows from itself.
static int files_of_a_process(void)
{
	char maps[64];

	SETUID(ALICE);
	show_open("/proc/self/environ", O_RDONLY);
	show_open("/proc/self/maps", O_RDONLY);
	show_open("/proc/self/fd", O_RDONLY);
	show_open("/proc/sys/vm/overcommit_memory", O_RDONLY);
	show_open("/proc/sys/vm/overcommit_memory", O_WRONLY);
	snprintf(maps, sizeof(maps), "/proc/%d/environ", getppid());
	show("the parent's", open(maps, O_RDONLY));
	prctl(PR_SET_DUMPABLE, 1);
	show_open("/proc/self/environ", O_RDONLY);
	return 0;
}

static int exec_self(void)
{
	execl("/proc/self/exe", "credentials", "state", NULL);
	return 1;
}

static int next_program(void)
{
	setresuid(ALICE, 0, 0);
	return exec_self();
}

static int next_program_of_alice(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	setuid(ALICE);
	set_capabilities(BIT(CAP_KILL), BIT(CAP_KILL) | BIT(CAP_CHOWN), BIT(CAP_KILL));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
	return exec_self();
}

static int next_program_without_root(void)
{
	prctl(PR_SET_SECUREBITS, SECBIT_NOROOT);
	return exec_self();
}

static int next_program_fenced(void)
{
	for (int i = 0; i < 64; i++)
		if (i != CAP_CHOWN && i != CAP_SETUID)
			prctl(PR_CAPBSET_DROP, i);
	set_capabilities(0, 0, 0);
	return exec_self();
}

static int next_program_saved(void)
{
	setresgid(ALICE, BOB, CAROL);
	setresuid(-1, ALICE, 0);
	return exec_self();
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		show_state("the next program");
		show("secure", (long)getauxval(AT_SECURE));
		show("its user", (long)getauxval(AT_EUID));
		show("keep?", prctl(PR_GET_KEEPCAPS));
		return 0;
	}
	(void)argv;
	// In the kernel the first program leads its groups; on Linux it may have others.
	setgroups(0, NULL);
	show_status("setuid for good", in_child(for_good));
	show_status("for a while", in_child(for_a_while));
	show_status("for files only", in_child(files_only));
	show_status("groups", in_child(of_groups));
	show_status("lists of groups", in_child(group_lists));
	show_status("kept capabilities", in_child(keeping));
	show_status("the bounding set", in_child(fencing));
	show_status("secure bits", in_child(secure_bits));
	show_status("versions", in_child(versions));
	show_status("files", in_child(files_of_a_process));
	show_status("exec as root for Alice", in_child(next_program));
	show_status("exec as Alice", in_child(next_program_of_alice));
	show_status("exec without root's rules", in_child(next_program_without_root));
	show_status("exec with a bounding set", in_child(next_program_fenced));
	show_status("exec and saved numbers", in_child(next_program_saved));
	return tap_end();
}
