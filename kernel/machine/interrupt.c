// SPDX-License-Identifier: MIT
//
// Interrupts: of devices, by the two old interrupt controllers (8259), one after the other, which
// only the first CPU listens to; and of the other CPUs and each one's own timer, by the local
// APIC. Handlers are registered while starting and never change.
#include "kernel/machine/interrupt.h"
#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/shootdown.h"
#include "kernel/machine/timer.h"
#include "kernel/process/timer.h"
#include "kernel/machine/trap.h"
#include <stddef.h>

#define MASTER       0x20 // command port; data is the next one
#define SLAVE        0xa0
#define CASCADE_LINE 2 // where the second hangs on the first

#define ICW1_START       0x11 // edge triggered, cascaded, ICW4 follows
#define ICW4_8086        0x01
#define END_OF_INTERRUPT 0x20
#define READ_IN_SERVICE  0x0b

static irq_handler *handlers[INTERRUPT_LINES];
static const char *names[INTERRUPT_LINES];
static uint16_t masked = 0xffff;

static void write_mask(void)
{
	port_write8(MASTER + 1, masked);
	port_write8(SLAVE + 1, masked >> 8);
}

static void start_controller(uint16_t port, uint8_t vector, uint8_t cascade)
{
	port_write8(port, ICW1_START);
	port_write8(port + 1, vector);
	port_write8(port + 1, cascade);
	port_write8(port + 1, ICW4_8086);
}

void interrupt_start(void)
{
	start_controller(MASTER, VECTOR_IRQ, 1 << CASCADE_LINE);
	start_controller(SLAVE, VECTOR_IRQ + 8, CASCADE_LINE);
	write_mask();
}

void irq_register(unsigned line, const char *name, irq_handler *handler)
{
	uint64_t flags = irq_save();

	handlers[line] = handler;
	names[line] = name;
	masked &= ~(1u << line);
	if (line >= 8)
		masked &= ~(1u << CASCADE_LINE);
	write_mask();
	irq_restore(flags);
}

const char *irq_name(unsigned line)
{
	return names[line];
}

// The controllers answer with their last line when the cause went away in time: no interrupt is
// in service then, and must not be ended.
static bool spurious(unsigned line)
{
	uint16_t port = line < 8 ? MASTER : SLAVE;

	if (line % 8 != 7)
		return false;
	port_write8(port, READ_IN_SERVICE);
	return !(port_read8(port) & 0x80);
}

void interrupt(struct registers *registers, unsigned line)
{
	bool ghost;

	this_cpu()->interrupts[line < INTERRUPT_LINES ? line : INTERRUPT_SPURIOUS]++;
	if (line >= INTERRUPT_LINES)
		return;
	ghost = spurious(line);
	if (!ghost && handlers[line])
		handlers[line](registers);
	if (line >= 8 && !ghost)
		port_write8(SLAVE, END_OF_INTERRUPT);
	if (line >= 8 || !ghost)
		port_write8(MASTER, END_OF_INTERRUPT);
}

void apic_interrupt(struct registers *registers, unsigned vector)
{
	switch (vector) {
	case VECTOR_APIC_TIMER:
		this_cpu()->interrupts[INTERRUPT_TIMER]++;
		this_cpu()->timer_due = 0;
		if (this_cpu()->number == 0)
			timers_expire(clock_monotonic());
		else
			timer_tick_secondary(registers);
		break;
	case VECTOR_WAKE:
		this_cpu()->interrupts[INTERRUPT_WAKE]++;
		this_cpu()->resting = false;
		break;
	case VECTOR_FLUSH:
		this_cpu()->interrupts[INTERRUPT_FLUSH]++;
		shootdown_answer();
		break;
	case VECTOR_SPURIOUS:
		this_cpu()->interrupts[INTERRUPT_SPURIOUS]++;
		return;
	default: // VECTOR_RESCHEDULE: the way out looks at cpu->work
		this_cpu()->interrupts[INTERRUPT_RESCHEDULE]++;
		timers_kicked();
		break;
	}
	apic_acknowledge();
}

void cpu_kick(struct cpu *cpu, uint32_t bits)
{
	__atomic_fetch_or(&cpu->work, bits, __ATOMIC_SEQ_CST);
	if (cpu != this_cpu())
		apic_send(cpu->apic_id, VECTOR_RESCHEDULE);
}
