// SPDX-License-Identifier: MIT
//
// Descriptor tables, the task-state segment with its stacks, and the registers behind SYSCALL.
#include "kernel/machine/cpu_start.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/features.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/registers.h"
#include "mm/kernel_map.h"

// GS points here from entry.asm on.
struct cpu boot_cpu = {.self = &boot_cpu};

// Until there are stacks with guard pages the three share one: nothing returns from #DF and #MC.
#define BOOT_STACK_SIZE 8192
static char boot_exception_stack[BOOT_STACK_SIZE]
	__attribute__((section(".init.data"), aligned(16)));

void syscall_entry(void); // entry.asm

#define GDT_KERNEL_CODE 0x00af9b000000fffful // 64-bit, ring 0
#define GDT_DATA        0x00cf93000000fffful
#define GDT_USER        (3ul << 45) // descriptor privilege level
#define GDT_TSS         0x89ul      // available 64-bit TSS

// An entry of 16 bytes (SDM vol. 3A, 8.2.3).
static void describe_tss(struct cpu *cpu)
{
	uint64_t base = (uintptr_t)&cpu->tss, limit = sizeof(cpu->tss) - 1;

	cpu->gdt[SELECTOR_TSS / 8] =
		limit | (base & 0xffffff) << 16 | GDT_TSS << 40 | (base >> 24 & 0xff) << 56;
	cpu->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

// The word above what the processor pushes tells own_stack_entry whose stack it is; the other one
// keeps the alignment of 16 that the processor would otherwise force.
static void set_exception_stack(struct cpu *cpu, enum ist ist, char *stack, size_t size)
{
	struct cpu **top = (struct cpu **)(stack + size) - 2;

	*top = cpu;
	cpu->tss.ist[ist - 1] = (uintptr_t)top;
}

static void load_descriptors(struct cpu *cpu)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(cpu->gdt) - 1, (uintptr_t)cpu->gdt};

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "ltr %w2"
			 :
			 : "m"(pointer), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_TSS)
			 : "rax", "memory");
}

void cpu_load_descriptors(struct cpu *cpu)
{
	cpu->gdt[SELECTOR_KERNEL_CODE / 8] = GDT_KERNEL_CODE;
	cpu->gdt[SELECTOR_KERNEL_DATA / 8] = GDT_DATA;
	cpu->gdt[SELECTOR_USER_DATA / 8] = GDT_DATA | GDT_USER;
	cpu->gdt[SELECTOR_USER_CODE / 8] = GDT_KERNEL_CODE | GDT_USER;
	cpu->tss.io_map = sizeof(cpu->tss);
	describe_tss(cpu);
	for (enum ist ist = IST_DOUBLE_FAULT; ist < IST_COUNT && cpu == &boot_cpu; ist++)
		set_exception_stack(cpu, ist, boot_exception_stack, BOOT_STACK_SIZE);
	load_descriptors(cpu);
}

void cpu_start_calls(void)
{
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SYSCALL);
	// SYSRET takes code from the upper half + 16, data from + 8.
	msr_write(MSR_STAR,
		  (uint64_t)SELECTOR_SYSRET << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
	msr_write(MSR_LSTAR, (uintptr_t)syscall_entry);
	msr_write(MSR_SYSCALL_MASK,
		  X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_TF | X86_EFLAGS_AC | X86_EFLAGS_NT);
	msr_write(MSR_KERNEL_GS_BASE, 0);
}

bool cpu_make_stacks(struct cpu *cpu)
{
	for (enum ist ist = IST_DOUBLE_FAULT; ist < IST_COUNT; ist++) {
		char *stack = kernel_stack_alloc();

		if (!stack)
			return false;
		set_exception_stack(cpu, ist, stack, KERNEL_STACK_SIZE);
	}
	return true;
}
