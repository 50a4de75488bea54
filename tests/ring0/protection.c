// SPDX-License-Identifier: MIT
//
// What the page tables and the processor's protections must refuse. Each test first does what is
// allowed next to it, where there is such a thing, so that a refusal means something.
#include "kernel/machine/cpu.h"
#include "kernel/machine/features.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/trap.h"
#include "lib/string.h"
#include "mm/kernel_map.h"
#include "mm/layout.h"
#include "mm/slab.h"
#include "tests/ring0/ring0.h"

#define RET 0xc3

static uint8_t data_code[16] = {RET};
static const uint8_t rodata_code[16] = {RET};

static void execute(void *address)
{
	((void (*)(void))address)();
}

static void read_byte(void *address)
{
	(void)*(volatile uint8_t *)address;
}

// Writes back what is there, so that a write that gets through breaks nothing.
static void write_byte(void *address)
{
	volatile uint8_t *byte = address;

	*byte = *byte;
}

static void *image_alias(const void *address)
{
	return phys_to_virt((uintptr_t)address - KERNEL_IMAGE);
}

static bool refused(struct ring0_fault fault, const void *address, uint64_t error)
{
	return fault.happened && fault.vector == VECTOR_PAGE_FAULT &&
	       fault.address == (uintptr_t)address && fault.error == error;
}

static void check_not_executable(const void *code)
{
	CHECK(refused(ring0_try(execute, (void *)code), code, PF_FETCH | PF_PROTECTION));
}

static void check_not_writable(const void *address)
{
	CHECK(!ring0_try(read_byte, (void *)address).happened);
	CHECK(refused(ring0_try(write_byte, (void *)address), address, PF_WRITE | PF_PROTECTION));
}

RING0_TEST(data_is_not_executable)
{
	uint8_t stack_code[16] = {RET};
	uint8_t *heap_code = kmalloc(16);

	check_not_executable(data_code);
	check_not_executable(rodata_code);
	check_not_executable(stack_code);
	if (CHECK(heap_code != NULL)) {
		*heap_code = RET;
		check_not_executable(heap_code);
		kfree(heap_code);
	}
}

RING0_TEST(direct_map_is_not_executable)
{
	check_not_executable(image_alias(data_code));
	check_not_executable(image_alias((void *)execute));
}

RING0_TEST(text_is_read_only)
{
	check_not_writable((void *)execute);
	check_not_writable(image_alias((void *)execute));
	check_not_writable((void *)trap_init);
}

RING0_TEST(rodata_is_read_only)
{
	check_not_writable(rodata_code);
	check_not_writable(image_alias(rodata_code));
}

// WP is what makes ring 0 heed read-only pages: without it the same write gets through.
RING0_TEST(write_protect_binds_ring0)
{
	CHECK(cr0_read() & X86_CR0_WP);
	check_not_writable(rodata_code);
	cr0_write(cr0_read() & ~(uint64_t)X86_CR0_WP);
	CHECK(!ring0_try(write_byte, (void *)rodata_code).happened);
	cr0_write(cr0_read() | X86_CR0_WP);
	check_not_writable(rodata_code);
}

RING0_TEST(null_is_not_mapped)
{
	CHECK(refused(ring0_try(read_byte, NULL), NULL, 0));
	CHECK(refused(ring0_try(write_byte, (void *)8), (void *)8, 0));
}

RING0_TEST(identity_map_is_gone)
{
	CHECK(refused(ring0_try(read_byte, (void *)0x100000), (void *)0x100000, 0));
}

RING0_TEST(start_up_code_is_gone)
{
	extern char init_start[], init_end[];

	for (char *page = init_start; page < init_end; page += PAGE_SIZE)
		CHECK(refused(ring0_try(read_byte, page), page, 0));
}

RING0_TEST(smep_ring0_cannot_execute_ring3_pages)
{
	uintptr_t page;

	if (!features.smep) {
		ring0_skip("no SMEP");
		return;
	}
	page = ring0_user_page(data_code, sizeof(data_code));
	CHECK(cr4_read() & X86_CR4_SMEP);
	CHECK(refused(ring0_try(execute, (void *)page), (void *)page, PF_FETCH | PF_PROTECTION));
}

