// SPDX-License-Identifier: MIT
//
// Processor features: found with CPUID, turned on in CR0, CR4 and XCR0. Left out: protection
// keys, CET.
#include "kernel/machine/features.h"
#include "kernel/machine/cpu.h"
#include "kernel/driver/log.h"
#include "kernel/machine/instructions.h"
#include "lib/format.h"
#include "lib/string.h"

struct features features;

#define XCR0_X87_SSE 0x3ul
#define XCR0_AVX     0x4ul
#define XCR0_AVX512  0xe0ul // three components, only together

extern const uintptr_t smap_sites_start[], smap_sites_end[]; // linker.ld

static bool bit(uint32_t word, unsigned number)
{
	return word >> number & 1;
}

static void detect(void)
{
	uint32_t last = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;
	struct cpuid basic = cpuid(1, 0), more = {0}, extended = cpuid(0x80000001, 0);

	if (last >= 7)
		more = cpuid(7, 0);
	features = (struct features){
		.global_pages = bit(basic.edx, 13),
		.pcid = bit(basic.ecx, 17) && bit(basic.edx, 13),
		.giant_pages = bit(extended.edx, 26),
		.smep = bit(more.ebx, 7),
		.smap = bit(more.ebx, 20),
		.umip = bit(more.ecx, 2),
		.fsgsbase = bit(more.ebx, 0),
		.xsave = bit(basic.ecx, 26) && last >= 13,
		.avx = bit(basic.ecx, 28),
		.invariant_tsc = last_extended >= 0x80000007 && bit(cpuid(0x80000007, 0).edx, 8),
	};
}

static void enable_control_bits(void)
{
	uint64_t cr0 = cr0_read(), cr4 = cr4_read();

	cr0 &= ~(X86_CR0_EM | X86_CR0_TS | X86_CR0_CD | X86_CR0_NW);
	cr0_write(cr0 | X86_CR0_MP | X86_CR0_NE | X86_CR0_WP);
	cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	if (features.global_pages)
		cr4 |= X86_CR4_PGE;
	if (features.pcid)
		cr4 |= X86_CR4_PCIDE;
	if (features.smep)
		cr4 |= X86_CR4_SMEP;
	if (features.smap)
		cr4 |= X86_CR4_SMAP;
	if (features.umip)
		cr4 |= X86_CR4_UMIP;
	if (features.fsgsbase)
		cr4 |= X86_CR4_FSGSBASE;
	if (features.xsave)
		cr4 |= X86_CR4_OSXSAVE;
	cr4_write(cr4);
}

void cpu_refuse_tsc(bool refuse)
{
	uint64_t cr4 = cr4_read();

	this_cpu()->tsc_refused = refuse;
	cr4_write(refuse ? cr4 | X86_CR4_TSD : cr4 & ~X86_CR4_TSD);
}

static void choose_state_components(void)
{
	uint64_t supported, wanted = XCR0_X87_SSE;

	if (!features.xsave)
		return;
	supported = cpuid(13, 0).eax;
	if (features.avx && (supported & XCR0_AVX)) {
		wanted |= XCR0_AVX;
		if ((supported & XCR0_AVX512) == XCR0_AVX512)
			wanted |= XCR0_AVX512;
	}
	features.xcr0 = wanted;
}

static void load_state_components(void)
{
	if (features.xcr0)
		__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)features.xcr0), "d"(0));
}

// NOP of three bytes, the size of STAC and CLAC.
static void patch_smap_sites(void)
{
	static const uint8_t nop[3] = {0x0f, 0x1f, 0x00};

	for (const uintptr_t *site = smap_sites_start; site < smap_sites_end; site++)
		memcpy((void *)*site, nop, sizeof(nop));
}

void features_start(void)
{
	detect();
	choose_state_components();
	if (!features.smap)
		patch_smap_sites();
	features_start_secondary();
}

void features_start_secondary(void)
{
	enable_control_bits();
	load_state_components();
}

void features_log(void)
{
	const struct {
		bool used;
		const char *name;
	} list[] = {
		{true, "NX"},
		{true, "WP"},
		{features.global_pages, "PGE"},
		{features.pcid, "PCID"},
		{features.giant_pages, "1-GiB-pages"},
		{features.smep, "SMEP"},
		{features.smap, "SMAP"},
		{features.umip, "UMIP"},
		{features.fsgsbase, "FSGSBASE"},
		{features.xsave, "XSAVE"},
		{features.xcr0 & XCR0_AVX, "AVX"},
		{features.xcr0 & XCR0_AVX512, "AVX-512"},
		{features.invariant_tsc, "invariant-TSC"},
	};
	char line[160] = "";

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (!list[i].used)
			continue;
		strlcat(line, " ", sizeof(line));
		strlcat(line, list[i].name, sizeof(line));
	}
	log_line("processor features in use:%s", line);
}
