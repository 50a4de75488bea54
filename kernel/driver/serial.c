// SPDX-License-Identifier: MIT
//
// COM1, a 16550 serial port, programmed directly. Output polls: QEMU takes bytes as fast as they
// come, and on real hardware a program that prints waits for the wire.
//
// Input loses nothing: a byte leaves the UART only when the terminal can take it. While it can
// not, the receive interrupt is off and the UART's FIFO holds the sender up.
//
// Locks, both taken with interrupts off: `input_lock` is held while the terminal is offered bytes,
// so it comes before the terminal's; `output_lock` is taken after everything, the log's included.
#include "kernel/driver/serial.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "lib/spinlock.h"
#include <linux/serial_reg.h>

#define BAUD_DIVISOR 1 // 115200
#define FIFO_SIZE    16
#define SCRATCH_TEST 0x5a

#define BASE 0x3f8

static bool present; // constant once started

static struct spinlock output_lock; // whoever has seen an empty transmitter fills it
static bool output_lock_broken;

// Guarded by input_lock. Bytes that are out of the UART but not yet taken.
static struct spinlock input_lock;
static uint8_t pending[FIFO_SIZE];
static size_t pending_count;

void serial_init(void)
{
	port_write8(BASE + UART_SCR, SCRATCH_TEST);
	present = port_read8(BASE + UART_SCR) == SCRATCH_TEST;
	if (!present)
		return;
	port_write8(BASE + UART_IER, 0);
	port_write8(BASE + UART_LCR, UART_LCR_DLAB);
	port_write8(BASE + UART_DLL, BAUD_DIVISOR);
	port_write8(BASE + UART_DLM, 0);
	port_write8(BASE + UART_LCR, UART_LCR_WLEN8);
	port_write8(BASE + UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	port_write8(BASE + UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
}

// An empty transmitter takes a FIFO full at once. Whether it was empty.
static bool fill_transmitter(const uint8_t *bytes, size_t count)
{
	bool broken = output_lock_broken, empty;
	uint64_t flags = irq_save();

	if (!broken)
		spin_lock(&output_lock);
	empty = port_read8(BASE + UART_LSR) & UART_LSR_THRE;
	if (empty)
		port_write_string8(BASE + UART_TX, bytes, count);
	if (!broken)
		spin_unlock(&output_lock);
	irq_restore(flags);
	return empty;
}

void serial_write(const void *data, size_t count)
{
	const uint8_t *at = data;

	while (present && count > 0) {
		size_t part = count < FIFO_SIZE ? count : FIFO_SIZE;
		struct spin spin = {0};

		while (!fill_transmitter(at, part))
			spin_wait(&spin);
		at += part;
		count -= part;
	}
}

void serial_break_lock(void)
{
	output_lock_broken = true;
}

static void set_input_interrupt(bool on)
{
	port_write8(BASE + UART_IER, on ? UART_IER_RDI : 0);
}

// Gives pending bytes to the terminal; whether it took all of them.
static bool deliver(void)
{
	size_t taken = 0;

	if (pending_count > 0)
		taken = tty_input(pending, pending_count);
	pending_count -= taken;
	for (size_t i = 0; i < pending_count; i++)
		pending[i] = pending[i + taken];
	return pending_count == 0;
}

static void receive(void)
{
	while (deliver()) {
		while (pending_count < FIFO_SIZE && (port_read8(BASE + UART_LSR) & UART_LSR_DR))
			pending[pending_count++] = port_read8(BASE + UART_RX);
		if (pending_count == 0)
			break;
	}
	set_input_interrupt(pending_count == 0);
}

static void serial_interrupt(struct registers *registers)
{
	(void)registers;
	serial_poll_input();
}

void serial_start_input(void)
{
	if (!present)
		return;
	irq_register(IRQ_COM1, "ttyS0", serial_interrupt);
	serial_poll_input();
}

void serial_poll_input(void)
{
	uint64_t flags = spin_lock_irqsave(&input_lock);

	if (present)
		receive();
	spin_unlock_irqrestore(&input_lock, flags);
}
