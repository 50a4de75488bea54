// SPDX-License-Identifier: MIT
//
// System V shared memory: segments made, found, attached, detached and removed; who counts as
// attached after fork, exec, exit, and a mapping cut in two; and every way to be wrong.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tests/ring3/tap.h"

#define RW    (PROT_READ | PROT_WRITE)
#define PLACE ((char *)0x500000000000)

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SHM_DEST
#define SHM_DEST   01000
#define SHM_LOCKED 02000
#endif

// musl and glibc call it differently.
#ifdef __GLIBC__
#define KEY(permissions) ((permissions).__key)
#else
#define KEY(permissions) ((permissions).__ipc_perm_key)
#endif

static key_t key; // nobody else's, it is hoped

static void show_segment(const char *what, int id)
{
	struct shmid_ds status;

	if (shmctl(id, IPC_STAT, &status)) {
		show(what, -1);
		return;
	}
	printf("# %s: mode %o, %ld bytes, %ld attached, key %s, creator %s, last %s\n", what,
	       status.shm_perm.mode, (long)status.shm_segsz, (long)status.shm_nattch,
	       KEY(status.shm_perm) ? "there" : "none", status.shm_cpid == getpid() ? "I" : "?",
	       status.shm_lpid == getpid() ? "I" : (status.shm_lpid ? "another" : "nobody"));
	fflush(stdout);
}

static void making(void)
{
	int id = shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0640), other;

	check(id >= 0, "made");
	show_segment("made", id);
	check(shmget(key, 0, 0) == id, "found");
	check(shmget(key, 10000, IPC_CREAT) == id, "found though it might have been made");
	check(shmget(key, 5000, 0640) == id, "found by its smaller part");
	show("larger", shmget(key, 10001, 0));
	show("made again", shmget(key, 10000, IPC_CREAT | IPC_EXCL));
	show("another key", shmget(key + 1, 10000, 0));
	show("no bytes", shmget(key + 1, 0, IPC_CREAT));
	show("too many", shmget(key + 1, SIZE_MAX, IPC_CREAT));
	show("far too many pages", shmget(key + 1, SIZE_MAX - (1ul << 25), IPC_CREAT));
	other = shmget(IPC_PRIVATE, 1, 0600);
	check(other >= 0 && other != id, "a private one");
	show_segment("private", other);
	show("removed", shmctl(other, IPC_RMID, NULL));
	show("gone", shmctl(other, IPC_STAT, NULL));
	show("removed again", shmctl(other, IPC_RMID, NULL));
	show("attached when gone", shmat(other, NULL, 0) == (void *)-1 ? -1 : 0);
	show("removed", shmctl(id, IPC_RMID, NULL));
	show("not found", shmget(key, 0, 0));
}

static void attaching(void)
{
	int id = shmget(key, 3 * PAGE - 5, IPC_CREAT | 0600);
	char *at, *second;

	at = shmat(id, NULL, 0);
	check(at != (char *)-1, "attached");
	show_segment("attached", id);
	check(at[0] == 0 && at[3 * PAGE - 1] == 0, "zeros to the end of the page");
	at[100] = 'a';
	second = shmat(id, PLACE, SHM_RDONLY);
	check(second == PLACE && second[100] == 'a', "at a place, to read");
	show("mprotect", mprotect(second, PAGE, RW));
	show_segment("twice", id);
	show("at a place in use", shmat(id, PLACE + PAGE, 0) == (void *)-1 ? -1 : 0);
	show("at no page", shmat(id, PLACE + PAGE * 16 + 1, 0) == (void *)-1 ? -1 : 0);
	check(shmat(id, PLACE + PAGE * 16 + 1, SHM_RND) == PLACE + PAGE * 16, "rounded");
	check(shmat(id, PLACE, SHM_REMAP) == PLACE, "over the other");
	show_segment("over the other", id);
	PLACE[100] = 'b';
	check(at[100] == 'b', "it can be written");
	show("SHM_REMAP nowhere", shmat(id, NULL, SHM_REMAP) == (void *)-1 ? -1 : 0);
	show("rounded to nothing", shmat(id, (void *)5, SHM_RND | SHM_REMAP) == (void *)-1);
	show("where nobody may map", shmat(id, (void *)-PAGE, 0) == (void *)-1 ? -1 : 0);
	show("of no segment", shmat(-1, NULL, 0) == (void *)-1 ? -1 : 0);
	show("of another", shmat(id + 1, NULL, 0) == (void *)-1 ? -1 : 0);
	show("with unknown flags", shmat(id, PLACE + PAGE * 32, 0x100) == (void *)-1 ? -1 : 0);
	show("detached", shmdt(PLACE + PAGE * 32));
	show("executable", shmat(id, PLACE + PAGE * 32, SHM_EXEC) == (void *)-1 ? -1 : 0);
	shmdt(PLACE + PAGE * 32);
	show("detached", shmdt(PLACE + PAGE * 16));
	show("detached again", shmdt(PLACE + PAGE * 16));
	show("detached at no page", shmdt(PLACE + 1));
	show("detached in the middle", shmdt(PLACE + PAGE));
	show("what is no segment", shmdt((void *)((uintptr_t)&id & ~4095ul)));
	show_segment("detached", id);
	shmdt(PLACE);
	shmdt(at);
	show_segment("all detached", id);
	at = shmat(id, NULL, 0);
	check(at[100] == 'b', "what was written is kept");
	show("removed while attached", shmctl(id, IPC_RMID, NULL));
	show_segment("removed", id);
	show("by its key", shmget(key, 0, 0));
	second = shmat(id, NULL, 0);
	check(second != (char *)-1 && second[100] == 'b', "it can still be attached");
	shmdt(second);
	show_segment("still there", id);
	shmdt(at);
	show_segment("gone", id);
}

