// SPDX-License-Identifier: MIT
//
// The memory operand of an instruction: prefixes, an opcode of one of four maps, ModRM, SIB and a
// displacement (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2
// and appendix A). Operands relative to rip or to a segment are left out: they are neither in a
// block of malloc nor on the stack.
#include "lib/libc/debug_decode.h"
#include "lib/libc/debug_context.h"
#include <string.h>

struct instruction {
	const uint8_t *at; // behind what was read so far
	const uint64_t *registers;
	uint8_t opcode, map;  // map: 0 one byte, 1 0F, 2 0F 38, 3 0F 3A
	uint8_t prefix;       // 0x66, 0xf2, 0xf3 or 0
	bool wide, x, b;      // REX.W, .X, .B
	bool repeated;        // F2 or F3 before a string instruction
	bool elsewhere;       // relative to a segment, or with 32-bit addresses
	bool masked;          // only those elements that a mask names
	bool extended;        // VEX or EVEX
	unsigned int vector;  // bytes
	unsigned int compact; // what an 8-bit displacement counts in
};

static const uint8_t places[16] = {13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7};

static uint64_t value(const struct instruction *in, unsigned int number)
{
	return in->registers[places[number]];
}

// -- prefixes

static bool legacy_prefix(struct instruction *in, uint8_t byte)
{
	switch (byte) {
	case 0x64:
	case 0x65:
	case 0x67:
		in->elsewhere = true;
		return true;
	case 0x66:
		if (!in->prefix)
			in->prefix = byte;
		return true;
	case 0xf2:
	case 0xf3:
		in->prefix = byte;
		in->repeated = true;
		return true;
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0xf0:
		return true;
	}
	return false;
}

static const uint8_t implied[4] = {0, 0x66, 0xf3, 0xf2};

static void read_vex(struct instruction *in, bool long_form)
{
	uint8_t first = *in->at++, second = long_form ? *in->at++ : first;

	in->extended = true;
	in->map = long_form ? first & 31 : 1;
	in->x = long_form && !(first & 0x40);
	in->b = long_form && !(first & 0x20);
	in->wide = long_form && (second & 0x80);
	in->prefix = implied[second & 3];
	in->vector = second & 4 ? 32 : 16;
	in->opcode = *in->at++;
}

static void read_evex(struct instruction *in)
{
	uint8_t first = *in->at++, second = *in->at++, third = *in->at++;

	in->extended = true;
	in->map = first & 7;
	in->x = !(first & 0x40);
	in->b = !(first & 0x20);
	in->wide = second & 0x80;
	in->prefix = implied[second & 3];
	in->vector = 16u << (third >> 5 & 3);
	in->compact = in->vector;
	in->masked = third & 7 || third & 0x10;
	in->opcode = *in->at++;
}

static void read_opcode(struct instruction *in)
{
	uint8_t byte = *in->at++;

	while (legacy_prefix(in, byte))
		byte = *in->at++;
	if ((byte & 0xf0) == 0x40) {
		in->wide = byte & 8;
		in->x = byte & 2;
		in->b = byte & 1;
		byte = *in->at++;
	}
	in->opcode = byte;
	if (byte == 0xc5 || byte == 0xc4) {
		read_vex(in, byte == 0xc4);
	} else if (byte == 0x62) {
		read_evex(in);
	} else if (byte == 0x0f) {
		in->map = 1;
		in->opcode = *in->at++;
		if (in->opcode == 0x38 || in->opcode == 0x3a) {
			in->map = in->opcode == 0x38 ? 2 : 3;
			in->opcode = *in->at++;
		}
	}
}

// -- which opcodes have an operand in memory

static bool in_ranges(uint8_t opcode, const uint8_t (*ranges)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (opcode >= ranges[i][0] && opcode <= ranges[i][1])
			return true;
	return false;
}

#define IN(opcode, ...)                                      \
	in_ranges(opcode, (const uint8_t[][2]){__VA_ARGS__}, \
		  sizeof((const uint8_t[][2]){__VA_ARGS__}) / 2)

