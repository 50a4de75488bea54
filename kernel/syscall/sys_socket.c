// SPDX-License-Identifier: MIT
//
// System calls on sockets, of which there are pairs without names only (kernel/file/socket.c).
#include "kernel/file/inode.h"
#include "kernel/file/io.h"
#include "kernel/file/socket.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "kernel/syscall/calls_file.h"
#include "kernel/syscall/file_arguments.h"
#include "kernel/syscall/socket_control.h"
#include "mm/slab.h"
#include <asm/socket.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/un.h>

#define FAMILIES  46  // AF_MAX
#define TYPES     11  // SOCK_MAX
#define TYPE_MASK 0xf // of a type with flags

// The socket of a descriptor, with a reference: 0, -EBADF or -ENOTSOCK.
static int get_socket(int descriptor, struct file **file)
{
	*file = get_open_file(descriptor);
	if (!*file)
		return -EBADF;
	if (file_is_socket(*file))
		return 0;
	file_put(*file);
	return -ENOTSOCK;
}

// ---- socketpair ----
static int check_kind(int family, int type, int protocol)
{
	if (family < 0 || family >= FAMILIES)
		return -EAFNOSUPPORT;
	if (type < 0 || type >= TYPES)
		return -EINVAL;
	if (family != SOCKET_FAMILY_UNIX)
		return -EAFNOSUPPORT;
	if (protocol && protocol != SOCKET_FAMILY_UNIX)
		return -EPROTONOSUPPORT;
	switch (type) {
	case SOCKET_STREAM:
	case SOCKET_DATAGRAM:
	case SOCKET_RAW:
	case SOCKET_SEQUENCE:
		return 0;
	default:
		return -ESOCKTNOSUPPORT;
	}
}

// Takes over both references on success.
static int install(struct file *files[2], unsigned flags, int descriptors[2])
{
	struct files *table = current_task()->files;
	const bool closes = flags & O_CLOEXEC;

	for (int i = 0; i < 2; i++) {
		descriptors[i] = files_install(table, files[i], 0, descriptor_limit(), closes);
		if (descriptors[i] >= 0)
			continue;
		if (i == 1) {
			(void)files_close(table, (unsigned)descriptors[0]);
			file_put(files[1]);
		} else {
			file_put(files[0]);
			file_put(files[1]);
		}
		return descriptors[i];
	}
	return 0;
}

long sys_socketpair(int family, int type, int protocol, uintptr_t to)
{
	const unsigned flags = (unsigned)type & ~(unsigned)TYPE_MASK;
	const enum socket_type kind = (unsigned)type & TYPE_MASK;
	struct file *files[2];
	int descriptors[2] = {-1, -1}, error;

	if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (copy_to_user(to, descriptors, sizeof(descriptors)))
		return -EFAULT;
	error = check_kind(family, (int)kind, protocol);
	if (!error)
		error = socket_pair(kind, flags & O_NONBLOCK, &files[0], &files[1]);
	if (!error)
		error = install(files, flags, descriptors);
	if (error)
		return error;
	return copy_to_user(to, descriptors, sizeof(descriptors));
}

// ---- one buffer ----
// Who is meant by a name: nobody has one, and files are no sockets.
static long find_name(uintptr_t address, size_t size)
{
	struct sockaddr_un name = {0};
	struct inode *inode;
	long result;

	if (size > sizeof(struct __kernel_sockaddr_storage))
		return -EINVAL;
	if (copy_from_user(&name, address, size < sizeof(name) ? size : sizeof(name)))
		return -EFAULT;
	if (size <= sizeof(name.sun_family) || size > sizeof(name) ||
	    name.sun_family != SOCKET_FAMILY_UNIX)
		return -EINVAL;
	name.sun_path[sizeof(name.sun_path) - 1] = '\0';
	if (!name.sun_path[0])
		return -ECONNREFUSED;
	result = path_lookup(name.sun_path, &inode);
	if (result)
		return result;
	inode_put(inode);
	return -ECONNREFUSED;
}

