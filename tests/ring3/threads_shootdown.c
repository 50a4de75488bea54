// SPDX-License-Identifier: MIT
//
// Translations that a CPU keeps. Each place where the kernel takes one away or makes it less is
// gone to twice: with the thread that makes the change looking itself, and with one on another CPU
// that does nothing but look, so that no entry is evicted by other accesses between its last look
// and the change. docs/testing.md has the table of what each would find.
// run: --cpus 2

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include "tests/ring3/tap.h"

#define ROUNDS 3
#define RW     (PROT_READ | PROT_WRITE)
#define TABLE  (512 * PAGE) // what one lowest page table spans
#define LARGE  (8 * TABLE)

// What a look finds.
enum { ZERO, OLD = 1000, NEW, GONE };

static char *base;              // of what is mapped
static volatile uint32_t *page; // what is looked at
static int file;                // of two pages: OLD and NEW
static int words[2];            // a pipe

// ---- looking ----
enum look { READ, WRITE, EXECUTE };

// Shared memory, which fork leaves alone: else it would be stale itself.
static struct request {
	uint64_t turn; // even: the main thread's, odd: the other's; atomic
	enum look kind;
	volatile uint32_t *at;
	unsigned seen;
	bool over;           // atomic
	unsigned long asked; // how often asker() has gone round; atomic
	unsigned wrong;      // asker()'s own
} * request;

static __thread sigjmp_buf out;

static void caught(int signal)
{
	(void)signal;
	siglongjmp(out, 1);
}

static unsigned look_at(volatile uint32_t *at, enum look kind)
{
	if (sigsetjmp(out, 1))
		return GONE;
	if (kind == READ)
		return *at;
	if (kind == EXECUTE)
		return ((unsigned (*)(void))(uintptr_t)at)();
	++*at;
	return NEW;
}

static unsigned look(enum look kind)
{
	return look_at(page, kind);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	// A machine of one CPU takes turns instead, and proves nothing.
	if (sched_setaffinity(0, sizeof(set), &set))
		sched_getaffinity(0, sizeof(set), &set);
}

static void wait_turn(const struct request *asked, uint64_t odd)
{
	while ((__atomic_load_n(&asked->turn, __ATOMIC_ACQUIRE) & 1) != odd)
		__builtin_ia32_pause();
}

static void pass(struct request *asked)
{
	__atomic_add_fetch(&asked->turn, 1, __ATOMIC_RELEASE);
}

static void *looker(void *argument)
{
	struct request *asked = argument;

	pin(1);
	for (;;) {
		wait_turn(asked, 1);
		if (asked->over)
			return NULL;
		asked->seen = look_at(asked->at, asked->kind);
		pass(asked);
	}
}

static unsigned others_look(enum look kind)
{
	request->kind = kind;
	request->at = page;
	pass(request);
	wait_turn(request, 0);
	return request->seen;
}

// ---- what is mapped before ----
static void *map(void *at, size_t size, int prot, int flags, int fd)
{
	return mmap(at, size, prot, MAP_FIXED | flags, fd, 0);
}