static void in_pieces(void)
{
	int id = shmget(IPC_PRIVATE, 5 * PAGE, 0600);
	char *at = shmat(id, PLACE, 0);

	show("mprotect", mprotect(at + PAGE, PAGE, PROT_READ));
	show_segment("in three pieces", id);
	munmap(at + 3 * PAGE, PAGE);
	show_segment("with a hole", id);
	munmap(at, PAGE);
	show_segment("without its start", id);
	show("detached", shmdt(at));
	show_segment("all of it", id);
	at = shmat(id, PLACE, 0);
	mremap(at + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, PLACE + 100 * PAGE);
	show_segment("a piece moved away", id);
	show("detached", shmdt(at));
	show_segment("without that piece", id);
	munmap(PLACE + 100 * PAGE, PAGE);
	show_segment("and that", id);
	shmctl(id, IPC_RMID, NULL);
}

// Mapping anew what was removed: the last attachment goes before the new one comes, and with it
// the segment.
static void removed(void)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600);
	char *at = shmat(id, PLACE, 0);
	unsigned char there[2];

	at[PAGE] = 'b';
	show("pages exchanged", syscall(SYS_remap_file_pages, at, PAGE, 0, 1, 0));
	check(at[0] == 'b', "the second page at the first one's place");
	shmctl(id, IPC_RMID, NULL);
	show("and back, once removed", syscall(SYS_remap_file_pages, at, PAGE, 0, 0, 0));
	show_segment("in two pieces", id);
	show("over itself", shmat(id, at, SHM_REMAP) == at ? 0 : -1);
	show_segment("over itself", id);
	show("all of it anew", syscall(SYS_remap_file_pages, at, 2 * PAGE, 0, 0, 0));
	show("nothing is left there", mincore(at, 2 * PAGE, there));
	show_segment("gone", id);
	show("detached", shmdt(at));
}

static void families(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600), status, gate[2];
	char *at = shmat(id, NULL, 0), byte;

	if (pipe(gate))
		check(false, "pipe");
	if (fork() == 0) {
		close(gate[1]);
		at[0] = 'c';
		if (read(gate[0], &byte, 1) != 0)
			_exit(1);
		shmdt(at);
		_exit(at == NULL);
	}
	while (__atomic_load_n(&at[0], __ATOMIC_SEQ_CST) != 'c')
		;
	show_segment("after fork", id);
	close(gate[0]), close(gate[1]);
	wait(&status);
	show_segment("after its end", id);
	if (fork() == 0)
		raise(SIGKILL);
	wait(&status);
	show_segment("after being killed", id);
	if (fork() == 0) {
		execl("/proc/self/exe", "program", "attached", NULL);
		_exit(1);
	}
	wait(&status);
	show_segment("after exec", id);
	shmctl(id, IPC_RMID, NULL);
	if (fork() == 0)
		_exit(at[0] != 'c');
	wait(&status);
	show_status("a child has what was removed", status);
	shmdt(at);
	show_segment("gone", id);
}