// Where a message is to go, if that is said.
static long check_address(const struct file *file, uintptr_t address, int size)
{
	if (size < 0)
		return -EINVAL;
	if (!address || !size || socket_type_of(file) == SOCKET_SEQUENCE)
		return 0;
	if (socket_type_of(file) == SOCKET_STREAM)
		return -EISCONN;
	return find_name(address, (size_t)size);
}

long sys_sendto(int descriptor, uintptr_t buffer, size_t count, unsigned flags, uintptr_t address,
		int address_size)
{
	struct file *file;
	struct io io;
	long result = io_user(&io, buffer, count);

	if (!result)
		result = get_socket(descriptor, &file);
	if (result)
		return result;
	result = address ? check_address(file, address, address_size) : 0;
	if (!result)
		result = socket_send(file, &io, flags, NULL);
	file_put(file);
	return result;
}

// Who sent it has no name.
static long write_no_name(uintptr_t address, uintptr_t size)
{
	const int none = 0;

	return address ? copy_to_user(size, &none, sizeof(none)) : 0;
}

long sys_recvfrom(int descriptor, uintptr_t buffer, size_t count, unsigned flags,
		  uintptr_t address, uintptr_t address_size)
{
	struct received received;
	struct file *file;
	struct io io;
	long result = io_user(&io, buffer, count);

	if (!result)
		result = get_socket(descriptor, &file);
	if (result)
		return result;
	result = socket_receive(file, &io, flags, &received);
	passed_files_free(received.files);
	if (result >= 0 && write_no_name(address, address_size))
		result = -EFAULT;
	file_put(file);
	return result;
}

// ---- messages ----
// The pieces of a message, in kernel memory: free with kfree. 0 or -errno.
static long read_pieces(const struct user_message *message, struct iovec **pieces, struct io *io)
{
	const size_t size = message->piece_count * sizeof(**pieces);
	long result = -EFAULT;

	if (message->piece_count > UIO_MAXIOV)
		return -EMSGSIZE;
	*pieces = kmalloc(size ? size : 1);
	if (!*pieces)
		return -ENOMEM;
	if (!copy_from_user(*pieces, message->pieces, size))
		result = io_vector(io, *pieces, message->piece_count);
	if (result)
		kfree(*pieces);
	return result;
}

static long send_message(struct file *file, const struct user_message *message, unsigned flags)
{
	struct passed_files *files = NULL;
	struct iovec *pieces;
	struct io io;
	long result = read_pieces(message, &pieces, &io);

	if (result)
		return result;
	result = control_read(message, &files);
	if (!result)
		result = check_address(file, message->name, message->name_size);
	if (!result)
		result = socket_send(file, &io, flags, files);
	if (result < 0)
		passed_files_free(files);
	kfree(pieces);
	return result;
}

static long read_message(uintptr_t from, struct user_message *message)
{
	if (copy_from_user(message, from, sizeof(*message)))
		return -EFAULT;
	if (!message->name)
		message->name_size = 0;
	return message->name_size < 0 ? -EINVAL : 0;
}

long sys_sendmsg(int descriptor, uintptr_t from, unsigned flags)
{
	struct user_message message;
	struct file *file;
	long result = get_socket(descriptor, &file);

	if (result)
		return result;
	result = read_message(from, &message);
	if (!result)
		result = send_message(file, &message, flags);
	file_put(file);
	return result;
}

// Tells what came beside the bytes. 0 or -EFAULT.
static long write_message(uintptr_t to, struct user_message *message, unsigned flags,
			  struct received *received)
{
	const size_t room = message->control_size;

	message->flags = received->flags | (flags & MESSAGE_CLOSE_ON_EXEC);
	message->name_size = 0;
	message->control_size = 0;
	if (received->files)
		control_write(message, room, flags & MESSAGE_CLOSE_ON_EXEC, received->files);
	received->files = NULL;
	if (message->name && copy_to_user(to + __builtin_offsetof(struct user_message, name_size),
					  &message->name_size, sizeof(message->name_size)))
		return -EFAULT;
	if (copy_to_user(to + __builtin_offsetof(struct user_message, flags), &message->flags,
			 sizeof(message->flags)))
		return -EFAULT;
	return copy_to_user(to + __builtin_offsetof(struct user_message, control_size),
			    &message->control_size, sizeof(message->control_size));
}

