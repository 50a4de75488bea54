// SPDX-License-Identifier: MIT
//
// kernel/file/line_discipline.c: what is typed, what is shown, and what a program then reads.
//
// link: kernel/file/line_discipline.c
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include "kernel/file/line_discipline.h"
#include "tests/unit/random.h"

static struct line line;
static char shown[65536]; // what the screen got
static size_t shown_size;
static int last_signal;

static void show(struct line *of, const uint8_t *bytes, size_t count)
{
	assert_ptr_equal(of, &line);
	if (shown_size + count > sizeof(shown))
		shown_size = 0;
	memcpy(shown + shown_size, bytes, count);
	shown_size += count;
}

static void note_signal(struct line *of, int signal)
{
	assert_ptr_equal(of, &line);
	last_signal = signal;
}

static const struct line_host host = {.output = show, .signal = note_signal};

static int start(void **state)
{
	(void)state;
	line_init(&line, &host);
	shown_size = 0;
	last_signal = 0;
	return 0;
}

static void type(const char *keys)
{
	for (; *keys; keys++)
		assert_true(line_receive(&line, (uint8_t)*keys));
}

static void expect_read(const char *expected)
{
	char bytes[LINE_SIZE];
	bool done;
	size_t count = line_read(&line, (uint8_t *)bytes, sizeof(bytes), &done);

	assert_int_equal(count, strlen(expected));
	assert_memory_equal(bytes, expected, count);
}

static void expect_shown(const char *expected)
{
	assert_int_equal(shown_size, strlen(expected));
	assert_memory_equal(shown, expected, shown_size);
	shown_size = 0;
}

static void set_local(tcflag_t off, tcflag_t on)
{
	struct termios settings = line.settings;

	settings.c_lflag = (settings.c_lflag & ~off) | on;
	line_set(&line, &settings);
}

static void test_a_line(void **state)
{
	(void)state;
	type("hello");
	assert_int_equal(line_available(&line), 0);
	expect_read("");
	type("\r");
	expect_shown("hello\r\n");
	assert_int_equal(line_available(&line), 6);
	expect_read("hello\n");
	assert_int_equal(line_available(&line), 0);
}

static void test_one_line_a_read(void **state)
{
	uint8_t bytes[3];
	bool done;

	(void)state;
	type("one\ntwo\n");
	expect_read("one\n");
	assert_int_equal(line_read(&line, bytes, 3, &done), 3);
	assert_false(done);
	assert_int_equal(line_read(&line, bytes, 3, &done), 1);
	assert_true(done);
}

static void test_erase(void **state)
{
	(void)state;
	type("ab\x7f\x7f\x7f"
	     "c\n");
	expect_shown("ab\b \b\b \bc\r\n");
	expect_read("c\n");
}

// What a tab or a control character took on the screen is what erasing it wipes.
static void test_erase_widths(void **state)
{
	(void)state;
	type("ab\t");
	shown_size = 0;
	type("\x7f");
	expect_shown("\b \b\b \b\b \b\b \b\b \b\b \b");
	type("\x01");
	expect_shown("^A");
	type("\x7f");
	expect_shown("\b \b\b \b");
	type("\n");
	expect_read("ab\n");
}

static void test_utf8(void **state)
{
	struct termios settings = line.settings;

	(void)state;
	settings.c_iflag |= IUTF8;
	line_set(&line, &settings);
	type("a\xed\x95\x9c");
	shown_size = 0;
	type("\x7f\n");
	expect_shown("\b \b\r\n");
	expect_read("a\n");
}

static void test_kill_and_word(void **state)
{
	(void)state;
	type("rm -rf\x15ls\n");
	expect_read("ls\n");
	type("cat one two \x17three\n");
	expect_read("cat one three\n");
}

static void test_end_of_file(void **state)
{
	uint8_t bytes[8];
	bool done;

	(void)state;
	type("\x04");
	assert_int_equal(line_available(&line), 1);
	assert_int_equal(line_read(&line, bytes, 8, &done), 0);
	assert_true(done);
	assert_int_equal(line_available(&line), 0);
	// Behind other bytes it only ends the read, even if that asked for exactly those bytes.
	type("abc\x04");
	assert_int_equal(line_read(&line, bytes, 3, &done), 3);
	assert_true(done);
	assert_int_equal(line_available(&line), 0);
}

static void test_signals(void **state)
{
	(void)state;
	type("half a line\x03");
	assert_int_equal(last_signal, SIGINT);
	assert_memory_equal(shown + shown_size - 2, "^C", 2);
	type("x\n");
	expect_read("x\n");
	type("\x1a");
	assert_int_equal(last_signal, SIGTSTP);
	type("\x1c");
	assert_int_equal(last_signal, SIGQUIT);
	last_signal = 0;
	set_local(ISIG, 0);
	type("\x03\n");
	assert_int_equal(last_signal, 0);
	expect_read("\x03\n");
}

static void test_no_flush(void **state)
{
	(void)state;
	set_local(0, NOFLSH);
	type("kept\x03 line\n");
	expect_read("kept line\n");
}

