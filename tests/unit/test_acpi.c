// SPDX-License-Identifier: MIT
//
// Which CPUs there are, as ACPI's tables say it: right ones, wrong ones, and random changes of
// right ones. Physical memory is a block of the exact size, so that a read past it is seen by
// ASan.
// link: boot/acpi.c
#define _GNU_SOURCE
#include "boot/boot.h"
#include "tests/unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BASE      0x10000ul // physical address of the block
#define SIZE      2048
#define AT_ROOT   0x100 // offsets in it
#define AT_OTHER  0x180
#define AT_MADT   0x200
#define MADT_HEAD 44

struct boot_info boot_info;

static uint8_t *block;

const void *boot_phys(uint64_t address, uint64_t size)
{
	if (address < BASE || address - BASE > SIZE || size > SIZE - (address - BASE))
		return NULL;
	return block + (address - BASE);
}

static void finish_table(size_t at, const char *signature, uint32_t length)
{
	uint8_t sum = 0;

	memcpy(block + at, signature, 4);
	memcpy(block + at + 4, &length, sizeof(length));
	block[at + 9] = 0;
	for (uint32_t i = 0; i < length; i++)
		sum += block[at + i];
	block[at + 9] = (uint8_t)-sum;
}

static void put32(size_t at, uint32_t value)
{
	memcpy(block + at, &value, sizeof(value));
}

static void put64(size_t at, uint64_t value)
{
	memcpy(block + at, &value, sizeof(value));
}

// A root table of either width with two tables, of which the second is the MADT.
static void build_root(bool wide)
{
	memset(&boot_info, 0, sizeof(boot_info));
	memcpy(boot_info.rsdp, "RSD PTR ", 8);
	boot_info.rsdp_size = wide ? 36 : 20;
	boot_info.rsdp[15] = wide ? 2 : 0;
	if (wide) {
		uint64_t address = BASE + AT_ROOT;

		memcpy(boot_info.rsdp + 24, &address, sizeof(address));
		put64(AT_ROOT + 36, BASE + AT_OTHER);
		put64(AT_ROOT + 44, BASE + AT_MADT);
		finish_table(AT_ROOT, "XSDT", 52);
	} else {
		uint32_t address = BASE + AT_ROOT;

		memcpy(boot_info.rsdp + 16, &address, sizeof(address));
		put32(AT_ROOT + 36, BASE + AT_OTHER);
		put32(AT_ROOT + 40, BASE + AT_MADT);
		finish_table(AT_ROOT, "RSDT", 44);
	}
	finish_table(AT_OTHER, "FACP", 36);
}

static size_t add_entry(size_t at, uint8_t type, uint8_t length, const void *rest)
{
	block[at] = type;
	block[at + 1] = length;
	memcpy(block + at + 2, rest, length - 2);
	return at + length;
}

static size_t add_cpu(size_t at, uint8_t id, uint32_t flags)
{
	uint8_t rest[6] = {0, id};

	memcpy(rest + 2, &flags, sizeof(flags));
	return add_entry(at, 0, 8, rest);
}

static void start(bool wide)
{
	free(block);
	block = calloc(1, SIZE);
	assert_non_null(block);
	build_root(wide);
	put32(AT_MADT + 36, 0xfee00000);
}

// Three CPUs of which one is off, an I/O APIC between them, and the local APIC somewhere else.
static void build_usual(bool wide)
{
	static const uint8_t io_apic[10];
	uint8_t moved[10] = {0};
	uint64_t address = 0x1fee00000;
	size_t end = AT_MADT + MADT_HEAD;

	start(wide);
	memcpy(moved + 2, &address, sizeof(address));
	end = add_cpu(end, 0, 1);
	end = add_entry(end, 1, 12, io_apic);
	end = add_cpu(end, 7, 1);
	end = add_cpu(end, 9, 0);
	end = add_entry(end, 5, 12, moved);
	finish_table(AT_MADT, "APIC", (uint32_t)(end - AT_MADT));
}

static void check_usual(void)
{
	boot_read_acpi();
	assert_int_equal(boot_info.cpu_count, 2);
	assert_int_equal(boot_info.apic_ids[0], 0);
	assert_int_equal(boot_info.apic_ids[1], 7);
	assert_int_equal(boot_info.local_apic, 0x1fee00000);
}

static void cpus_are_listed(void **state)
{
	(void)state;
	build_usual(true);
	check_usual();
	build_usual(false);
	check_usual();
}

static void too_many(void **state)
{
	size_t end = AT_MADT + MADT_HEAD;

	(void)state;
	start(true);
	for (unsigned id = 0; id < MAX_CPUS + 3; id++)
		end = add_cpu(end, (uint8_t)id, 1);
	finish_table(AT_MADT, "APIC", (uint32_t)(end - AT_MADT));
	boot_read_acpi();
	assert_int_equal(boot_info.cpu_count, MAX_CPUS);
	assert_int_equal(boot_info.cpus_dropped, 3);
}

static void expect_none(void)
{
	boot_read_acpi();
	assert_int_equal(boot_info.cpu_count, 0);
}

static void wrong_tables(void **state)
{
	(void)state;
	build_usual(true);
	boot_info.rsdp_size = 0;
	expect_none();
	build_usual(true);
	boot_info.rsdp[0] = 'X';
	expect_none();
	build_usual(true);
	block[AT_MADT + 9]++; // its checksum
	expect_none();
	build_usual(true);
	block[AT_ROOT + 9]++;
	expect_none();
	build_usual(true);
	put32(AT_MADT + 4, SIZE); // longer than memory
	expect_none();
	build_usual(true);
	finish_table(AT_MADT, "APIC", 40); // shorter than its own head
	expect_none();
	build_usual(true);
	block[AT_MADT + MADT_HEAD + 1] = 0; // an entry of no length would never end
	finish_table(AT_MADT, "APIC", MADT_HEAD + 48);
	expect_none();
}

static void random_tables(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		build_usual(round % 2);
		for (unsigned changes = random_below(8); changes > 0; changes--)
			block[random_below(SIZE)] = (uint8_t)random_below(256);
		if (random_below(2)) {
			uint32_t length;

			memcpy(&length, block + AT_MADT + 4, sizeof(length));
			if (length >= 36 && length < SIZE - AT_MADT)
				finish_table(AT_MADT, "APIC", length);
		}
		boot_read_acpi();
		assert_true(boot_info.cpu_count <= MAX_CPUS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpus_are_listed),
		cmocka_unit_test(too_many),
		cmocka_unit_test(wrong_tables),
		cmocka_unit_test(random_tables),
	};

	random_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
