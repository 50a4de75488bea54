// SPDX-License-Identifier: MIT
//
// See secondary.h. A CPU begins in real mode at the trampoline (boot/trampoline.asm), goes through
// boot/entry.asm to 64-bit mode, and arrives here with its stack and its struct cpu, which the
// first CPU has made for it. CPUs are never stopped or taken out again.
#include "kernel/machine/secondary.h"
#include "kernel/boot_info.h"
#include "kernel/driver/log.h"
#include "kernel/machine/apic.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/cpu_start.h"
#include "kernel/machine/features.h"
#include "kernel/machine/flush.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/machine/trap.h"
#include "kernel/process/scheduler.h"
#include "lib/string.h"
#include "mm/kernel_map.h"
#include "mm/page_table.h"
#include "mm/slab.h"

// The waits that the manual asks for (SDM vol. 3A, 9.4.4.1), and for how long a CPU may be silent.
#define MICROSECONDS_INIT    10000
#define MICROSECONDS_STARTUP 200
#define MICROSECONDS_SILENT  1000000

struct cpu *cpus[MAX_CPUS] = {&boot_cpu};
unsigned cpu_count = 1;
uint64_t cpus_online = 1;

extern const char trampoline[], trampoline_end[]; // boot/trampoline.asm

// What the CPU that is being started needs first; boot/entry.asm knows the offsets.
struct {
	phys_t root;
	uintptr_t stack_top;
	struct cpu *cpu;
} secondary_start;

_Noreturn void secondary_main(void); // called by boot/entry.asm

void secondary_main(void)
{
	struct cpu *cpu = this_cpu();

	cpu_load_descriptors(cpu);
	trap_load();
	features_start_secondary();
	cpu_start_calls();
	scheduler_init_cpu();
	apic_start_secondary();
	timer_start_secondary();
	// From here on others tell this CPU what to forget, and wait for it. What they changed
	// before, it may know wrongly.
	__atomic_fetch_or(&cpus_online, 1ul << cpu->number, __ATOMIC_SEQ_CST);
	flush_local(NULL, 0, ~0ul, 0);
	irq_enable();
	scheduler_run();
}

static bool is_online(unsigned number)
{
	return __atomic_load_n(&cpus_online, __ATOMIC_ACQUIRE) >> number & 1;
}

// Until the CPU is there, or for `microseconds`: whether it is.
static bool wait_online(unsigned number, uint64_t microseconds)
{
	uint64_t begin = tsc_read(), ticks = clock_tsc_hz() / 1000000 * microseconds;

	while (!is_online(number) && tsc_read() - begin < ticks)
		__builtin_ia32_pause();
	return is_online(number);
}

// The page is copied for each CPU anew: the trampoline changes its own data.
static bool start_at_trampoline(const struct cpu *cpu)
{
	memcpy(phys_to_virt(boot_info.trampoline), trampoline, trampoline_end - trampoline);
	apic_send_init(cpu->apic_id);
	wait_online(cpu->number, MICROSECONDS_INIT);
	apic_send_startup(cpu->apic_id, boot_info.trampoline);
	if (wait_online(cpu->number, MICROSECONDS_STARTUP))
		return true;
	// The second one is ignored by a CPU that has heard the first.
	apic_send_startup(cpu->apic_id, boot_info.trampoline);
	return wait_online(cpu->number, MICROSECONDS_SILENT);
}

static struct cpu *make_cpu(uint8_t id)
{
	struct cpu *cpu = kzalloc(sizeof(*cpu));

	if (!cpu)
		return NULL;
	cpu->self = cpu;
	cpu->number = cpu_count;
	cpu->apic_id = id;
	if (cpu_make_stacks(cpu))
		return cpu;
	kfree(cpu);
	return NULL;
}

// 0 when there is no memory for a CPU: then the others need not be tried.
static bool start_one(uint8_t id)
{
	void *stack = kernel_stack_alloc();
	struct cpu *cpu = stack ? make_cpu(id) : NULL;

	if (!cpu)
		return false;
	secondary_start.root = kernel_root();
	secondary_start.stack_top = (uintptr_t)stack + KERNEL_STACK_SIZE;
	secondary_start.cpu = cpu;
	cpus[cpu->number] = cpu;
	// What it was given stays its own: it may yet come.
	if (!start_at_trampoline(cpu))
		return false;
	cpu_count++;
	return true;
}

void secondary_start_all(void)
{
	const bool apic =
		boot_info.local_apic && apic_start(boot_info.local_apic, TICKS_PER_SECOND);

	if (boot_info.cpu_count < 2)
		return;
	if (!boot_info.trampoline || !apic) {
		log_line("cpus: no page below 1 MiB, or no local APIC: only one CPU is used");
		return;
	}
	boot_cpu.apic_id = apic_id();
	flush_elsewhere = true;
	for (size_t i = 0; i < boot_info.cpu_count; i++) {
		uint8_t id = boot_info.apic_ids[i];

		if (id == boot_cpu.apic_id)
			continue;
		if (!start_one(id)) {
			log_line("cpus: the one with APIC %u did not start", id);
			break;
		}
	}
	log_line("cpus: %u of %zu run", cpu_count, boot_info.cpu_count + boot_info.cpus_dropped);
}
