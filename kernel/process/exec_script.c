// SPDX-License-Identifier: MIT
//
// Scripts: "#!interpreter [argument]" in a file's first line. The interpreter gets itself, the
// argument (one word with all its spaces), the script's path and the caller's arguments from the
// second on.
#include "kernel/file/inode.h"
#include "kernel/process/exec_internal.h"
#include "lib/string.h"
#include "mm/object.h"
#include "mm/slab.h"
#include <linux/errno.h>

#define LINE_MAX 256 // Linux's BINPRM_BUF_SIZE

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

// Cuts the line, which begins behind "#!", in two words. NULL: there is no interpreter.
static char *split(char *line, char **argument)
{
	char *word, *end;

	while (is_space(*line))
		line++;
	word = line;
	while (*line && !is_space(*line))
		line++;
	*argument = NULL;
	end = line + strlen(line);
	while (is_space(*line))
		*line++ = '\0';
	while (end > line && is_space(end[-1]))
		*--end = '\0';
	if (*line)
		*argument = line;
	return *word ? word : NULL;
}

static char *append(char *to, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(to, text, size);
	return to + size;
}

// Puts interpreter, argument and script before what there is of the strings.
static int add_prefix(struct exec_strings *strings, const char *interpreter, const char *argument,
		      const char *script)
{
	size_t old_skip = strings->prefix ? strlen(strings->prefix) + 1 : 0;
	size_t old = strings->prefix_size - old_skip;
	size_t size = strlen(interpreter) + 1 + (argument ? strlen(argument) + 1 : 0) +
		      strlen(script) + 1 + old;
	char *prefix = kmalloc(size), *end;

	if (!prefix)
		return -ENOMEM;
	end = append(prefix, interpreter);
	if (argument)
		end = append(end, argument);
	end = append(end, script);
	if (old)
		memcpy(end, strings->prefix + old_skip, old);
	strings->prefix_count += (strings->prefix ? 1 : 2) + !!argument;
	strings->skip = strings->first_size;
	kfree(strings->prefix);
	strings->prefix = prefix;
	strings->prefix_size = size;
	return 0;
}

// The first line without "#!" and its end, terminated. 1, 0: no script, or -errno.
static int read_line(struct inode *inode, char line[LINE_MAX + 1])
{
	long count = object_read(inode->object, 0, line, LINE_MAX);
	char *end;

	if (count < 0)
		return (int)count;
	if (count < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	line[count] = '\0';
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	else if (count == LINE_MAX)
		return -ENOEXEC; // it may have been cut
	return 1;
}

int script_resolve(struct inode *inode, char *path, struct exec_strings *strings)
{
	char line[LINE_MAX + 1];
	char *interpreter, *argument;
	int result;

	if (!inode_is(inode, S_IFREG) || inode_permission(inode, 1))
		return -EACCES;
	result = inode->object ? read_line(inode, line) : 0;
	if (result <= 0)
		return result;
	interpreter = split(line + 2, &argument);
	if (!interpreter)
		return -ENOEXEC;
	result = add_prefix(strings, interpreter, argument, path);
	if (result)
		return result;
	strlcpy(path, interpreter, EXEC_PATH_SIZE);
	return 1;
}
