// SPDX-License-Identifier: MIT
//
// The virtio console: see virtio_console.h. Output waits until the device has taken it. Input
// loses nothing: a buffer goes back to the device only when the terminal has taken all of it, and
// a device without buffers holds its sender up.
//
// The port is number 1, a serial port of the device and no "console": a console's output is thrown
// away whenever its reader is slow (QEMU, hw/char/virtio-console.c), a serial port's waits. Ports
// other than 0 have to be opened by control messages (5.3.6.2). What the device would answer is
// known, as the one port is there or nothing is: it gets no buffers for that.
//
// Locks, both taken with interrupts off: `input_lock` is held while the terminal is offered bytes,
// so it comes before the terminal's; `output_lock` guards the output's rings, never over a wait
// for the device. An output buffer has one user at a time: see console.c.
#include "kernel/driver/virtio_console.h"
#include "kernel/driver/pci.h"
#include "kernel/driver/serial.h"
#include "kernel/driver/virtio_queue.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "lib/string.h"
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_pci.h>

#define VENDOR_VIRTIO  0x1af4
#define DEVICE_CONSOLE 0x1003 // legacy numbers are 0x1000 + ...
#define PORT           1
#define QUEUE_CONTROL  3
#define QUEUE_INPUT    4
#define QUEUE_OUTPUT   5
#define INPUT_BUFFERS  8
#define INPUT_ORDER    3 // 4 KiB each
#define OUTPUT_BUFFERS 2
#define OUTPUT_ORDER   4 // 32 KiB each

// Constant once started.
static bool present;
static uint16_t ports;

// Guarded by input_lock: the buffer being handed to the terminal.
static struct spinlock input_lock;
static struct virtio_queue input;
static bool pending;
static unsigned pending_index;
static size_t pending_count, pending_taken;

// Guarded by output_lock, but for the buffers' contents.
static struct spinlock output_lock;
static struct virtio_queue output;
static bool sent[OUTPUT_BUFFERS]; // the device has not given it back yet

// Used once, while starting.
static struct virtio_queue control;

bool virtio_console_present(void)
{
	return present;
}

// Gives the pending buffer to the terminal; whether it took all of it.
static bool deliver(void)
{
	const uint8_t *bytes = (const uint8_t *)virtio_queue_buffer(&input, pending_index);

	if (!pending)
		return true;
	pending_taken += tty_input(bytes + pending_taken, pending_count - pending_taken);
	if (pending_taken < pending_count)
		return false;
	pending = false;
	virtio_queue_offer(&input, pending_index, input.buffer_size, true);
	virtio_queue_notify(&input);
	return true;
}

static void receive(void)
{
	while (deliver()) {
		pending = virtio_queue_take(&input, &pending_index, &pending_count);
		pending_taken = 0;
		if (!pending)
			break;
	}
}

void virtio_console_poll_input(void)
{
	uint64_t flags = spin_lock_irqsave(&input_lock);

	receive();
	spin_unlock_irqrestore(&input_lock, flags);
}

// Reading the status lets the line go (Virtio 1.2, 4.1.4.5).
static void console_interrupt(struct registers *registers)
{
	(void)registers;
	port_read8(ports + VIRTIO_PCI_ISR);
	virtio_console_poll_input();
}

static void send(unsigned buffer, size_t count)
{
	uint64_t flags = spin_lock_irqsave(&output_lock);

	sent[buffer] = true;
	virtio_queue_offer(&output, buffer, count, false);
	virtio_queue_notify(&output);
	spin_unlock_irqrestore(&output_lock, flags);
}

// Takes back what the device is done with, whoever sent it.
static bool is_back(unsigned buffer)
{
	uint64_t flags = spin_lock_irqsave(&output_lock);
	unsigned done;
	size_t ignored;
	bool back;

	while (virtio_queue_take(&output, &done, &ignored))
		sent[done] = false;
	back = !sent[buffer];
	spin_unlock_irqrestore(&output_lock, flags);
	return back;
}

void virtio_console_write(unsigned buffer, const void *data, size_t count)
{
	const char *at = data;

	while (count > 0) {
		size_t part = count < output.buffer_size ? count : output.buffer_size;
		struct spin spin = {0};

		memcpy(virtio_queue_buffer(&output, buffer), at, part);
		send(buffer, part);
		while (!is_back(buffer))
			spin_wait(&spin);
		at += part;
		count -= part;
	}
}

// In the order of 5.3.6.2; the device reads them in order.
static const struct virtio_console_control opening[] = {
	{.id = PORT, .event = VIRTIO_CONSOLE_DEVICE_READY, .value = 1},
	{.id = PORT, .event = VIRTIO_CONSOLE_PORT_READY, .value = 1},
	{.id = PORT, .event = VIRTIO_CONSOLE_PORT_OPEN, .value = 1},
};

#define OPENING_STEPS (sizeof(opening) / sizeof(opening[0]))

static void open_port(struct virtio_queue *control)
{
	for (unsigned i = 0; i < OPENING_STEPS; i++) {
		memcpy(virtio_queue_buffer(control, i), &opening[i], sizeof(opening[i]));
		virtio_queue_offer(control, i, sizeof(opening[i]), false);
	}
	virtio_queue_notify(control);
}

static void set_status(uint8_t status)
{
	port_write8(ports + VIRTIO_PCI_STATUS, status);
}

// The steps and their order: Virtio 1.2, 3.1.1.
static bool start_device(const struct pci_device *device)
{
	ports = pci_read32(device, PCI_BASE_ADDRESS_0) & PCI_BASE_ADDRESS_IO_MASK;
	pci_enable(device);
	set_status(0);
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	port_write32(ports + VIRTIO_PCI_GUEST_FEATURES, 1u << VIRTIO_CONSOLE_F_MULTIPORT);
	if (virtio_queue_start(&input, ports, QUEUE_INPUT, INPUT_BUFFERS, INPUT_ORDER) ||
	    virtio_queue_start(&output, ports, QUEUE_OUTPUT, OUTPUT_BUFFERS, OUTPUT_ORDER) ||
	    virtio_queue_start(&control, ports, QUEUE_CONTROL, OPENING_STEPS, 0)) {
		set_status(VIRTIO_CONFIG_S_FAILED);
		return false;
	}
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		   VIRTIO_CONFIG_S_DRIVER_OK);
	open_port(&control);
	return true;
}

bool virtio_console_start(void)
{
	struct pci_device device;

	if (!pci_find(VENDOR_VIRTIO, DEVICE_CONSOLE, &device) || !start_device(&device))
		return false;
	present = true;
	// Output is waited for, its interrupts are not.
	output.ring.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	irq_register(pci_read32(&device, PCI_INTERRUPT_LINE & ~3) & 15, "virtio-console",
		     console_interrupt);
	for (unsigned i = 0; i < input.buffers; i++)
		virtio_queue_offer(&input, i, input.buffer_size, true);
	virtio_queue_notify(&input);
	return true;
}