static void map_pages(int pages)
{
	map(base, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (int i = 0; i < pages; i++)
		*(uint32_t *)(base + i * PAGE) = OLD;
	page = (uint32_t *)(base + (pages - 1) * PAGE);
}

static void one(void)
{
	map_pages(1);
}

static void eight(void)
{
	map_pages(8);
}

static void whole_table(void)
{
	map(base, TABLE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	page = (uint32_t *)base;
	*page = OLD;
}

// More than are forgotten one by one.
static void many(void)
{
	map_pages(64);
}

static void zeros(void)
{
	one();
	madvise(base, PAGE, MADV_DONTNEED);
}

// mov $OLD, %eax; ret
static void code(void)
{
	static const uint8_t instructions[] = {0xb8, OLD & 0xff, OLD >> 8, 0, 0, 0xc3};

	one();
	memcpy(base, instructions, sizeof(instructions));
	mprotect(base, PAGE, PROT_READ | PROT_EXEC);
}

static void fill_file(void)
{
	static const uint32_t values[] = {OLD, NEW};

	for (int i = 0; i < 2; i++)
		if (pwrite(file, &values[i], sizeof(values[i]), i * PAGE) < 0)
			_exit(98);
	page = (uint32_t *)base;
}

static void shared_file(void)
{
	fill_file();
	map(base, PAGE, RW, MAP_SHARED, file);
}

static void private_file(void)
{
	fill_file();
	map(base, PAGE, RW, MAP_PRIVATE, file);
}

// Copied: the file's own page is zeros.
static void private_copy(void)
{
	static const uint32_t zero = 0;

	private_file();
	*page = OLD;
	if (pwrite(file, &zero, sizeof(zero), 0) < 0)
		_exit(98);
}

static void heap(void)
{
	uintptr_t start = syscall(SYS_brk, 0);

	syscall(SYS_brk, start + 2 * PAGE);
	page = (uint32_t *)((start + PAGE - 1) & -PAGE);
	*page = OLD;
}

static void segment(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600);

	munmap(base, PAGE);
	page = shmat(id, base, 0);
	shmctl(id, IPC_RMID, NULL);
	*page = OLD;
}

static pid_t child;
static int go[2], told[2]; // pipes
static uint32_t at_fork;   // what was written before

// On a stack of its own: what its parent still writes where fork should have made it read-only is
// to show in the page alone.
static _Alignas(PAGE) char child_stack[4 * PAGE];

static int wait_and_tell(void *unused)
{
	uint32_t value;

	(void)unused;
	close(go[1]);
	if (read(go[0], &value, 1) < 0)
		_exit(1);
	value = *page;
	_exit(write(told[1], &value, sizeof(value)) != sizeof(value));
}

static void fork_one(void)
{
	at_fork = *page;
	if (pipe(go) || pipe(told))
		_exit(99);
	child = clone(wait_and_tell, child_stack + sizeof(child_stack), SIGCHLD, NULL);
	close(go[0]);
	close(told[1]);
}

static void held_by_child(void)
{
	one();
	fork_one();
}

// ---- the changes ----
static void unmap(void)
{
	munmap(base, (char *)page - base + PAGE);
}

static void replace(void)
{
	map(base, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void shrink_heap(void)
{
	syscall(SYS_brk, syscall(SYS_brk, 0) - 2 * PAGE);
}

static void detach(void)
{
	shmdt(base);
}

static void forbid_writing(void)
{
	mprotect(base, (char *)page - base + PAGE, PROT_READ);
}

static void forbid_all(void)
{
	mprotect(base, (char *)page - base + PAGE, PROT_NONE);
}

static void move(void)
{
	mremap(base, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + TABLE + PAGE);
}

static void move_table(void)
{
	mremap(base, TABLE, TABLE, MREMAP_MAYMOVE | MREMAP_FIXED, base + TABLE);
}

static void move_pages_only(void)
{
	mremap(base, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	       base + TABLE + PAGE);
}

static void shrink(void)
{
	mremap(base, 8 * PAGE, PAGE, 0);
}

static void drop(void)
{
	madvise(base, (char *)page - base + PAGE, MADV_DONTNEED);
}

static void remove_pages(void)
{
	madvise(base, PAGE, MADV_REMOVE);
}

static void truncate_file(void)
{
	if (ftruncate(file, 0))
		_exit(98);
}

static void punch(void)
{
	fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE);
}

static void map_second(void)
{
	syscall(SYS_remap_file_pages, base, PAGE, 0, 1, 0);
}

// The kernel writes, which is no access of the program's own.
static void write_by_kernel(void)
{
	static const uint32_t value = NEW;

	if (write(words[1], &value, sizeof(value)) < 0 || read(words[0], base, sizeof(value)) < 0)
		_exit(98);
}

static void clear_refs(const char *which)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (write(fd, which, 1) != 1)
		_exit(98);
	close(fd);
}

static void clear_referenced(void)
{
	clear_refs("1");
}

static void clear_soft_dirty(void)
{
	clear_refs("4");
}

// ---- what is true afterwards ----
static bool is_moved(void)
{
	return *(uint32_t *)(base + TABLE + PAGE) == OLD;
}

static bool is_moved_with_table(void)
{
	return *(uint32_t *)(base + TABLE) == OLD;
}

// The child keeps the old frame.
static bool child_sees_old(void)
{
	uint32_t value = 0;

	close(go[1]);
	if (read(told[0], &value, sizeof(value)) < 0)
		value = 0;
	close(told[0]);
	waitpid(child, NULL, 0);
	return value == at_fork;
}

static bool is_soft_dirty(void)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)page / PAGE * sizeof(entry)) < 0)
		entry = 0;
	close(fd);
	return entry >> 55 & 1;
}

