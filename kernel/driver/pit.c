// SPDX-License-Identifier: MIT
//
// The 8254: channel 0 for the tick, channel 2 (the speaker's, with the speaker off) to measure.
#include "kernel/driver/pit.h"
#include "kernel/machine/instructions.h"

#define CHANNEL_0      0x40
#define CHANNEL_2      0x42
#define COMMAND        0x43
#define SPEAKER        0x61
#define SPEAKER_GATE   0x01 // channel 2 counts
#define SPEAKER_ON     0x02
#define SPEAKER_OUTPUT 0x20 // channel 2's output: goes up when it has counted down

#define COMMAND_RATE_0     0x34 // channel 0, low byte then high byte, mode 2: again and again
#define COMMAND_ONE_SHOT_2 0xb0 // channel 2, low byte then high byte, mode 0: once

void pit_start_tick(unsigned per_second)
{
	unsigned divisor = (PIT_HZ + per_second / 2) / per_second;

	port_write8(COMMAND, COMMAND_RATE_0);
	port_write8(CHANNEL_0, divisor);
	port_write8(CHANNEL_0, divisor >> 8);
}

uint64_t pit_measure_tsc(uint16_t count)
{
	uint8_t speaker = port_read8(SPEAKER) & ~(SPEAKER_ON | SPEAKER_GATE);
	uint64_t start;

	port_write8(SPEAKER, speaker | SPEAKER_GATE);
	port_write8(COMMAND, COMMAND_ONE_SHOT_2);
	port_write8(CHANNEL_2, count);
	port_write8(CHANNEL_2, count >> 8);
	start = tsc_read();
	while (!(port_read8(SPEAKER) & SPEAKER_OUTPUT))
		__builtin_ia32_pause();
	start = tsc_read() - start;
	port_write8(SPEAKER, speaker);
	return start;
}
