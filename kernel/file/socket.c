// SPDX-License-Identifier: MIT
//
// Pairs of sockets, with the results of Linux's AF_UNIX. Left out: names, so that nothing can be
// connected or bound; credentials in messages; passing sockets through sockets.
//
// Locks: the pair's `lock` guards both ends' queues and what stands at the fields; sleepers and
// poll read them without, and look again. An end's `reader` (may sleep) lets one receiver at a
// time at its queue; it is held over copies to ring 3, and not over waiting.
#include "kernel/file/socket.h"

#include "kernel/file/device.h"
#include "kernel/file/poll.h"
#include "kernel/file/socket_internal.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/process.h"
#include "kernel/process/sleep_lock.h"
#include "kernel/process/task.h"
#include "kernel/process/wait.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/slab.h"
#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/stat.h>

static uint64_t last_number;

// ---- the operations of the file ----
static long socket_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct received received;
	long result;

	(void)offset;
	if (!io->left)
		return 0;
	result = socket_receive(file, io, 0, &received);
	passed_files_free(received.files); // nobody has asked for them
	return result;
}

static long socket_write(struct file *file, struct io *io, uint64_t *offset)
{
	(void)offset;
	return socket_send(file, io, 0, NULL);
}

static unsigned socket_poll(struct file *file, struct poll_table *table)
{
	struct end *end = file->data;
	unsigned events = 0, now;

	poll_wait(table, &end->changed);
	now = shut(end);
	if (__atomic_load_n(&end->error, __ATOMIC_ACQUIRE))
		events |= POLLERR;
	if (now == SHUT_BOTH)
		events |= POLLHUP;
	if (now & SHUT_RECEIVE)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (!list_empty(&end->queue))
		events |= POLLIN | POLLRDNORM;
	if (__atomic_load_n(&end->charged, __ATOMIC_ACQUIRE) * 4 <= SOCKET_BUFFER)
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return events;
}

static long socket_ioctl(struct file *file, unsigned command, uintptr_t argument)
{
	struct end *end = file->data;
	int amount;

	spin_lock(&end->pair->lock);
	amount = (int)(command == FIONREAD ? end->queued : end->charged);
	if (command == FIONREAD && end->pair->type == SOCKET_DATAGRAM && !list_empty(&end->queue))
		amount = (int)list_first_entry(&end->queue, struct message, link)->size;
	spin_unlock(&end->pair->lock);
	if (command != FIONREAD && command != TIOCOUTQ)
		return -ENOTTY;
	return copy_to_user(argument, &amount, sizeof(amount));
}

static void socket_stat(struct file *file, struct stat *status)
{
	struct end *end = file->data;

	memset(status, 0, sizeof(*status));
	status->st_dev = SOCKET_DEVICE;
	status->st_ino = end->pair->number + (end != end->pair->ends);
	status->st_nlink = 1;
	status->st_mode = S_IFSOCK | 0777;
	status->st_blksize = PAGE_SIZE;
}

// Who is left learns of it; what was not read is lost, which a stream's sender is told.
static void close_end(struct end *end, struct list *unread)
{
	struct end *other = other_end(end);

	spin_lock(&end->pair->lock);
	end->gone = true;
	__atomic_store_n(&end->shut, SHUT_BOTH, __ATOMIC_RELEASE);
	if (end->pair->type != SOCKET_DATAGRAM) {
		__atomic_store_n(&other->shut, SHUT_BOTH, __ATOMIC_RELEASE);
		if (!list_empty(&end->queue))
			__atomic_store_n(&other->error, ECONNRESET, __ATOMIC_RELEASE);
	}
	other->charged = 0;
	list_splice_tail(unread, &end->queue);
	spin_unlock(&end->pair->lock);
	wake_all(&other->changed);
}

static void socket_release(struct file *file)
{
	struct end *end = file->data;
	struct pair *pair = end->pair;
	struct message *message, *next;
	struct list unread = LIST_INIT(unread);

	close_end(end, &unread);
	list_for_each_entry_safe (message, next, &unread, link)
		message_free(message);
	if (!__atomic_sub_fetch(&pair->references, 1, __ATOMIC_ACQ_REL))
		kfree(pair);
}

static const struct file_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.ioctl = socket_ioctl,
	.poll = socket_poll,
	.stat = socket_stat,
	.release = socket_release,
};

bool file_is_socket(const struct file *file)
{
	return file->ops == &socket_ops;
}

enum socket_type socket_type_of(const struct file *file)
{
	return ((struct end *)file->data)->pair->type;
}

int socket_take_error(struct file *file)
{
	return -take_error(file->data);
}

struct socket_owner socket_owner_of(const struct file *file)
{
	return ((struct end *)file->data)->pair->owner;
}

void socket_shutdown(struct file *file, int how)
{
	struct end *end = file->data, *other = other_end(end);
	const unsigned mine = (unsigned)how + 1;
	const unsigned others =
		(mine & SHUT_RECEIVE ? SHUT_SEND : 0u) | (mine & SHUT_SEND ? SHUT_RECEIVE : 0u);

	spin_lock(&end->pair->lock);
	__atomic_store_n(&end->shut, end->shut | mine, __ATOMIC_RELEASE);
	if (end->pair->type != SOCKET_DATAGRAM)
		__atomic_store_n(&other->shut, other->shut | others, __ATOMIC_RELEASE);
	spin_unlock(&end->pair->lock);
	wake_all(&end->changed);
	wake_all(&other->changed);
}

// ---- making them ----
static struct pair *pair_create(enum socket_type type)
{
	const struct credentials *mine = current_credentials();
	struct pair *pair = kzalloc(sizeof(*pair));

	if (!pair)
		return NULL;
	pair->type = type == SOCKET_RAW ? SOCKET_DATAGRAM : type;
	pair->references = 2;
	pair->number = __atomic_fetch_add(&last_number, 2, __ATOMIC_RELAXED) + 1;
	pair->owner = (struct socket_owner){current_process()->pid, mine->users.effective,
					    mine->groups.effective};
	for (int i = 0; i < 2; i++) {
		pair->ends[i].pair = pair;
		list_init(&pair->ends[i].queue);
		wait_queue_init(&pair->ends[i].changed);
		sleep_lock_init(&pair->ends[i].reader);
	}
	return pair;
}

int socket_pair(enum socket_type type, unsigned flags, struct file **a, struct file **b)
{
	struct pair *pair = pair_create(type);

	if (!pair)
		return -ENOMEM;
	*a = file_create(&socket_ops, NULL, O_RDWR | flags);
	if (!*a) {
		kfree(pair);
		return -ENOMEM;
	}
	(*a)->data = &pair->ends[0];
	*b = file_create(&socket_ops, NULL, O_RDWR | flags);
	if (*b) {
		(*b)->data = &pair->ends[1];
		return 0;
	}
	pair->references = 1;
	file_put(*a);
	return -ENOMEM;
}
