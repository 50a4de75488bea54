// SPDX-License-Identifier: MIT
//
// Arguments at random for the mmap fuzzer.

#include <sys/mman.h>
#include "tests/fuzz/mmap/fuzz.h"

// Mostly a few pages, so that ranges meet each other's borders.
struct range random_range(void)
{
	unsigned grain = window_pages / 64;
	unsigned first = chance(64), most = chance(4) ? 6 : 64;
	unsigned room = 64 - first, count = 1 + chance(room < most ? room : most);

	return (struct range){window + first * grain * PAGE, count * grain * PAGE};
}

char *random_page(void)
{
	return window + chance(window_pages) * PAGE;
}

// Nothing here may be mapped by accident: what is too long reaches out of ring 3's half.
static size_t wrong_size(void)
{
	static const size_t sizes[] = {
		0,
		-1ul,
		-PAGE,
		-PAGE + 1,
		-2 * PAGE,
		1ul << 47,
		1ul << 63,
		1ul << 62,
		1ul << 48,
		(1ul << 47) - PAGE,
		(1ul << 47) - 2 * PAGE,
	};

	return sizes[chance(sizeof(sizes) / sizeof(sizes[0]))];
}

static char *wrong_address(void)
{
	static const unsigned long addresses[] = {
		0x7ffffffff000, 0x800000000000,     0xffff800000000000, 0xffffffffff600000,
		-4096ul,        0x7fffffffffffffff, 0x8000000000000000, 0x7ffffffff001,
	};

	return (char *)addresses[chance(sizeof(addresses) / sizeof(addresses[0]))];
}

struct range wrong_range(void)
{
	struct range range = random_range();

	switch (chance(8)) {
	case 0:
		range.start += 1 + chance(PAGE - 1);
		break;
	case 1:
		range.size -= 1 + chance(PAGE - 1);
		break;
	case 2:
		range.size = 0;
		break;
	case 3:
		range.size = wrong_size();
		break;
	case 4:
		range.start = wrong_address();
		break;
	case 5:
		range.start = wrong_address();
		range.size = wrong_size();
		break;
	case 6:
		range.start += 1 + chance(PAGE - 1);
		range.size = wrong_size();
		break;
	default:
		range.start += 1 + chance(PAGE - 1);
		range.size = 0;
		break;
	}
	return range;
}

// No execution without reading: where there are protection keys, that is a thing of its own.
int random_protection(void)
{
	static const int rare[] = {PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_EXEC,
				   PROT_READ | PROT_WRITE | PROT_EXEC};

	return chance(2) ? PROT_READ | PROT_WRITE : rare[chance(5)];
}

void say_range(const struct range *range)
{
	say_address("at", range->start);
	say(" size=%#lx", range->size);
}
