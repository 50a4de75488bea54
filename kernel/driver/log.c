// SPDX-License-Identifier: MIT
//
// The kernel's log: to the debug console, or where there is none to COM1, between the program's
// own output.
//
// `lock` guards the ring and keeps lines whole. It is taken with interrupts off, as handlers log.
#include "kernel/driver/log.h"
#include "kernel/driver/debugcon.h"
#include "kernel/driver/serial.h"
#include "kernel/machine/irq.h"
#include "lib/format.h"

#define LINE_MAX 400

static struct spinlock lock;
static bool lock_broken;
static char ring[LOG_SIZE];
static uint64_t written; // bytes since boot; the ring holds the last LOG_SIZE of them

static void send(const char *text, size_t length)
{
	if (debugcon_present(DEBUGCON_LOG))
		debugcon_write(DEBUGCON_LOG, text, length);
	else
		serial_write(text, length);
}

static void keep(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		ring[written++ % LOG_SIZE] = text[i];
}

void log_vline(const char *format, va_list arguments)
{
	char line[LINE_MAX + 1];
	int wanted = vsnprintf(line, LINE_MAX, format, arguments);
	size_t length = wanted < 0 ? 0 : wanted >= LINE_MAX ? LINE_MAX - 1 : (size_t)wanted;
	uint64_t flags = irq_save();

	line[length++] = '\n';
	if (!lock_broken)
		spin_lock(&lock);
	keep(line, length);
	send(line, length);
	if (!lock_broken)
		spin_unlock(&lock);
	irq_restore(flags);
}

void log_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_vline(format, arguments);
	va_end(arguments);
}

// Under the lock.
static uint64_t oldest_kept(void)
{
	return written > LOG_SIZE ? written - LOG_SIZE : 0;
}

size_t log_read(uint64_t *position, char *buffer, size_t size)
{
	uint64_t flags = spin_lock_irqsave(&lock);
	uint64_t oldest = oldest_kept();
	size_t count = 0;

	if (*position < oldest || *position > written)
		*position = oldest;
	while (count < size && *position < written)
		buffer[count++] = ring[(*position)++ % LOG_SIZE];
	spin_unlock_irqrestore(&lock, flags);
	return count;
}

uint64_t log_written(void)
{
	uint64_t flags = spin_lock_irqsave(&lock);
	uint64_t end = written;

	spin_unlock_irqrestore(&lock, flags);
	return end;
}

uint64_t log_last_lines(uint64_t from, size_t size)
{
	uint64_t flags = spin_lock_irqsave(&lock);
	uint64_t start = oldest_kept();

	if (written > size && start < written - size)
		start = written - size;
	if (start < from)
		start = from;
	while (start > 0 && start < written && ring[(start - 1) % LOG_SIZE] != '\n')
		start++;
	spin_unlock_irqrestore(&lock, flags);
	return start;
}

void log_break_lock(void)
{
	lock_broken = true;
	serial_break_lock();
}
