// SPDX-License-Identifier: MIT
//
// Several CPUs and the same files: descriptors that one thread uses while others close, copy and
// replace them; one pipe with several readers and writers; the working directory, /proc of
// processes that end. What comes back is known, or one of a few answers.
// run: --cpus 2

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include "tests/ring3/tap.h"

#define ROUNDS 1500

// ---- one descriptor, used and taken away ----
static volatile int stop;
static int contested;

// Reads, where it is open at that moment, the first bytes of a file whose beginning is known.
static void *use_descriptor(void *wrong)
{
	char bytes[4];

	while (!stop) {
		ssize_t count = pread(contested, bytes, sizeof(bytes), 0);

		if (count < 0 ? errno != EBADF : memcmp(bytes, "\177ELF", 4) != 0)
			++*(long *)wrong;
	}
	return NULL;
}

static void *copy_descriptor(void *wrong)
{
	while (!stop) {
		int copy = fcntl(contested, F_DUPFD, 1000);

		if (copy < 0 ? errno != EBADF : close(copy) != 0)
			++*(long *)wrong;
	}
	return NULL;
}

static void descriptors(void)
{
	pthread_t threads[3];
	long wrong[3] = {0};
	int fixed = open("/proc/self/exe", O_RDONLY);

	contested = dup(fixed);
	stop = 0;
	pthread_create(&threads[0], NULL, use_descriptor, &wrong[0]);
	pthread_create(&threads[1], NULL, copy_descriptor, &wrong[1]);
	pthread_create(&threads[2], NULL, use_descriptor, &wrong[2]);
	for (int i = 0; i < ROUNDS; i++) {
		close(contested);
		dup2(fixed, contested);
		dup2(fixed, contested); // in the place of an open one
		if (i % 500 == 0) {     // the table grows under their feet
			int far = fcntl(fixed, F_DUPFD, 20 + i / 8);

			close(far);
		}
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	check(wrong[0] + wrong[1] + wrong[2] == 0, "a descriptor that comes and goes");
	close(contested);
	close(fixed);
}

// ---- one pipe ----
#define WRITERS  3
#define READERS  3
#define MESSAGES 1000

struct message {
	int writer, number;
	char filling[56];
};

static int ends[2];

static void *write_messages(void *writer)
{
	struct message message = {.writer = (int)(long)writer};

	memset(message.filling, (int)(long)writer + 'a', sizeof(message.filling));
	for (message.number = 0; message.number < MESSAGES; message.number++)
		if (write(ends[1], &message, sizeof(message)) != sizeof(message))
			return (void *)1;
	return NULL;
}

struct reader {
	long count, sum, broken;
};

// Messages stay whole, and those of one writer come in their order to each reader.
static void *read_messages(void *argument)
{
	struct reader *reader = argument;
	int last[WRITERS] = {-1, -1, -1};
	struct message message;

	while (read(ends[0], &message, sizeof(message)) == sizeof(message)) {
		reader->count++;
		reader->sum += message.number;
		if (message.writer >= WRITERS || message.number <= last[message.writer] ||
		    message.filling[0] != message.writer + 'a' ||
		    message.filling[55] != message.writer + 'a')
			reader->broken++;
		else
			last[message.writer] = message.number;
	}
	return NULL;
}

static void one_pipe(void)
{
	pthread_t writers[WRITERS], readers[READERS];
	struct reader found[READERS] = {0}, all = {0};

	if (pipe(ends) < 0)
		exit(1);
	for (long i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_messages, &found[i]);
	for (long i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, write_messages, (void *)i);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	close(ends[1]);
	for (int i = 0; i < READERS; i++) {
		pthread_join(readers[i], NULL);
		all.count += found[i].count;
		all.sum += found[i].sum;
		all.broken += found[i].broken;
	}
	close(ends[0]);
	show("messages that arrived", all.count);
	show("sum of their numbers", all.sum);
	show("broken ones", all.broken);
}

// ---- the working directory ----
static void *change_directory(void *unused)
{
	while (!stop)
		if (chdir("/proc") || chdir("/"))
			return (void *)1;
	return unused;
}

static void directory(void)
{
	char path[64];
	pthread_t thread;
	void *failed;
	long wrong = chdir("/");

	stop = 0;
	pthread_create(&thread, NULL, change_directory, NULL);
	for (int i = 0; i < ROUNDS / 2; i++) {
		if (!getcwd(path, sizeof(path)) || (strcmp(path, "/") && strcmp(path, "/proc")))
			wrong++;
	}
	stop = 1;
	pthread_join(thread, &failed);
	check(wrong == 0 && !failed, "a working directory that changes");
}

// ---- /proc of processes that end ----
static const char *const names[] = {"stat", "status", "maps", "cmdline", "environ", "statm"};

static void read_all(pid_t pid)
{
	char path[64], bytes[512];
	DIR *list;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int file;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		file = open(path, O_RDONLY);
		while (file >= 0 && read(file, bytes, sizeof(bytes)) > 0)
			;
		close(file);
	}
	snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	(void)!readlink(path, bytes, sizeof(bytes));
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	list = opendir(path);
	for (struct dirent *entry; list && (entry = readdir(list));)
		(void)!readlinkat(dirfd(list), entry->d_name, bytes, sizeof(bytes));
	if (list)
		closedir(list);
}

static void *read_child(void *child)
{
	while (!stop) {
		pid_t pid = __atomic_load_n((pid_t *)child, __ATOMIC_RELAXED);

		if (pid)
			read_all(pid);
	}
	return NULL;
}

static void watched_processes(void)
{
	pthread_t thread;
	pid_t child = 0, next;
	int status, sum = 0;

	stop = 0;
	pthread_create(&thread, NULL, read_child, &child);
	for (int i = 0; i < 200; i++) {
		next = fork();
		if (next == 0) {
			close(open("/", O_RDONLY));
			_exit(i % 3);
		}
		__atomic_store_n(&child, next, __ATOMIC_RELAXED);
		waitpid(next, &status, 0);
		sum += WEXITSTATUS(status);
	}
	stop = 1;
	pthread_join(thread, NULL);
	show("statuses of processes that are watched", sum);
}

int main(void)
{
	alarm(100); // better an end than a hang
	descriptors();
	one_pipe();
	directory();
	watched_processes();
	return tap_end();
}
