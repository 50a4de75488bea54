// SPDX-License-Identifier: MIT
//
// What /proc and /sys say of the processors. Each one counts its own time, in ticks, by what the
// tick found running; reading another one's counters needs no lock.
#include "kernel/file/proc_internal.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/process/process.h"
#include "kernel/process/scheduler.h"

#define NANOSECONDS 1000000000ul
#define CENTISECOND 10000000ul

struct cpu_sums {
	uint64_t user_ticks, kernel_ticks, idle_ticks;
	uint64_t interrupts[INTERRUPT_SOURCES], all_interrupts;
	uint64_t switches;
	uint64_t shootdowns_sent, shootdowns_received;
};

static void add_cpu(struct cpu_sums *sums, const struct cpu *cpu)
{
	sums->user_ticks += cpu->user_ticks;
	sums->kernel_ticks += cpu->kernel_ticks;
	sums->idle_ticks += cpu->idle_ticks;
	for (unsigned i = 0; i < INTERRUPT_SOURCES; i++) {
		sums->interrupts[i] += cpu->interrupts[i];
		sums->all_interrupts += cpu->interrupts[i];
	}
	sums->switches += cpu->switches;
	sums->shootdowns_sent += cpu->shootdowns_sent;
	sums->shootdowns_received += cpu->shootdowns_received;
}

static struct cpu_sums sum_cpus(void)
{
	struct cpu_sums sums = {0};

	for (unsigned i = 0; i < cpu_count; i++)
		add_cpu(&sums, cpus[i]);
	return sums;
}

int proc_show_uptime(struct pseudo_open *open, struct text *text)
{
	uint64_t now = clock_monotonic(), idle = sum_cpus().idle_ticks;

	(void)open;
	text_print(text, "%lu.%02lu %lu.%02lu\n", now / NANOSECONDS, now / CENTISECOND % 100,
		   idle / TICKS_PER_SECOND, idle % TICKS_PER_SECOND * 100 / TICKS_PER_SECOND);
	return 0;
}

int proc_show_stat(struct pseudo_open *open, struct text *text)
{
	struct process_counts counts = process_counts();
	struct cpu_sums sums = sum_cpus();

	(void)open;
	text_print(text, "cpu  %lu 0 %lu %lu 0 0 0 0 0 0\n", sums.user_ticks, sums.kernel_ticks,
		   sums.idle_ticks);
	for (unsigned i = 0; i < cpu_count; i++)
		text_print(text, "cpu%u %lu 0 %lu %lu 0 0 0 0 0 0\n", i, cpus[i]->user_ticks,
			   cpus[i]->kernel_ticks, cpus[i]->idle_ticks);
	text_print(text, "intr %lu", sums.all_interrupts);
	for (unsigned line = 0; line < INTERRUPT_LINES; line++)
		text_print(text, " %lu", sums.interrupts[line]);
	text_print(text, "\nctxt %lu\nbtime %lu\n", sums.switches,
		   (clock_realtime() - clock_monotonic()) / NANOSECONDS);
	text_print(text, "processes %lu\nprocs_running %u\nprocs_blocked 0\n", counts.forks + 1,
		   scheduler_runnable());
	return 0;
}

// What the local APIC brings, in Linux's words.
static const struct {
	const char *name, *description;
} apic_sources[] = {
	{"LOC", "Local timer interrupts"},
	{"RES", "Rescheduling interrupts"},
	{"WAK", "Wakes from a rest in a spin loop"},
	{"TLB", "TLB shootdowns"},
	{"SPU", "Spurious interrupts"},
};

static void print_source(struct text *text, unsigned source, const char *kind,
			 const char *description)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		text_print(text, "%10lu ", cpus[cpu]->interrupts[source]);
	text_print(text, " %s%s\n", kind, description);
}

int proc_show_interrupts(struct pseudo_open *open, struct text *text)
{
	(void)open;
	text_print(text, "           ");
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		text_print(text, "CPU%-8u", cpu);
	text_print(text, "\n");
	for (unsigned line = 0; line < INTERRUPT_LINES; line++) {
		if (!irq_name(line))
			continue;
		text_print(text, "%3u: ", line);
		print_source(text, line, " XT-PIC      ", irq_name(line));
	}
	for (unsigned i = INTERRUPT_LINES; i < INTERRUPT_SOURCES; i++) {
		text_print(text, "%s: ", apic_sources[i - INTERRUPT_LINES].name);
		print_source(text, i, "", apic_sources[i - INTERRUPT_LINES].description);
	}
	return 0;
}

// Linux's names, of CONFIG_DEBUG_TLBFLUSH.
void proc_print_shootdowns(struct text *text)
{
	struct cpu_sums sums = sum_cpus();

	text_print(text, "nr_tlb_remote_flush %lu\nnr_tlb_remote_flush_received %lu\n",
		   sums.shootdowns_sent, sums.shootdowns_received);
}

// A list of CPU numbers as cpulist(7) has it: all of them, always.
static int show_cpu_list(struct pseudo_open *open, struct text *text)
{
	(void)open;
	if (cpu_count > 1)
		text_print(text, "0-%u\n", cpu_count - 1);
	else
		text_print(text, "0\n");
	return 0;
}

static const struct pseudo_entry cpu_entries[] = {
	PSEUDO_TEXT("online", show_cpu_list),
	PSEUDO_TEXT("possible", show_cpu_list),
	PSEUDO_TEXT("present", show_cpu_list),
};
static const struct pseudo_entry system_entries[] = {
	PSEUDO_DIRECTORY("cpu", cpu_entries),
};
const struct pseudo_entry sys_device_entries[SYS_DEVICE_COUNT] = {
	PSEUDO_DIRECTORY("system", system_entries),
};
