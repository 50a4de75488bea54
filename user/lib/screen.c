// SPDX-License-Identifier: MIT
//
// Output for a person; see screen.h.
#include "user/lib/screen.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_USUAL 80
#define WIDTH_MAX   100
#define BAR_MAX     40
#define KEY_BREAK   3 // Ctrl-C
#define KEY_END     4 // Ctrl-D

static bool interactive, coloured;
static int width = WIDTH_USUAL;

void screen_start(void)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
	struct winsize size;

	interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	coloured = isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
		   !(terminal && strcmp(terminal, "dumb") == 0);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
		width = size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}

bool screen_interactive(void)
{
	return interactive;
}

const char *style(enum style style)
{
	static const char *const sequences[] = {"\033[0m",  "\033[1m",  "\033[2m",
						"\033[32m", "\033[31m", "\033[36m"};

	return coloured ? sequences[style] : "";
}

static void wrap(const char *text)
{
	int column = 0;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column > 0 && column + 1 + length > width - 1) {
			putchar('\n');
			column = 0;
		}
		column += printf("%s%.*s", column ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}

void say(const char *format, ...)
{
	static char text[2000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	wrap(text);
}

void show(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("    %s", style(STYLE_ACCENT));
	vprintf(format, arguments);
	printf("%s\n", style(STYLE_PLAIN));
	va_end(arguments);
}

const char *bar(unsigned long value, unsigned long unit)
{
	static char bars[4][BAR_MAX + 1];
	static unsigned next;
	char *text = bars[next++ % 4];
	unsigned long length = (value + unit / 2) / unit;

	if (length > BAR_MAX)
		length = BAR_MAX;
	memset(text, '#', length);
	text[length] = '\0';
	return text;
}

// One byte, without waiting for the end of a line: the terminal's line editing is off meanwhile,
// and so is Ctrl-C's signal, after which nobody would turn it on again.
static int read_key(void)
{
	struct termios before, now;
	unsigned char key = KEY_END;

	if (ioctl(STDIN_FILENO, TCGETS, &before) < 0)
		return KEY_END;
	now = before;
	now.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	ioctl(STDIN_FILENO, TCSETS, &now);
	if (read(STDIN_FILENO, &key, 1) != 1)
		key = KEY_END;
	ioctl(STDIN_FILENO, TCSETS, &before);
	return key;
}

bool screen_wait(void)
{
	int key = 0;

	if (!interactive)
		return true;
	printf("\n%s-- Enter or space: go on    q: to the prompt --%s", style(STYLE_DIM),
	       style(STYLE_PLAIN));
	fflush(stdout);
	while (!strchr("\r\n qQ", key) || !key) {
		key = read_key();
		if (key == KEY_END || key == KEY_BREAK)
			break;
	}
	printf("\r%50s\r", "");
	return key == '\r' || key == '\n' || key == ' ';
}