// Many a Linux is built without.
static bool has_soft_dirty;

static bool is_told_written(void)
{
	return !has_soft_dirty || is_soft_dirty();
}

// Linux does not flush for it: there the processor may not tell again.
static bool is_linux(void)
{
	struct utsname name;

	return uname(&name) == 0 && !strstr(name.release, "faultline");
}

static bool is_referenced(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	bool inside = false, found = false;
	unsigned long start, end, size;
	char line[512];

	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)page && (uintptr_t)page < end;
		else if (inside && sscanf(line, "Referenced: %lu", &size) == 1)
			found |= size != 0;
	}
	fclose(smaps);
	return found || is_linux();
}

static const struct place {
	const char *name;
	void (*prepare)(void);
	enum look look;
	unsigned before;
	void (*change)(void);
	unsigned after;
	bool (*holds)(void); // something that is to hold afterwards, or NULL
} places[] = {
	{"munmap", one, READ, OLD, unmap, GONE, NULL},
	{"munmap of 8 pages", eight, READ, OLD, unmap, GONE, NULL},
	{"munmap of 64 pages", many, READ, OLD, unmap, GONE, NULL},
	{"MAP_FIXED", one, READ, OLD, replace, ZERO, NULL},
	{"brk", heap, READ, OLD, shrink_heap, GONE, NULL},
	{"shmdt", segment, READ, OLD, detach, GONE, NULL},
	{"mprotect: no writing", one, WRITE, NEW, forbid_writing, GONE, NULL},
	{"mprotect: no executing", code, EXECUTE, OLD, forbid_writing, GONE, NULL},
	{"mprotect: nothing", one, READ, OLD, forbid_all, GONE, NULL},
	{"mprotect of 64 pages", many, WRITE, NEW, forbid_writing, GONE, NULL},
	{"mremap moves", one, READ, OLD, move, GONE, is_moved},
	{"mremap moves a table", whole_table, READ, OLD, move_table, GONE, is_moved_with_table},
	{"MREMAP_DONTUNMAP", one, READ, OLD, move_pages_only, ZERO, is_moved},
	{"mremap shrinks", eight, READ, OLD, shrink, GONE, NULL},
	{"MADV_DONTNEED", one, READ, OLD, drop, ZERO, NULL},
	{"MADV_DONTNEED of 64 pages", many, READ, OLD, drop, ZERO, NULL},
	{"MADV_DONTNEED of a copy", private_copy, READ, OLD, drop, ZERO, NULL},
	{"MADV_REMOVE", shared_file, READ, OLD, remove_pages, ZERO, NULL},
	{"ftruncate", shared_file, READ, OLD, truncate_file, GONE, NULL},
	{"ftruncate: a copy", private_copy, READ, OLD, truncate_file, GONE, NULL},
	{"fallocate: a hole", shared_file, READ, OLD, punch, ZERO, NULL},
	{"remap_file_pages", shared_file, READ, OLD, map_second, NEW, NULL},
	{"copy of a forked page", held_by_child, READ, OLD, write_by_kernel, NEW, child_sees_old},
	{"copy of a file's page", private_file, READ, OLD, write_by_kernel, NEW, NULL},
	{"the frame of zeros", zeros, READ, ZERO, write_by_kernel, NEW, NULL},
	{"fork", one, WRITE, NEW, fork_one, NEW, child_sees_old},
	{"clear_refs: written", one, WRITE, NEW, clear_soft_dirty, NEW, is_told_written},
	{"clear_refs: referenced", one, READ, OLD, clear_referenced, OLD, is_referenced},
};