static void test_literal(void **state)
{
	(void)state;
	type("a\x16\x03"
	     "b\n");
	assert_int_equal(last_signal, 0);
	expect_read("a\x03"
		    "b\n");
}

static void test_raw(void **state)
{
	struct termios settings = line.settings;

	(void)state;
	settings.c_iflag = 0;
	settings.c_oflag = 0;
	settings.c_lflag = 0;
	line_set(&line, &settings);
	type("a\r\x03\x7f\x04\n");
	assert_int_equal(line_available(&line), 6);
	expect_read("a\r\x03\x7f\x04\n");
	expect_shown("");
}

static void test_change_of_mode(void **state)
{
	(void)state;
	type("typed ahead");
	set_local(ICANON, 0);
	assert_int_equal(line_available(&line), 11);
	set_local(0, ICANON);
	expect_read("typed ahead");
}

static void test_no_echo(void **state)
{
	(void)state;
	set_local(ECHO, 0);
	type("secret\x7f\n");
	expect_shown("");
	expect_read("secre\n");
	set_local(0, ECHONL);
	type("x\n");
	expect_shown("\r\n");
}

static void test_return_and_newline(void **state)
{
	struct termios settings = line.settings;

	(void)state;
	settings.c_iflag = IGNCR;
	line_set(&line, &settings);
	type("a\rb\n");
	expect_read("ab\n");
	settings.c_iflag = INLCR;
	line_set(&line, &settings);
	type("a\n\x04");
	expect_read("a\r");
}

static void test_flow(void **state)
{
	(void)state;
	type("\x13");
	assert_true(line.stopped);
	type("\x11");
	assert_false(line.stopped);
	assert_int_equal(line.head, line.tail);
}

// The longest line: what does not fit is refused with a bell, but its end gets in.
static void test_full(void **state)
{
	char bytes[LINE_SIZE];
	bool done;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		type("x");
	assert_int_equal(shown[shown_size - 1], '\a');
	type("\n");
	assert_int_equal(line_read(&line, (uint8_t *)bytes, LINE_SIZE, &done), LINE_SIZE);
	assert_true(done);
	assert_int_equal(bytes[LINE_SIZE - 1], '\n');
	set_local(ICANON | ECHO, 0);
	for (unsigned i = 0; i < LINE_SIZE; i++)
		assert_true(line_receive(&line, 'y'));
	assert_false(line_receive(&line, 'y')); // the sender can wait
	assert_int_equal(line_available(&line), LINE_SIZE);
}

static void expect_output(const char *from, const char *expected)
{
	uint8_t to[64];
	size_t used;
	size_t count = line_output(&line, (const uint8_t *)from, strlen(from), to, 64, &used);

	assert_int_equal(used, strlen(from));
	assert_int_equal(count, strlen(expected));
	assert_memory_equal(to, expected, count);
}

static void test_output(void **state)
{
	uint8_t to[10];
	size_t used;

	(void)state;
	expect_output("a\nb", "a\r\nb");
	expect_output("\t", "\t");
	line.settings.c_oflag |= XTABS;
	expect_output("\rab\tc", "\rab      c");
	// Never past the room: the next call goes on.
	assert_int_equal(line_output(&line, (const uint8_t *)"\n\n\n\n\n\n", 6, to, 10, &used), 4);
	assert_int_equal(used, 2);
	line.settings.c_oflag = 0;
	expect_output("a\n\t", "a\n\t");
}

static void change_settings(void)
{
	struct termios settings = line.settings;

	settings.c_lflag ^= 1u << random_below(16);
	settings.c_iflag ^= 1u << random_below(15);
	settings.c_oflag ^= 1u << random_below(14);
	settings.c_cc[random_below(NCCS)] = (uint8_t)random_below(128);
	line_set(&line, &settings);
}

// Whatever is typed under whatever settings, counters stay in order and nothing is overrun.
static void test_anything(void **state)
{
	uint8_t bytes[100];
	bool done;

	(void)state;
	random_start();
	for (unsigned i = 0; i < 300000; i++) {
		uint64_t choice = random_below(200);

		if (choice == 0)
			change_settings();
		else if (choice < 4)
			line_read(&line, bytes, (size_t)random_below(100), &done);
		else if (choice < 50)
			line_receive(&line, (uint8_t)random_below(32));
		else
			line_receive(&line, (uint8_t)random_below(256));
		assert_true(line.head - line.tail <= LINE_SIZE);
		assert_true(line_available(&line) <= line.head - line.tail);
	}
}

#define TEST(function) cmocka_unit_test_setup(function, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_line),      TEST(test_one_line_a_read),
		TEST(test_erase),       TEST(test_erase_widths),
		TEST(test_utf8),        TEST(test_kill_and_word),
		TEST(test_end_of_file), TEST(test_signals),
		TEST(test_no_flush),    TEST(test_literal),
		TEST(test_raw),         TEST(test_change_of_mode),
		TEST(test_no_echo),     TEST(test_return_and_newline),
		TEST(test_flow),        TEST(test_full),
		TEST(test_output),      TEST(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
