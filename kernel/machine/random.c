// SPDX-License-Identifier: MIT
//
// ChaCha20 (RFC 8439) as a generator: each request encrypts a counter under a key, and the first
// half of the output becomes the next key, so that what was given out cannot be computed from
// what is left. Left out: gathering entropy from interrupts.
//
// `lock` guards the state; taken with interrupts off.
#include "kernel/machine/random.h"
#include "kernel/machine/instructions.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "lib/string.h"

#define KEY_WORDS    8
#define BLOCK_WORDS  16
#define ROUNDS       20
#define RDRAND_TRIES 10 // SDM vol. 1, 7.3.17.1

static struct spinlock lock;
static uint32_t key[KEY_WORDS];
static bool seeded;

static uint32_t rotate(uint32_t word, unsigned by)
{
	return word << by | word >> (32 - by);
}

static void quarter_round(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

static void chacha_block(uint64_t counter, uint32_t out[BLOCK_WORDS])
{
	uint32_t in[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	memcpy(in + 4, key, sizeof(key));
	memcpy(in + 12, &counter, sizeof(counter));
	memcpy(out, in, sizeof(in));
	for (unsigned round = 0; round < ROUNDS; round += 2) {
		for (unsigned i = 0; i < 4; i++)
			quarter_round(out, i, i + 4, i + 8, i + 12);
		for (unsigned i = 0; i < 4; i++)
			quarter_round(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (unsigned i = 0; i < BLOCK_WORDS; i++)
		out[i] += in[i];
}

static bool hardware_random(uint64_t *value)
{
	uint8_t ok = 0;

	for (unsigned i = 0; i < RDRAND_TRIES && !ok; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok) : : "cc");
	return ok;
}

static void seed(void)
{
	bool rdrand = cpuid(1, 0).ecx >> 30 & 1;

	for (unsigned i = 0; i < KEY_WORDS; i += 2) {
		uint64_t value = 0;

		if (rdrand)
			hardware_random(&value);
		value ^= tsc_read() ^ clock_realtime() << 17;
		memcpy(&key[i], &value, sizeof(value));
	}
	seeded = true;
}

void random_bytes(void *to, size_t count)
{
	uint32_t block[BLOCK_WORDS], next_key[KEY_WORDS];
	uint64_t counter = 0, flags = spin_lock_irqsave(&lock);
	char *at = to;

	if (!seeded)
		seed();
	chacha_block(counter++, block);
	memcpy(next_key, block, sizeof(next_key));
	// The rest of the first block serves the usual 16 bytes of exec.
	for (char *from = (char *)(block + KEY_WORDS), *end = (char *)(block + BLOCK_WORDS);
	     count > 0;) {
		size_t part = count < (size_t)(end - from) ? count : (size_t)(end - from);

		memcpy(at, from, part);
		at += part;
		count -= part;
		if (count > 0)
			chacha_block(counter++, block);
		from = (char *)block;
	}
	memcpy(key, next_key, sizeof(key));
	spin_unlock_irqrestore(&lock, flags);
}