// Nothing but a page that keeps the table: where that becomes empty it is flushed as well.
static void clear_area(void)
{
	map(base, 2 * TABLE + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	*(char *)map(base + TABLE / 2, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1) = 1;
}

static void go_to(const struct place *place, unsigned (*look_from)(enum look), const char *who)
{
	unsigned wrong = 0;
	char name[80];

	for (int round = 0; round < ROUNDS; round++) {
		clear_area();
		place->prepare();
		wrong += look_from(place->look) != place->before;
		place->change();
		wrong += look_from(place->look) != place->after;
		wrong += place->holds && !place->holds();
	}
	snprintf(name, sizeof(name), "%s, seen by %s", place->name, who);
	check(!wrong, name);
}

// ---- who waits for the lock ----
// Most of its time it does, while whoever changes the page table holds it.
static void *asker(void *own)
{
	pin(1);
	while (!__atomic_load_n(&request->over, __ATOMIC_ACQUIRE)) {
		unsigned char resident;
		unsigned found;
		uint64_t before;

		mincore(own, PAGE, &resident);
		before = __atomic_load_n(&request->turn, __ATOMIC_ACQUIRE);
		found = look(WRITE);
		if (before & 1 && before == __atomic_load_n(&request->turn, __ATOMIC_ACQUIRE))
			request->wrong += found != GONE;
		__atomic_add_fetch(&request->asked, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

// At least once from beginning to end.
static void let_it_ask(void)
{
	unsigned long now = __atomic_load_n(&request->asked, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&request->asked, __ATOMIC_ACQUIRE) < now + 2)
		__builtin_ia32_pause();
}

// The change takes long enough for the other CPU to rest until the lock is free.
static void waited_for(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *own = mmap(NULL, PAGE, RW, flags, -1, 0);
	char *all = mmap(NULL, LARGE, RW, flags | MAP_POPULATE, -1, 0);
	pthread_t thread;

	page = (uint32_t *)(all + LARGE - PAGE);
	memset(request, 0, sizeof(*request));
	if (pthread_create(&thread, NULL, asker, own))
		_exit(98);
	for (unsigned i = 0; i < 20 * ROUNDS; i++) {
		mprotect(all, LARGE, PROT_READ);
		pass(request);
		let_it_ask();
		pass(request);
		mprotect(all, LARGE, RW);
		let_it_ask();
	}
	__atomic_store_n(&request->over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	check(!request->wrong, "who waits for the lock meanwhile uses nothing old afterwards");
}

int main(void)
{
	struct sigaction action = {.sa_handler = caught};
	char *area = mmap(NULL, 4 * TABLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	pin(0);
	base = (char *)(((uintptr_t)area + TABLE - 1) & -TABLE);
	file = memfd_create("pages", 0);
	request = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pipe(words) || pthread_create(&thread, NULL, looker, request))
		return 1;
	clear_area();
	one();
	has_soft_dirty = is_soft_dirty();
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		go_to(&places[i], look, "who makes it");
		go_to(&places[i], others_look, "another CPU");
	}
	request->over = true;
	pass(request);
	pthread_join(thread, NULL);
	waited_for();
	return tap_end();
}
