// SPDX-License-Identifier: MIT
//
// /proc/cpuinfo: what CPUID tells of the processors, in Linux's names. All are taken to be alike,
// as they are in QEMU. Left out: microcode, which is not looked at, and Linux's own flags, which
// say what Linux does rather than what the processor can.
#include "kernel/file/proc_internal.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/timer.h"

#define EXTENDED 0x80000000u

// One register of CPUID, its bits' names from bit 0 on; "-": none, or not for programs.
struct flag_word {
	uint32_t leaf;
	enum { EBX, ECX, EDX } which;
	const char *names;
};

// In the order in which Linux writes them.
static const struct flag_word flag_words[] = {
	{1, EDX,
	 "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - "
	 "dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
	{EXTENDED | 1, EDX,
	 "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp "
	 "- "
	 "lm 3dnowext 3dnow"},
	{1, ECX,
	 "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - "
	 "pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c "
	 "rdrand hypervisor"},
	{EXTENDED | 1, ECX,
	 "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs "
	 "xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - "
	 "bpext "
	 "ptsc perfctr_llc mwaitx"},
	{7, EBX,
	 "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a "
	 "avx512f "
	 "avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er "
	 "avx512cd sha_ni avx512bw avx512vl"},
	{7, ECX,
	 "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni "
	 "avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - "
	 "movdiri movdir64b enqcmd sgx_lc"},
};

static uint32_t flag_bits(const struct flag_word *word)
{
	struct cpuid r;

	if (cpuid(word->leaf & EXTENDED, 0).eax < word->leaf)
		return 0;
	r = cpuid(word->leaf, 0);
	return word->which == EBX ? r.ebx : word->which == ECX ? r.ecx : r.edx;
}

static void print_flags(struct text *text)
{
	text_print(text, "flags\t\t:");
	for (unsigned i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++) {
		const char *name = flag_words[i].names;

		for (uint32_t bits = flag_bits(&flag_words[i]); bits; bits >>= 1) {
			size_t length = 0;

			while (name[length] && name[length] != ' ')
				length++;
			if ((bits & 1) && length && *name != '-')
				text_print(text, " %.*s", (int)length, name);
			name += length + (name[length] == ' ');
		}
	}
	text_print(text, "\n");
}

static void print_names(struct text *text)
{
	struct cpuid vendor = cpuid(0, 0), kind = cpuid(1, 0);
	uint32_t name[13] = {vendor.ebx, vendor.edx, vendor.ecx};
	unsigned family = kind.eax >> 8 & 0xf, model = kind.eax >> 4 & 0xf;

	if (family >= 6)
		model |= kind.eax >> 12 & 0xf0;
	if (family == 0xf)
		family += kind.eax >> 20 & 0xff;
	text_print(text, "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", (const char *)name,
		   family, model);
	for (unsigned i = 0; i < 3 && cpuid(EXTENDED, 0).eax >= (EXTENDED | 4); i++) {
		struct cpuid part = cpuid((EXTENDED | 2) + i, 0);

		name[4 * i] = part.eax;
		name[4 * i + 1] = part.ebx;
		name[4 * i + 2] = part.ecx;
		name[4 * i + 3] = part.edx;
	}
	text_print(text, "model name\t: %s\nstepping\t: %u\n", (const char *)name, kind.eax & 0xf);
}

static void print_sizes(struct text *text)
{
	struct cpuid sizes = {.eax = 36 | 48 << 8};
	unsigned line = (cpuid(1, 0).ebx >> 8 & 0xff) * 8;

	if (cpuid(EXTENDED, 0).eax >= (EXTENDED | 8))
		sizes = cpuid(EXTENDED | 8, 0);
	text_print(text,
		   "clflush size\t: %u\ncache_alignment\t: %u\n"
		   "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
		   line, line, sizes.eax & 0xff, sizes.eax >> 8 & 0xff);
}

// vmstat and top want an empty line after each processor.
int proc_show_cpuinfo(struct pseudo_open *open, struct text *text)
{
	uint64_t khz = clock_tsc_hz() / 1000;

	(void)open;
	for (unsigned i = 0; i < cpu_count; i++) {
		text_print(text, "processor\t: %u\n", i);
		print_names(text);
		text_print(text, "cpu MHz\t\t: %lu.%03lu\n", khz / 1000, khz % 1000);
		if (cpuid(EXTENDED, 0).eax >= (EXTENDED | 6))
			text_print(text, "cache size\t: %u KB\n",
				   cpuid(EXTENDED | 6, 0).ecx >> 16);
		text_print(text, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\n", cpu_count,
			   i);
		text_print(text, "cpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n",
			   cpu_count, cpus[i]->apic_id, cpus[i]->apic_id);
		text_print(text,
			   "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
			   cpuid(0, 0).eax);
		print_flags(text);
		text_print(text, "bugs\t\t:\nbogomips\t: %lu.%02lu\n", khz / 500, khz / 5 % 100);
		print_sizes(text);
	}
	return 0;
}
