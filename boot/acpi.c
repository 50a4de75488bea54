// SPDX-License-Identifier: MIT
//
// ACPI, as far as it says which processors there are: from the root pointer to the MADT (ACPI
// specification 6.5, 5.2.5 to 5.2.12). Everything is bounded by what the boot tables map; a table
// that is missing or wrong means that one CPU runs.
#include "boot/boot.h"
#include "lib/string.h"

#define TABLE_SIZE_MAX (1ul << 20)

struct acpi_header {
	char signature[4];
	uint32_t length; // of the whole table
	uint8_t revision, checksum;
	char oem[26];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision; // 2 and later: the XSDT is there
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t checksum_of_all;
	uint8_t reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_rsdp) == sizeof(boot_info.rsdp), "ACPI 5.2.5.3");

struct acpi_madt {
	struct acpi_header header;
	uint32_t local_apic; // physical address
	uint32_t flags;
} __attribute__((packed));

struct madt_entry {
	uint8_t type, length;
} __attribute__((packed));

#define MADT_LOCAL_APIC    0
#define MADT_APIC_ADDRESS  5 // a 64-bit address that overrides the header's
#define LOCAL_APIC_ENABLED 1
#define ENTRY_SIZE_APIC    8
#define ENTRY_SIZE_ADDRESS 12
#define APIC_ID_BROADCAST  0xff

static BOOT_CODE bool sum_is_zero(const void *table, size_t size)
{
	const uint8_t *bytes = table;
	uint8_t sum = 0;

	while (size-- > 0)
		sum += *bytes++;
	return sum == 0;
}

// The table at `address`, all of it readable and its checksum right, or NULL.
static BOOT_CODE const struct acpi_header *table_at(uint64_t address)
{
	const struct acpi_header *table = boot_phys(address, sizeof(*table));

	if (!table || table->length < sizeof(*table) || table->length > TABLE_SIZE_MAX ||
	    !boot_phys(address, table->length) || !sum_is_zero(table, table->length))
		return NULL;
	return table;
}

// Looks through a root table, whose entries are addresses of `width` bytes.
static BOOT_CODE const struct acpi_header *find_in(uint64_t root_address, size_t width,
						   const char *signature)
{
	const struct acpi_header *root = table_at(root_address);
	const char *at, *end;

	if (!root)
		return NULL;
	at = (const char *)(root + 1);
	end = (const char *)root + root->length;
	for (; (size_t)(end - at) >= width; at += width) {
		const struct acpi_header *table;
		uint64_t address = 0;

		memcpy(&address, at, width);
		table = table_at(address);
		if (table && !memcmp(table->signature, signature, sizeof(table->signature)))
			return table;
	}
	return NULL;
}

static BOOT_CODE const struct acpi_header *find_table(const char *signature)
{
	struct acpi_rsdp rsdp = {0};
	const struct acpi_header *table = NULL;

	memcpy(&rsdp, boot_info.rsdp, boot_info.rsdp_size);
	if (memcmp(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature)) != 0)
		return NULL;
	if (rsdp.revision >= 2 && boot_info.rsdp_size >= sizeof(rsdp))
		table = find_in(rsdp.xsdt, sizeof(rsdp.xsdt), signature);
	return table ? table : find_in(rsdp.rsdt, sizeof(rsdp.rsdt), signature);
}

static BOOT_CODE void read_local_apic(const uint8_t *entry)
{
	uint32_t flags;

	memcpy(&flags, entry + 4, sizeof(flags));
	if (!(flags & LOCAL_APIC_ENABLED) || entry[3] == APIC_ID_BROADCAST)
		return;
	if (boot_info.cpu_count == MAX_CPUS)
		boot_info.cpus_dropped++;
	else
		boot_info.apic_ids[boot_info.cpu_count++] = entry[3];
}

BOOT_CODE void boot_read_acpi(void)
{
	const struct acpi_madt *madt = (const void *)find_table("APIC");
	const uint8_t *at, *end;

	if (!madt || madt->header.length < sizeof(*madt))
		return;
	boot_info.local_apic = madt->local_apic;
	at = (const uint8_t *)(madt + 1);
	end = (const uint8_t *)madt + madt->header.length;
	while (end - at >= (long)sizeof(struct madt_entry)) {
		const struct madt_entry *entry = (const void *)at;

		if (entry->length < sizeof(*entry) || entry->length > end - at)
			return;
		if (entry->type == MADT_LOCAL_APIC && entry->length >= ENTRY_SIZE_APIC)
			read_local_apic(at);
		if (entry->type == MADT_APIC_ADDRESS && entry->length >= ENTRY_SIZE_ADDRESS)
			memcpy(&boot_info.local_apic, at + 4, sizeof(boot_info.local_apic));
		at += entry->length;
	}
}
