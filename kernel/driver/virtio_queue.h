// SPDX-License-Identifier: MIT
//
// A virtqueue in the legacy layout (Virtio 1.2, 2.7): descriptors, the ring of what we offer, and
// on the next page boundary the ring of what the device has used. Each descriptor has a buffer of
// its own for ever, and no chains are made.
//
// Nothing here locks: a queue belongs to its driver.
#pragma once

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtio_queue {
	uint16_t ports;  // the device's I/O ports
	uint16_t number; // of the queue
	struct vring ring;
	uint16_t seen;      // entries of ring.used that we have taken
	unsigned buffers;   // how many descriptors have a buffer
	size_t buffer_size; // bytes
	char *memory;       // the buffers, one after the other
};

// Sets up queue `number` of the device at `ports`, with up to `buffers` buffers that fit into
// 2^order frames. 0 or -ENOMEM, -ENODEV when the device has no such queue.
int virtio_queue_start(struct virtio_queue *queue, uint16_t ports, uint16_t number,
		       unsigned buffers, unsigned order);

static inline char *virtio_queue_buffer(const struct virtio_queue *queue, unsigned index)
{
	return queue->memory + index * queue->buffer_size;
}

// Gives buffer `index` to the device: `count` bytes to read, or to be filled by it.
void virtio_queue_offer(struct virtio_queue *queue, unsigned index, size_t count, bool fill);

// Tells the device to look.
void virtio_queue_notify(const struct virtio_queue *queue);

// The next buffer that the device is done with and how many bytes it wrote; false: none yet.
bool virtio_queue_take(struct virtio_queue *queue, unsigned *index, size_t *count);
