// SPDX-License-Identifier: MIT
//
// The interrupt descriptor table: all 256 vectors lead to entry.asm. Every gate turns interrupts
// off; #BP and #OF may be called from ring 3.
#include "kernel/machine/cpu.h"
#include "kernel/machine/cpu_start.h"
#include "kernel/machine/registers.h"
#include "kernel/machine/trap.h"

#define STUB_SIZE      16   // entry.asm
#define GATE_INTERRUPT 0x8e // present, ring 0
#define GATE_RING3     0x60

// SDM vol. 3A, 6.14.1
struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

static struct gate idt[VECTOR_COUNT] __attribute__((aligned(16)));

extern char trap_stubs[], page_fault_entry[]; // entry.asm

static enum ist stack_of(unsigned vector)
{
	switch (vector) {
	case VECTOR_DOUBLE_FAULT:
		return IST_DOUBLE_FAULT;
	case VECTOR_NMI:
		return IST_NMI;
	case VECTOR_MACHINE_CHECK:
		return IST_MACHINE_CHECK;
	default:
		return IST_NONE;
	}
}

static void set_gate(unsigned vector)
{
	uintptr_t stub = (uintptr_t)trap_stubs + vector * STUB_SIZE;
	uint64_t offset = vector == VECTOR_PAGE_FAULT ? (uintptr_t)page_fault_entry : stub;
	bool ring3 = vector == VECTOR_BREAKPOINT || vector == VECTOR_OVERFLOW;

	idt[vector] = (struct gate){
		.offset_low = offset,
		.selector = SELECTOR_KERNEL_CODE,
		.ist = stack_of(vector),
		.type = GATE_INTERRUPT | (ring3 ? GATE_RING3 : 0),
		.offset_middle = offset >> 16,
		.offset_high = offset >> 32,
	};
}

void trap_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, (uintptr_t)idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_init(void)
{
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
		set_gate(vector);
	cpu_load_descriptors(&boot_cpu); // the gates name stacks in the TSS
	trap_load();
}