static void control(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600), place, found = -1;
	struct shmid_ds status;
	struct shminfo limits;
	struct shm_info use;

	shmctl(id, IPC_STAT, &status);
	check(status.shm_atime == 0 && status.shm_dtime == 0 && status.shm_ctime > 1000000,
	      "times");
	status.shm_perm.mode = 07666;
	status.shm_perm.uid = 12;
	status.shm_perm.gid = 34;
	show("IPC_SET", shmctl(id, IPC_SET, &status));
	shmctl(id, IPC_STAT, &status);
	printf("# mode %o, of %d and %d, made by the same: %d\n", status.shm_perm.mode,
	       status.shm_perm.uid, status.shm_perm.gid, status.shm_perm.cuid == geteuid());
	show("SHM_LOCK", shmctl(id, SHM_LOCK, NULL));
	shmctl(id, IPC_STAT, &status);
	printf("# mode %o\n", status.shm_perm.mode);
	show("SHM_UNLOCK", shmctl(id, SHM_UNLOCK, NULL));
	shmdt(shmat(id, NULL, 0));
	shmctl(id, IPC_STAT, &status);
	printf("# mode %o\n", status.shm_perm.mode);
	check(status.shm_atime > 1000000 && status.shm_dtime > 1000000, "times of use");
	place = shmctl(0, IPC_INFO, (struct shmid_ds *)&limits);
	check(place >= 0, "IPC_INFO");
	place = shmctl(0, SHM_INFO, (struct shmid_ds *)&use);
	check(place >= 0 && use.used_ids >= 1 && use.shm_tot >= 1, "SHM_INFO");
	for (int i = 0; i <= place; i++)
		if (shmctl(i, SHM_STAT, &status) == id)
			found = i;
	check(found >= 0, "SHM_STAT finds it");
	check(shmctl(found, SHM_STAT_ANY, &status) == id, "SHM_STAT_ANY");
	show("SHM_STAT beyond", shmctl(40000, SHM_STAT, &status));
	show("IPC_STAT into nothing", shmctl(id, IPC_STAT, (void *)8));
	show("IPC_SET from nothing", shmctl(id, IPC_SET, (void *)8));
	show("IPC_STAT of nothing", shmctl(id + 1, IPC_STAT, &status));
	show("of a negative number", shmctl(-1, IPC_STAT, &status));
	show("a negative command", shmctl(id, -1, &status));
	show("an unknown command", shmctl(id, 77, &status));
	show("IPC_RMID", shmctl(id, IPC_RMID, NULL));
}

static int as_nobody(void)
{
	int id = shmget(key, PAGE, IPC_CREAT | 0600),
	    open = shmget(key + 1, PAGE, IPC_CREAT | 0644);
	struct shmid_ds status;
	char *at;

	if (setresuid(65534, 65534, 65534))
		return 1;
	show("found", shmget(key, 0, 0) == id ? 0 : -1);
	show("to read", shmget(key, 0, 0400));
	show("attached", shmat(id, NULL, 0) == (void *)-1 ? -1 : 0);
	show("IPC_STAT", shmctl(id, IPC_STAT, &status));
	show("IPC_RMID", shmctl(id, IPC_RMID, NULL));
	show("SHM_LOCK", shmctl(id, SHM_LOCK, NULL));
	show("to write what may be read", shmat(open, NULL, 0) == (void *)-1 ? -1 : 0);
	at = shmat(open, NULL, SHM_RDONLY);
	check(at != (void *)-1 && at[0] == 0, "to read it");
	show("IPC_STAT", shmctl(open, IPC_STAT, &status));
	show("IPC_SET", shmctl(open, IPC_SET, &status));
	return 0;
}

static void strangers(void)
{
	int status;

	fflush(stdout);
	if (fork() == 0)
		_exit(geteuid() == 0 ? as_nobody() : 2); // only root can become nobody
	wait(&status);
	show_status("nobody", status);
	show("removed", shmctl(shmget(key, 0, 0), IPC_RMID, NULL));
	show("removed", shmctl(shmget(key + 1, 0, 0), IPC_RMID, NULL));
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;
	key = 0x46000000 + (getpid() << 1);
	making();
	attaching();
	in_pieces();
	removed();
	families();
	control();
	strangers();
	return tap_end();
}
