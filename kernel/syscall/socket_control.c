// SPDX-License-Identifier: MIT
//
// Control messages of sockets: see socket_control.h.
#include "kernel/syscall/socket_control.h"

#include "kernel/file/inode.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "kernel/syscall/file_arguments.h"
#include "lib/mutant.h"
#include "mm/slab.h"
#include <asm/socket.h>
#include <linux/errno.h>
#include <linux/stat.h>

#define CONTROL_MAX 20480 // bytes: /proc/sys/net/core/optmem_max
#define RIGHTS      1     // SCM_RIGHTS

// struct cmsghdr, which Linux's headers do not have; what it says begins right behind it.
struct control_header {
	size_t size; // this included
	int level, type;
};

static size_t align(size_t size)
{
	return (size + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
}

// One that only stands for a socket (O_PATH) keeps it as well: a chain of those, let go at one
// end, would end in one call within the other.
static bool keeps_socket(const struct file *file)
{
	return file_is_socket(file) || (file->inode && inode_is(file->inode, S_IFSOCK));
}

// Adds the files of one message's descriptors. 0 or -errno.
static long add_files(const struct control_header *header, struct passed_files **files)
{
	const int *descriptors = (const int *)(header + 1);
	const size_t count = (header->size - sizeof(*header)) / sizeof(int);

	if (!count)
		return 0;
	if (count > PASSED_MAX)
		return -EINVAL;
	if (!*files)
		*files = passed_files_alloc(PASSED_MAX);
	if (!*files)
		return -ENOMEM;
	if ((*files)->count + count > PASSED_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		struct file *file = file_get_descriptor(descriptors[i]);

		if (!file)
			return -EBADF;
		(*files)->file[(*files)->count++] = file;
		if (keeps_socket(file) && !MUTANT(kept_sockets_passed))
			return -ETOOMANYREFS;
	}
	return 0;
}

static long read_all(const char *bytes, size_t size, struct passed_files **files)
{
	long result = 0;

	for (size_t at = 0; !result && size - at >= sizeof(struct control_header);) {
		const struct control_header *header = (const void *)(bytes + at);

		if (header->size < sizeof(*header) || header->size > size - at)
			return -EINVAL;
		if (header->level == SOL_SOCKET)
			result = header->type == RIGHTS ? add_files(header, files) : -EINVAL;
		if (align(header->size) >= size - at)
			break;
		at += align(header->size);
	}
	return result;
}

long control_read(const struct user_message *message, struct passed_files **files)
{
	const size_t size = message->control_size;
	char *bytes;
	long result = -EFAULT;

	*files = NULL;
	if (!message->control || !size)
		return 0;
	if (size > CONTROL_MAX)
		return -ENOBUFS;
	bytes = kmalloc(size);
	if (!bytes)
		return -ENOBUFS;
	if (!copy_from_user(bytes, message->control, size))
		result = read_all(bytes, size, files);
	kfree(bytes);
	if (result) {
		passed_files_free(*files);
		*files = NULL;
	}
	return result;
}

// How many descriptors it came to.
static unsigned install(uintptr_t to, unsigned most, bool close_on_exec,
			struct passed_files *files)
{
	unsigned done;

	for (done = 0; done < most && done < files->count; done++) {
		int descriptor = files_install(current_task()->files, file_get(files->file[done]),
					       0, descriptor_limit(), close_on_exec);

		if (descriptor < 0) {
			file_put(files->file[done]);
			break;
		}
		if (copy_to_user(to + done * sizeof(int), &descriptor, sizeof(descriptor))) {
			(void)files_close(current_task()->files, (unsigned)descriptor);
			break;
		}
	}
	return done;
}

void control_write(struct user_message *message, size_t room, bool close_on_exec,
		   struct passed_files *files)
{
	struct control_header header = {.level = SOL_SOCKET, .type = RIGHTS};
	unsigned most = 0, done = 0;

	if (message->control && room > sizeof(header))
		most = (unsigned)((room - sizeof(header)) / sizeof(int));
	if (most)
		done = install(message->control + sizeof(header), most, close_on_exec, files);
	if (done) {
		header.size = sizeof(header) + done * sizeof(int);
		if (!copy_to_user(message->control, &header, sizeof(header)))
			message->control_size =
				align(header.size) < room ? align(header.size) : room;
	}
	if (done < files->count)
		message->flags |= MESSAGE_CONTROL_CUT;
	passed_files_free(files);
}