static void read_with_ac(void *address)
{
	__asm__ volatile("stac");
	read_byte(address);
	__asm__ volatile("clac");
}

RING0_TEST(smap_ring0_cannot_touch_ring3_pages)
{
	uintptr_t page;

	if (!features.smap) {
		ring0_skip("no SMAP");
		return;
	}
	page = ring0_user_page("x", 1);
	CHECK(cr4_read() & X86_CR4_SMAP);
	CHECK(!ring0_try(read_with_ac, (void *)page).happened);
	CHECK(refused(ring0_try(read_byte, (void *)page), (void *)page, PF_PROTECTION));
	CHECK(refused(ring0_try(write_byte, (void *)page), (void *)page, PF_PROTECTION));
}

// sgdt (%rsp); then a breakpoint that says it got through.
static const uint8_t sgdt_code[] = {0x0f, 0x01, 0x04, 0x24, 0xcc};

RING0_TEST(umip_ring3_cannot_read_descriptor_tables)
{
	uintptr_t page = ring0_user_page(sgdt_code, sizeof(sgdt_code));
	struct ring0_fault fault = ring0_try_user(page, page + 2048);

	if (!features.umip) {
		CHECK(fault.happened && fault.vector == VECTOR_BREAKPOINT);
		ring0_skip("no UMIP");
		return;
	}
	CHECK(fault.happened && fault.vector == VECTOR_PROTECTION && fault.rip == page);
	// Without UMIP the same code comes to its breakpoint.
	cr4_write(cr4_read() & ~(uint64_t)X86_CR4_UMIP);
	fault = ring0_try_user(page, page + 2048);
	cr4_write(cr4_read() | X86_CR4_UMIP);
	CHECK(fault.happened && fault.vector == VECTOR_BREAKPOINT);
}

static const uint8_t privileged_code[][4] = {
	{0xfa},             // cli
	{0xf4},             // hlt
	{0x0f, 0x22, 0xd8}, // mov %rax, %cr3
	{0xe4, 0x80},       // in $0x80, %al
	{0x0f, 0x30},       // wrmsr
};

RING0_TEST(ring3_cannot_execute_privileged_instructions)
{
	for (size_t i = 0; i < sizeof(privileged_code) / sizeof(privileged_code[0]); i++) {
		uintptr_t page = ring0_user_page(privileged_code[i], sizeof(privileged_code[i]));
		struct ring0_fault fault = ring0_try_user(page, page + 2048);

		CHECK(fault.happened && fault.vector == VECTOR_PROTECTION && fault.rip == page);
	}
}

RING0_TEST(stacks_have_guard_pages)
{
	char *stack = kernel_stack_alloc(), *below = stack - 1;

	if (!CHECK(stack != NULL))
		return;
	CHECK(!ring0_try(write_byte, stack).happened);
	CHECK(!ring0_try(write_byte, stack + KERNEL_STACK_SIZE - 1).happened);
	CHECK(refused(ring0_try(write_byte, below), below, 0));
	CHECK(refused(ring0_try(write_byte, stack - PAGE_SIZE), stack - PAGE_SIZE, 0));
	CHECK(kernel_stack_guard_hit((uintptr_t)below));
	CHECK(!kernel_stack_guard_hit((uintptr_t)stack));
	kernel_stack_free(stack);
}

RING0_TEST(exception_stacks_have_guard_pages)
{
	for (enum ist ist = IST_DOUBLE_FAULT; ist < IST_COUNT; ist++) {
		char *top = (char *)this_cpu()->tss.ist[ist - 1];
		char *below = (char *)PAGE_ALIGN_UP((uintptr_t)top) - KERNEL_STACK_SIZE - 1;

		CHECK(!ring0_try(read_byte, below + 1).happened);
		CHECK(refused(ring0_try(read_byte, below), below, 0));
	}
}
