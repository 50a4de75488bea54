// SPDX-License-Identifier: MIT
//
// The window's size from COM2: see window_size.h. What is not a line of the right form is passed
// over.
//
// `lock`, taken with interrupts off, before the terminal's: guards the line that is coming in.
#include "kernel/driver/window_size.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/options.h"
#include "lib/spinlock.h"
#include <linux/serial_reg.h>

#define BASE         0x2f8
#define BAUD_DIVISOR 1 // 115200
#define SCRATCH_TEST 0x5a
#define LINE_MAX     12 // 65535x65535, and the end

static struct spinlock lock;
static char line[LINE_MAX];
static unsigned length; // more than fits: a line too long

static bool start_port(void)
{
	port_write8(BASE + UART_SCR, SCRATCH_TEST);
	if (port_read8(BASE + UART_SCR) != SCRATCH_TEST)
		return false;
	port_write8(BASE + UART_LCR, UART_LCR_DLAB);
	port_write8(BASE + UART_DLL, BAUD_DIVISOR);
	port_write8(BASE + UART_DLM, 0);
	port_write8(BASE + UART_LCR, UART_LCR_WLEN8);
	port_write8(BASE + UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_1);
	port_write8(BASE + UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	return true;
}

static void line_ends(void)
{
	struct winsize size = {0};

	if (length < LINE_MAX) {
		line[length] = '\0';
		if (parse_pair(line, &size.ws_row, &size.ws_col))
			tty_resize(&size);
	}
	length = 0;
}

static void window_interrupt(struct registers *registers)
{
	uint64_t flags = spin_lock_irqsave(&lock);

	(void)registers;
	while (port_read8(BASE + UART_LSR) & UART_LSR_DR) {
		char byte = (char)port_read8(BASE + UART_RX);

		if (byte == '\n')
			line_ends();
		else if (length < LINE_MAX)
			line[length++] = byte;
	}
	spin_unlock_irqrestore(&lock, flags);
}

void window_size_start(void)
{
	if (!start_port())
		return;
	irq_register(IRQ_COM2, "ttyS1", window_interrupt);
	port_write8(BASE + UART_IER, UART_IER_RDI);
}
