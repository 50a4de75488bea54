// SPDX-License-Identifier: MIT
//
// The 8254: channel 0 for the tick, channel 2 (the speaker's, with the speaker off) to measure.
#include "kernel/driver/pit.h"
#include "kernel/machine/instructions.h"

#define CHANNEL_0    0x40
#define CHANNEL_2    0x42
#define COMMAND      0x43
#define SPEAKER      0x61
#define SPEAKER_GATE 0x01 // channel 2 counts
#define SPEAKER_ON   0x02

#define COMMAND_RATE_0     0x34 // channel 0, low byte then high byte, mode 2: again and again
#define COMMAND_ONE_SHOT_2 0xb0 // channel 2, low byte then high byte, mode 0: once
#define COMMAND_LATCH_2    0x80 // keep channel 2's count for reading

#define COUNT_MAX       0xffff // 55 ms
#define MEASURED_COUNTS 23864  // 20 ms
#define SAMPLE_TRIES    8

void pit_start_tick(unsigned per_second)
{
	unsigned divisor = (PIT_HZ + per_second / 2) / per_second;

	port_write8(COMMAND, COMMAND_RATE_0);
	port_write8(CHANNEL_0, divisor);
	port_write8(CHANNEL_0, divisor >> 8);
}

struct sample {
	uint64_t tsc;
	uint16_t count; // left to count down
};

// Both clocks at one moment, as near as can be had: the shortest of a few readings, as the host of
// a virtual machine may take a break in the middle of one.
static struct sample take_sample(void)
{
	struct sample best = {0};
	uint64_t shortest = UINT64_MAX;

	for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = tsc_read(), duration;
		uint16_t count;

		port_write8(COMMAND, COMMAND_LATCH_2);
		count = port_read8(CHANNEL_2);
		count |= port_read8(CHANNEL_2) << 8;
		duration = tsc_read() - before;
		if (duration < shortest) {
			shortest = duration;
			best = (struct sample){before + duration / 2, count};
		}
	}
	return best;
}

uint64_t pit_measure_tsc_hz(void)
{
	uint8_t speaker = port_read8(SPEAKER) & ~(SPEAKER_ON | SPEAKER_GATE);
	struct sample first, last;
	unsigned passed;

	port_write8(SPEAKER, speaker | SPEAKER_GATE);
	port_write8(COMMAND, COMMAND_ONE_SHOT_2);
	port_write8(CHANNEL_2, COUNT_MAX & 0xff);
	port_write8(CHANNEL_2, COUNT_MAX >> 8);
	first = take_sample();
	do {
		last = take_sample();
		passed = first.count - last.count;
	} while (passed < MEASURED_COUNTS && last.count <= first.count);
	port_write8(SPEAKER, speaker);
	if (last.count >= first.count) // ran out: the machine stood still for 50 ms
		return 0;
	return (last.tsc - first.tsc) * PIT_HZ / passed;
}
