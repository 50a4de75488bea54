// SPDX-License-Identifier: MIT
//
// Names for the instructions that only ring 0 may execute, so that a refused one can be told from
// a stray pointer: both arrive as general protection. Opcodes: SDM vol. 2, appendix A.
#include "kernel/machine/privileged.h"

#define TWO_BYTES 0x0f

struct opcode {
	uint8_t first, last;
	const char *name;
};

static const struct opcode one_byte[] = {
	{0x6c, 0x6d, "ins (port input)"},
	{0x6e, 0x6f, "outs (port output)"},
	{0xe4, 0xe5, "in (port input)"},
	{0xe6, 0xe7, "out (port output)"},
	{0xec, 0xed, "in (port input)"},
	{0xee, 0xef, "out (port output)"},
	{0xf4, 0xf4, "hlt"},
	{0xfa, 0xfa, "cli"},
	{0xfb, 0xfb, "sti"},
};

static const struct opcode two_bytes[] = {
	{0x06, 0x06, "clts"},
	{0x08, 0x09, "invd or wbinvd"},
	{0x20, 0x20, "mov from a control register"},
	{0x21, 0x21, "mov from a debug register"},
	{0x22, 0x22, "mov to a control register"},
	{0x23, 0x23, "mov to a debug register"},
	{0x30, 0x30, "wrmsr"},
	{0x32, 0x32, "rdmsr"},
	{0x33, 0x33, "rdpmc"},
	{0x35, 0x35, "sysexit"},
	{0x07, 0x07, "sysret"},
};

// 0f 00 and 0f 01 say which by three bits of their third byte.
static const char *const group6[8] = {"sldt", "str", "lldt", "ltr"};
static const char *const group7[8] = {"sgdt", "sidt", "lgdt", "lidt",
				      "smsw", NULL,   "lmsw", "invlpg"};

static const char *lookup(const struct opcode *table, size_t count, uint8_t byte)
{
	for (size_t i = 0; i < count; i++)
		if (byte >= table[i].first && byte <= table[i].last)
			return table[i].name;
	return NULL;
}

static bool is_prefix(uint8_t byte)
{
	if (byte >= 0x40 && byte <= 0x4f) // REX
		return true;
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return false;
	}
}

const char *privileged_name(const uint8_t *code, size_t size)
{
	size_t at = 0;

	while (at < size && is_prefix(code[at]))
		at++;
	if (at == size)
		return NULL;
	if (code[at] != TWO_BYTES)
		return lookup(one_byte, sizeof(one_byte) / sizeof(one_byte[0]), code[at]);
	if (++at == size)
		return NULL;
	if (code[at] > 0x01)
		return lookup(two_bytes, sizeof(two_bytes) / sizeof(two_bytes[0]), code[at]);
	if (at + 1 == size)
		return NULL;
	return (code[at] ? group7 : group6)[code[at + 1] >> 3 & 7];
}