// lea, prefetches, long nops and invlpg name memory without touching it; gathers touch several
// places.
static bool has_operand(const struct instruction *in)
{
	if (in->map == 0)
		return (in->opcode < 0x40 && (in->opcode & 7) < 4) ||
		       (in->opcode != 0x8d &&
			IN(in->opcode, {0x63, 0x63}, {0x69, 0x69}, {0x6b, 0x6b}, {0x80, 0x8f},
			   {0xc0, 0xc1}, {0xc6, 0xc7}, {0xd0, 0xd3}, {0xd8, 0xdf}, {0xf6, 0xf7},
			   {0xfe, 0xff}));
	if (in->map == 1)
		return !IN(in->opcode, {0x00, 0x0f}, {0x18, 0x1f}, {0x30, 0x37}, {0x77, 0x77},
			   {0x80, 0x8f}, {0xa0, 0xa2}, {0xa8, 0xaa}, {0xae, 0xae}, {0xc7, 0xcf});
	if (in->map == 2)
		return !IN(in->opcode, {0x90, 0x93}, {0xa0, 0xa3});
	return in->map == 3;
}

// VMASKMOV and VPMASKMOV have a mask too, and what narrows elements or leaves some out
// (VPMOVQB and the like, VPCOMPRESS) writes less than a vector.
static bool of_elements(const struct instruction *in)
{
	return in->masked || (in->map == 2 && in->extended &&
			      (IN(in->opcode, {0x2c, 0x2f}, {0x63, 0x63}, {0x8a, 0x8b},
				  {0x8c, 0x8c}, {0x8e, 0x8e}) ||
			       (in->prefix == 0xf3 &&
				IN(in->opcode, {0x10, 0x15}, {0x20, 0x25}, {0x30, 0x35}))));
}

static bool with_vector_register(const struct instruction *in)
{
	return in->map != 0 &&
	       (in->extended ||
		(in->map == 1 && IN(in->opcode, {0x10, 0x17}, {0x28, 0x2f}, {0x50, 0x7f},
				    {0xc2, 0xc2}, {0xc4, 0xc6}, {0xd0, 0xff})));
}

static unsigned int by_width(const struct instruction *in)
{
	return in->wide ? 8 : in->prefix == 0x66 ? 2 : 4;
}

// D8 to DF, the x87's, by ModRM's middle field. Environments and states are counted as 2 bytes.
static unsigned int size_x87(const struct instruction *in)
{
	static const uint8_t sizes[8][8] = {
		{4, 4, 4, 4, 4, 4, 4, 4},   {4, 4, 4, 4, 2, 2, 2, 2},   {4, 4, 4, 4, 4, 4, 4, 4},
		{4, 4, 4, 4, 4, 10, 4, 10}, {8, 8, 8, 8, 8, 8, 8, 8},   {8, 8, 8, 8, 2, 2, 2, 2},
		{2, 2, 2, 2, 2, 2, 2, 2},   {2, 2, 2, 2, 10, 8, 10, 8},
	};

	return sizes[in->opcode & 7][*in->at >> 3 & 7];
}

static unsigned int size_one_byte(const struct instruction *in)
{
	if ((in->opcode & 0xf8) == 0xd8)
		return size_x87(in);
	switch (in->opcode) {
	case 0x63:
		return 4;
	case 0x8f:
		return 8;
	case 0x8c:
	case 0x8e:
		return 2;
	case 0x69:
	case 0x6b:
	case 0x83:
		return by_width(in);
	case 0xff: // call, jmp and push take 8
		return in->wide || (*in->at >> 3 & 7) >= 2 ? 8 : by_width(in);
	}
	return in->opcode & 1 ? by_width(in) : 1;
}

// Scalars among the vector instructions.
static unsigned int size_vector(const struct instruction *in)
{
	bool scalar = in->prefix == 0xf3 || in->prefix == 0xf2;

	if (IN(in->opcode, {0x10, 0x11}, {0x2a, 0x2d}, {0x51, 0x5f}, {0xc2, 0xc2}) && scalar)
		return in->opcode == 0x2a ? (in->wide ? 8 : 4) : in->prefix == 0xf3 ? 4 : 8;
	if (IN(in->opcode, {0x2e, 0x2f}))
		return in->prefix == 0x66 ? 8 : 4;
	if (IN(in->opcode, {0x12, 0x13}, {0x16, 0x17}, {0xd6, 0xd6}) && !scalar)
		return 8;
	if (in->opcode == 0x7e && in->prefix == 0xf3)
		return 8;
	if (IN(in->opcode, {0x6e, 0x6e}, {0x7e, 0x7e}))
		return in->wide ? 8 : 4;
	return in->vector ? in->vector : 16;
}

