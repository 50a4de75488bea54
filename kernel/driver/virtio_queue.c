// SPDX-License-Identifier: MIT
//
// Virtqueues of legacy devices: see virtio_queue.h.
#include "kernel/driver/virtio_queue.h"
#include "kernel/machine/instructions.h"
#include "lib/string.h"
#include "mm/frame.h"
#include <linux/errno.h>
#include <linux/virtio_pci.h>

static unsigned order_for(size_t bytes)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

// The device wants the ring's page number; rings it sets the size of itself.
static int start_ring(struct virtio_queue *queue)
{
	struct frame *frames;
	unsigned size, order;

	port_write16(queue->ports + VIRTIO_PCI_QUEUE_SEL, queue->number);
	size = port_read16(queue->ports + VIRTIO_PCI_QUEUE_NUM);
	if (!size)
		return -ENODEV;
	order = order_for(vring_size(size, VIRTIO_PCI_VRING_ALIGN));
	frames = frame_alloc(order, FRAME_KERNEL);
	if (!frames)
		return -ENOMEM;
	memset(frame_to_virt(frames), 0, PAGE_SIZE << order);
	vring_init(&queue->ring, size, frame_to_virt(frames), VIRTIO_PCI_VRING_ALIGN);
	port_write32(queue->ports + VIRTIO_PCI_QUEUE_PFN,
		     frame_to_phys(frames) >> VIRTIO_PCI_QUEUE_ADDR_SHIFT);
	return 0;
}

int virtio_queue_start(struct virtio_queue *queue, uint16_t ports, uint16_t number,
		       unsigned buffers, unsigned order)
{
	struct frame *frames = frame_alloc(order, FRAME_KERNEL);
	int error;

	if (!frames)
		return -ENOMEM;
	*queue = (struct virtio_queue){.ports = ports, .number = number};
	error = start_ring(queue);
	if (error) {
		frame_free(frames, order);
		return error;
	}
	queue->buffers = buffers < queue->ring.num ? buffers : queue->ring.num;
	queue->buffer_size = (PAGE_SIZE << order) / buffers;
	queue->memory = frame_to_virt(frames);
	for (unsigned i = 0; i < queue->buffers; i++)
		queue->ring.desc[i].addr = virt_to_phys(virtio_queue_buffer(queue, i));
	return 0;
}

// The device sees what was written before the index moved: x86 keeps stores in order, the
// compiler has to be told.
void virtio_queue_offer(struct virtio_queue *queue, unsigned index, size_t count, bool fill)
{
	struct vring_avail *offered = queue->ring.avail;

	queue->ring.desc[index].len = count;
	queue->ring.desc[index].flags = fill ? VRING_DESC_F_WRITE : 0;
	offered->ring[offered->idx % queue->ring.num] = index;
	__atomic_store_n(&offered->idx, offered->idx + 1, __ATOMIC_RELEASE);
}

void virtio_queue_notify(const struct virtio_queue *queue)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	port_write16(queue->ports + VIRTIO_PCI_QUEUE_NOTIFY, queue->number);
}

bool virtio_queue_take(struct virtio_queue *queue, unsigned *index, size_t *count)
{
	struct vring_used *used = queue->ring.used;
	uint16_t ready = __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE);
	const vring_used_elem_t *element;

	if (ready == queue->seen)
		return false;
	element = &used->ring[queue->seen++ % queue->ring.num];
	*index = element->id % queue->buffers;
	*count = element->len < queue->buffer_size ? element->len : queue->buffer_size;
	return true;
}
