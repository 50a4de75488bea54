// SPDX-License-Identifier: MIT
//
// Character devices: what a device node's number opens.
#pragma once

#include <linux/major.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct inode;
struct object;

// A node that is made in /dev at boot.
struct device_node {
	const char *name;
	uint32_t special; // its number, as stat shows it
	uint32_t mode;    // permissions
};

extern const struct device_node device_nodes[];
extern const size_t device_node_count;

// Whether this machine has it: else the node is not made.
bool device_exists(const struct device_node *node);

// Opens the device of a node: 0, -ENXIO or -ENOMEM.
int device_open(struct inode *inode, unsigned flags, struct file **file);

// /dev/fb0 (framebuffer_device.c): Linux's framebuffer device of the one screen.
#define FRAMEBUFFER_DEVICE device_number(FB_MAJOR, 0)
extern const struct file_ops framebuffer_ops;
// What its mappings take their pages from; no reference.
struct object *framebuffer_mapping(struct file *file);
// The node by which it was mapped first, for who names mappings; NULL: none, or another object.
struct inode *framebuffer_inode(const struct object *object);

// /dev/zero: mapping it gives anonymous memory.
bool device_is_zero(const struct inode *inode);

// A device number as stat shows it, for numbers below 256.
static inline uint32_t device_number(uint32_t major, uint32_t minor)
{
	return (major & 0xfff) << 8 | (minor & 0xff) | (minor & ~0xffu) << 12;
}

// /dev/tty: the terminal of whoever opens it.
#define TTY_CURRENT device_number(TTYAUX_MAJOR, 0)

// st_dev of the file systems: Linux's numbers where it has fixed ones.
#define NAMELESS_DEVICE  device_number(0, 1) // memfd_create and shmget
#define TMPFS_DEVICE     device_number(0, 2)
#define PIPE_DEVICE      device_number(0, 13)
#define ANONYMOUS_DEVICE device_number(0, 14)
#define SOCKET_DEVICE    device_number(0, 8)
#define PROC_DEVICE      device_number(0, 21)
#define SYS_DEVICE       device_number(0, 22)