static unsigned int size_two_bytes(const struct instruction *in)
{
	if (IN(in->opcode, {0x90, 0x9f}, {0xb0, 0xb0}, {0xb6, 0xb6}, {0xbe, 0xbe}, {0xc0, 0xc0}) &&
	    !in->extended)
		return 1;
	if (IN(in->opcode, {0xb7, 0xb7}, {0xbf, 0xbf}))
		return 2;
	if (IN(in->opcode, {0x40, 0x4f}, {0xa3, 0xaf}, {0xb1, 0xbd}, {0xc1, 0xc1}, {0xc3, 0xc3}) &&
	    !in->extended)
		return by_width(in);
	return size_vector(in);
}

static unsigned int size_of(const struct instruction *in)
{
	if (in->map == 0)
		return size_one_byte(in);
	if (in->map == 1)
		return size_two_bytes(in);
	if (in->map == 2 && in->opcode >= 0xf0)
		return by_width(in);
	return in->vector ? in->vector : 16;
}

// -- reading or writing

static void directions_one_byte(const struct instruction *in, unsigned int reg,
				struct debug_access *access)
{
	bool both = (in->opcode < 0x38 && (in->opcode & 2) == 0) || // add, or, ... to memory
		    IN(in->opcode, {0x86, 0x87}, {0xc0, 0xc1}, {0xd0, 0xd3}) ||
		    (IN(in->opcode, {0x80, 0x83}) && reg != 7) || // but cmp
		    (IN(in->opcode, {0xf6, 0xf7}) && (reg == 2 || reg == 3)) ||
		    (IN(in->opcode, {0xfe, 0xff}) && reg < 2);
	bool store = IN(in->opcode, {0x88, 0x89}, {0x8c, 0x8c}, {0x8f, 0x8f}, {0xc6, 0xc7}) ||
		     (IN(in->opcode, {0xd9, 0xd9}, {0xdb, 0xdb}, {0xdd, 0xdd}, {0xdf, 0xdf}) &&
		      (IN((uint8_t)reg, {1, 3}, {6, 7})));

	access->writes = both || store;
	access->reads = !store;
}

static void directions_two_bytes(const struct instruction *in, unsigned int reg,
				 struct debug_access *access)
{
	bool both = !in->extended && (IN(in->opcode, {0xa4, 0xa5}, {0xab, 0xad}, {0xb0, 0xb1},
					 {0xb3, 0xb3}, {0xbb, 0xbb}, {0xc0, 0xc1}) ||
				      (in->opcode == 0xba && reg > 4));
	bool store = IN(in->opcode, {0x11, 0x11}, {0x13, 0x13}, {0x17, 0x17}, {0x29, 0x29},
			{0x2b, 0x2b}, {0x7f, 0x7f}, {0x90, 0x9f}, {0xc3, 0xc3}, {0xd6, 0xd6},
			{0xe7, 0xe7}) ||
		     (in->opcode == 0x7e && in->prefix != 0xf3);

	access->writes = both || store;
	access->reads = !store;
}

static void directions(const struct instruction *in, unsigned int reg, struct debug_access *access)
{
	if (in->map == 0) {
		directions_one_byte(in, reg, access);
	} else if (in->map == 1) {
		directions_two_bytes(in, reg, access);
	} else {
		access->writes = in->map == 2
					 ? (IN(in->opcode, {0x2e, 0x2f}, {0x63, 0x63},
					       {0x8a, 0x8b}, {0x8e, 0x8e}, {0xf1, 0xf1}) &&
					    in->prefix != 0xf2) ||
						   (in->prefix == 0xf3 && of_elements(in))
					 : IN(in->opcode, {0x14, 0x17}, {0x19, 0x19}, {0x1b, 0x1b},
					      {0x1d, 0x1d}, {0x39, 0x39}, {0x3b, 0x3b});
		access->reads = !access->writes;
	}
}

// -- the address

static int32_t displacement(struct instruction *in, unsigned int mod)
{
	int32_t wide;

	if (mod == 1)
		return (int8_t)*in->at * (int32_t)(in->compact ? in->compact : 1);
	if (mod == 0)
		return 0;
	memcpy(&wide, in->at, sizeof(wide));
	return wide;
}