static long receive_message(struct file *file, uintptr_t to, struct user_message *message,
			    unsigned flags)
{
	struct received received;
	struct iovec *pieces;
	struct io io;
	long result = read_pieces(message, &pieces, &io);

	if (result)
		return result;
	result = socket_receive(file, &io, flags, &received);
	if (result >= 0 && write_message(to, message, flags, &received))
		result = -EFAULT;
	passed_files_free(received.files);
	kfree(pieces);
	return result;
}

long sys_recvmsg(int descriptor, uintptr_t to, unsigned flags)
{
	struct user_message message;
	struct file *file;
	long result = get_socket(descriptor, &file);

	if (result)
		return result;
	result = read_message(to, &message);
	if (!result)
		result = receive_message(file, to, &message, flags);
	file_put(file);
	return result;
}

// ---- the rest ----
long sys_shutdown(int descriptor, int how)
{
	struct file *file;
	int error = get_socket(descriptor, &file);

	if (error)
		return error;
	if (how < 0 || how > 2)
		error = -EINVAL;
	else
		socket_shutdown(file, how);
	file_put(file);
	return error;
}

// A name without a name: its family alone.
static long write_name(int descriptor, uintptr_t address, uintptr_t user_size)
{
	const __kernel_sa_family_t family = SOCKET_FAMILY_UNIX;
	const int whole = sizeof(family);
	struct file *file;
	int error = get_socket(descriptor, &file), size;

	if (error)
		return error;
	file_put(file);
	if (copy_from_user(&size, user_size, sizeof(size)))
		return -EFAULT;
	if (size < 0)
		return -EINVAL;
	if (copy_to_user(address, &family, (size_t)(size < whole ? size : whole)))
		return -EFAULT;
	return copy_to_user(user_size, &whole, sizeof(whole));
}

long sys_getsockname(int descriptor, uintptr_t address, uintptr_t size)
{
	return write_name(descriptor, address, size);
}

long sys_getpeername(int descriptor, uintptr_t address, uintptr_t size)
{
	return write_name(descriptor, address, size);
}

// One number. 0 or -ENOPROTOOPT.
static int option_value(struct file *file, int option, int *value)
{
	switch (option) {
	case SO_TYPE:
		*value = (int)socket_type_of(file);
		return 0;
	case SO_DOMAIN:
		*value = SOCKET_FAMILY_UNIX;
		return 0;
	case SO_ERROR:
		*value = socket_take_error(file);
		return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:
		*value = SOCKET_BUFFER;
		return 0;
	case SO_PROTOCOL:
	case SO_ACCEPTCONN:
	case SO_PASSCRED:
		*value = 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static long get_option(struct file *file, int level, int option, uintptr_t to, uintptr_t user_size)
{
	struct socket_owner owner = socket_owner_of(file);
	const void *from = &owner;
	int size, whole = sizeof(owner), value = 0, error = 0;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (copy_from_user(&size, user_size, sizeof(size)))
		return -EFAULT;
	if (size < 0)
		return -EINVAL;
	if (option != SO_PEERCRED) {
		error = option_value(file, option, &value);
		from = &value;
		whole = sizeof(value);
	}
	if (error)
		return error;
	if (size > whole)
		size = whole;
	if (copy_to_user(to, from, (size_t)size))
		return -EFAULT;
	return copy_to_user(user_size, &size, sizeof(size));
}

long sys_getsockopt(int descriptor, int level, int option, uintptr_t to, uintptr_t size)
{
	struct file *file;
	long result = get_socket(descriptor, &file);

	if (result)
		return result;
	result = get_option(file, level, option, to, size);
	file_put(file);
	return result;
}

// None can be changed.
long sys_setsockopt(int descriptor, int level, int option, uintptr_t from, int size)
{
	struct file *file;
	long result = get_socket(descriptor, &file);

	(void)option, (void)from;
	if (result)
		return result;
	if (size < 0)
		result = -EINVAL;
	else
		result = level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
	file_put(file);
	return result;
}
