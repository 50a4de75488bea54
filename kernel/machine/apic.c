// SPDX-License-Identifier: MIT
//
// See apic.h. Registers are reached through memory (xAPIC mode): x2APIC would be faster on
// hardware, but QEMU's own processor has none.
#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "mm/kernel_map.h"

// Offsets in bytes (SDM vol. 3A, 11.4.1).
#define REGISTER_ID            0x020
#define REGISTER_END           0x0b0
#define REGISTER_SPURIOUS      0x0f0
#define REGISTER_COMMAND_LOW   0x300
#define REGISTER_COMMAND_HIGH  0x310
#define REGISTER_TIMER         0x320
#define REGISTER_LINT0         0x350
#define REGISTER_LINT1         0x360
#define REGISTER_ERROR         0x370
#define REGISTER_TIMER_START   0x380
#define REGISTER_TIMER_COUNT   0x390
#define REGISTER_TIMER_DIVIDER 0x3e0
#define REGISTERS_SIZE         0x400

#define SPURIOUS_ENABLE   0x100
#define LVT_MASKED        0x10000
#define LVT_NMI           0x400
#define LVT_EXTERNAL      0x700 // what the old controllers say
#define DIVIDE_BY_16      0x3
#define PRIORITY_RESTING  (VECTOR_APIC_TIMER >> 4) // up to this no interrupt gets through
#define COMMAND_PENDING   0x1000
#define COMMAND_ASSERT    0x4000
#define COMMAND_LEVEL     0x8000
#define COMMAND_NMI       0x400
#define COMMAND_INIT      0x500
#define COMMAND_STARTUP   0x600
#define COMMAND_TO_OTHERS 0xc0000

#define MSR_APIC_BASE    0x1b
#define APIC_BASE_ENABLE (1ul << 11)

#define MEASURED_MICROSECONDS 10000

// Constant after apic_start(). The address is the same in every CPU, and leads to its own APIC.
static volatile uint32_t *registers;
static uint32_t timer_count; // of one tick
static uint64_t tick_nanoseconds;

static uint32_t read(unsigned offset)
{
	return registers[offset / 4];
}

static void write(unsigned offset, uint32_t value)
{
	registers[offset / 4] = value;
}

static void enable(bool first)
{
	msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE);
	write(REGISTER_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	write(REGISTER_LINT0, first ? LVT_EXTERNAL : LVT_MASKED);
	write(REGISTER_LINT1, first ? LVT_NMI : LVT_MASKED);
	write(REGISTER_ERROR, LVT_MASKED);
	write(REGISTER_TIMER, LVT_MASKED);
	apic_acknowledge();
}

// Counts of the timer in one tick; 0 when it does not count.
static uint32_t measure(unsigned per_second)
{
	uint64_t ticks = clock_tsc_hz() / 1000000 * MEASURED_MICROSECONDS, begin;
	uint64_t counted;

	write(REGISTER_TIMER_DIVIDER, DIVIDE_BY_16);
	write(REGISTER_TIMER_START, UINT32_MAX);
	begin = tsc_read();
	while (tsc_read() - begin < ticks)
		__builtin_ia32_pause();
	counted = UINT32_MAX - read(REGISTER_TIMER_COUNT);
	write(REGISTER_TIMER_START, 0);
	return counted * (1000000 / MEASURED_MICROSECONDS) / per_second;
}

bool apic_start(uint64_t physical, unsigned per_second)
{
	registers = kernel_map_device(physical, REGISTERS_SIZE);
	if (!registers)
		return false;
	enable(true);
	timer_count = measure(per_second);
	tick_nanoseconds = 1000000000 / per_second;
	write(REGISTER_TIMER, VECTOR_APIC_TIMER); // once at a time
	return timer_count != 0;
}

void apic_start_secondary(void)
{
	enable(false);
	write(REGISTER_TIMER_DIVIDER, DIVIDE_BY_16);
	write(REGISTER_TIMER, VECTOR_APIC_TIMER);
}

// Rounded up: earlier than said is of no use.
static uint32_t counts_of(uint64_t nanoseconds)
{
	if (nanoseconds > tick_nanoseconds)
		nanoseconds = tick_nanoseconds;
	return (uint32_t)(nanoseconds * timer_count / tick_nanoseconds) + 1;
}

static void start_timer(uint64_t when, uint64_t now)
{
	write(REGISTER_TIMER_START, counts_of(when > now ? when - now : 0));
}

void apic_timer_at(uint64_t when, uint64_t now)
{
	if (!timer_count)
		return;
	this_cpu()->timer_due = when;
	start_timer(when, now);
}

// The timer wakes meanwhile instead of ticking. That it has come to zero does not say that its
// interrupt is there: QEMU needs a moment. What the old controllers say knows no priorities.
void apic_rest(uint64_t nanoseconds)
{
	struct cpu *cpu = this_cpu();
	uint64_t now = clock_monotonic(), end = now + nanoseconds;

	if (cpu->timer_due && cpu->timer_due < end)
		end = cpu->timer_due;
	if (cpu->number == 0)
		write(REGISTER_LINT0, LVT_MASKED);
	cr8_write(PRIORITY_RESTING);
	write(REGISTER_TIMER, VECTOR_WAKE);
	start_timer(end, now);
	__asm__ volatile("sti; hlt; cli" : : : "memory");
	write(REGISTER_TIMER, VECTOR_APIC_TIMER);
	if (cpu->timer_due)
		start_timer(cpu->timer_due, clock_monotonic());
	else
		write(REGISTER_TIMER_START, 0);
	cr8_write(0);
	if (cpu->number == 0)
		write(REGISTER_LINT0, LVT_EXTERNAL);
}

uint8_t apic_id(void)
{
	return read(REGISTER_ID) >> 24;
}

void apic_acknowledge(void)
{
	write(REGISTER_END, 0);
}

// A handler that sends must not get between the two halves of a command.
static void send(uint8_t id, uint32_t command)
{
	uint64_t flags = irq_save();

	while (read(REGISTER_COMMAND_LOW) & COMMAND_PENDING)
		__builtin_ia32_pause();
	write(REGISTER_COMMAND_HIGH, (uint32_t)id << 24);
	write(REGISTER_COMMAND_LOW, command);
	irq_restore(flags);
}

void apic_send(uint8_t id, enum apic_vector vector)
{
	send(id, COMMAND_ASSERT | vector);
}

void apic_send_nmi_to_others(void)
{
	send(0, COMMAND_TO_OTHERS | COMMAND_ASSERT | COMMAND_NMI);
}

void apic_send_init(uint8_t id)
{
	send(id, COMMAND_LEVEL | COMMAND_ASSERT | COMMAND_INIT);
	send(id, COMMAND_LEVEL | COMMAND_INIT);
}

void apic_send_startup(uint8_t id, uint64_t page)
{
	send(id, COMMAND_ASSERT | COMMAND_STARTUP | (uint32_t)(page >> 12));
}