// False: a register, or relative to rip.
static bool address_of(struct instruction *in, uintptr_t *address)
{
	uint8_t modrm = *in->at++, sib;
	unsigned int mod = modrm >> 6, rm = modrm & 7, index;
	uint64_t sum = 0;

	if (mod == 3 || (mod == 0 && rm == 5))
		return false;
	if (rm == 4) {
		sib = *in->at++;
		index = (sib >> 3 & 7u) | (in->x ? 8u : 0u);
		if (index != 4)
			sum = value(in, index) << (sib >> 6);
		rm = sib & 7;
		if (mod == 0 && rm == 5) {
			*address = sum + (uint64_t)(int64_t)displacement(in, 2);
			return true;
		}
	}
	sum += value(in, rm | (in->b ? 8u : 0u));
	*address = sum + (uint64_t)(int64_t)displacement(in, mod);
	return true;
}

// movs cmps stos lods scas: rsi and rdi, one element at a time.
static unsigned int string_accesses(const struct instruction *in, struct debug_access *accesses)
{
	struct debug_access from = {.address = in->registers[CONTEXT_RSI], .reads = true};
	struct debug_access to = {.address = in->registers[CONTEXT_RDI], .writes = true};
	unsigned int count = 0, family = in->opcode & 0xfe;

	if (in->repeated && in->registers[CONTEXT_RCX] == 0)
		return 0;
	from.size = to.size = in->opcode & 1 ? by_width(in) : 1;
	from.passes = family == 0xa4;           // movs: as of a structure with gaps
	if (family == 0xa6 || family == 0xae) { // cmps, scas
		to.reads = true;
		to.writes = false;
	}
	if (family == 0xa4 || family == 0xa6 || family == 0xac)
		accesses[count++] = from;
	if (family != 0xac)
		accesses[count++] = to;
	return count;
}

// mov fs:0x28, a register
static bool gets_canary(const struct instruction *in)
{
	return in->elsewhere && in->map == 0 && in->opcode == 0x8b && (in->at[0] & 0xc7) == 4 &&
	       memcmp(in->at + 1, "\x25\x28\0\0\0", 5) == 0;
}

static enum debug_kind kind_of(const struct instruction *in)
{
	unsigned int reg = *in->at >> 3 & 7;

	if (in->map == 1)
		return in->opcode == 0x05 ? KIND_SYSTEM_CALL : KIND_OTHER;
	if (gets_canary(in))
		return KIND_CANARY;
	if (in->map != 0)
		return KIND_OTHER;
	if (in->opcode == 0xe8 || (in->opcode == 0xff && (reg == 2 || reg == 3)))
		return KIND_CALL;
	if (in->opcode == 0x55 && !in->b)
		return KIND_PUSH_FRAME;
	if (IN(in->opcode, {0x50, 0x57}, {0x68, 0x68}, {0x6a, 0x6a}, {0x9c, 0x9c}) ||
	    (in->opcode == 0xff && reg == 6))
		return KIND_PUSH;
	if (IN(in->opcode, {0x29, 0x29}, {0x2b, 0x2b}, {0x8d, 0x8d}, {0x89, 0x89}, {0x8b, 0x8b},
	       {0x21, 0x25}) ||
	    (IN(in->opcode, {0x81, 0x81}, {0x83, 0x83}) && reg != 7))
		return KIND_SUBTRACT;
	return KIND_OTHER;
}

enum debug_kind debug_decode(const uint64_t *registers, struct debug_access accesses[2],
			     unsigned int *count)
{
	struct instruction in = {.at = (const uint8_t *)registers[CONTEXT_RIP],
				 .registers = registers};
	unsigned int reg;
	enum debug_kind kind;

	read_opcode(&in);
	*count = 0;
	kind = kind_of(&in);
	if (in.elsewhere)
		return kind;
	if (in.map == 0 && IN(in.opcode, {0xa4, 0xa7}, {0xaa, 0xaf})) {
		*count = string_accesses(&in, accesses);
		return kind;
	}
	if (!has_operand(&in))
		return kind;
	reg = *in.at >> 3 & 7;
	accesses->size = size_of(&in);
	accesses->partial = of_elements(&in);
	accesses->vector = with_vector_register(&in);
	accesses->passes = in.map == 0 && IN(in.opcode, {0x80, 0x83}) && (reg == 1 || reg == 4);
	directions(&in, reg, accesses);
	*count = address_of(&in, &accesses->address);
	return kind;
}
