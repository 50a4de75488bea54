// SPDX-License-Identifier: MIT
//
// Reading and writing small files of text. Nothing here allocates: the programs that use it are
// looking at their own memory.
#include "user/lib/file_text.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static long read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t step;

	while (length < size - 1) {
		step = read(fd, text + length, size - 1 - length);
		if (step < 0)
			return -1;
		if (step == 0)
			break;
		length += (size_t)step;
	}
	text[length] = '\0';
	return (long)length;
}

long file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	long length;

	text[0] = '\0';
	if (fd < 0)
		return -1;
	length = read_all(fd, text, size);
	close(fd);
	return length;
}

bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool written;

	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text)) >= 0;
	close(fd);
	return written;
}

long file_ask(const char *path, const char *question, char *answer, size_t size)
{
	int fd = open(path, O_RDWR);
	long length = -1;

	answer[0] = '\0';
	if (fd < 0)
		return -1;
	if (write(fd, question, strlen(question)) >= 0 && lseek(fd, 0, SEEK_SET) >= 0)
		length = read_all(fd, answer, size);
	close(fd);
	return length;
}

char *next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (!*line)
		return NULL;
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}
