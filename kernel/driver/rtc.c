// SPDX-License-Identifier: MIT
//
// The PC's battery clock (MC146818). Read once, while starting. Years are taken as 20xx.
#include "kernel/driver/rtc.h"
#include "kernel/machine/instructions.h"
#include <stdbool.h>

#define INDEX_PORT 0x70
#define DATA_PORT  0x71

enum { RTC_SECOND = 0, RTC_MINUTE = 2, RTC_HOUR = 4, RTC_DAY = 7, RTC_MONTH = 8, RTC_YEAR = 9 };
#define STATUS_A        0x0a
#define STATUS_B        0x0b
#define UPDATING        0x80 // in A
#define BINARY          0x04 // in B
#define HOURS_24        0x02
#define HOUR_PM         0x80
#define UPDATE_WAIT_MAX 100000 // reads of a clock that is not there

struct rtc_time {
	uint8_t second, minute, hour, day, month, year;
};

static uint8_t read_register(uint8_t index)
{
	port_write8(INDEX_PORT, index);
	return port_read8(DATA_PORT);
}

static struct rtc_time read_raw(void)
{
	for (unsigned i = 0; i < UPDATE_WAIT_MAX && (read_register(STATUS_A) & UPDATING); i++)
		__builtin_ia32_pause();
	return (struct rtc_time){
		.second = read_register(RTC_SECOND),
		.minute = read_register(RTC_MINUTE),
		.hour = read_register(RTC_HOUR),
		.day = read_register(RTC_DAY),
		.month = read_register(RTC_MONTH),
		.year = read_register(RTC_YEAR),
	};
}

static uint8_t from_bcd(uint8_t value)
{
	return value / 16 * 10 + value % 16;
}

static struct rtc_time decode(struct rtc_time raw, uint8_t status)
{
	bool pm = !(status & HOURS_24) && (raw.hour & HOUR_PM);

	if (!(status & HOURS_24))
		raw.hour &= ~HOUR_PM;
	if (!(status & BINARY))
		raw = (struct rtc_time){from_bcd(raw.second), from_bcd(raw.minute),
					from_bcd(raw.hour),   from_bcd(raw.day),
					from_bcd(raw.month),  from_bcd(raw.year)};
	if (!(status & HOURS_24))
		raw.hour = raw.hour % 12 + (pm ? 12 : 0);
	return raw;
}

// Days from 1970-01-01, in the calendar that begins its years in March, so that the leap day
// comes last.
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

	return 365ul * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t rtc_read(void)
{
	struct rtc_time first = read_raw(), second = read_raw(), time;

	// An update between two registers shows as a difference.
	while (__builtin_memcmp(&first, &second, sizeof(first)) != 0) {
		first = second;
		second = read_raw();
	}
	time = decode(second, read_register(STATUS_B));
	if (time.month < 1 || time.month > 12 || time.day < 1 || time.day > 31 || time.hour > 23)
		return 0;
	return days_since_1970(2000 + time.year, time.month, time.day) * 86400 +
	       time.hour * 3600ul + time.minute * 60ul + time.second;
}
